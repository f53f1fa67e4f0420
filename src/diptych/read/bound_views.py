"""Bound views: views with the rows that their selects read, checked before anything is opened."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.projections import ReadModel
from diptych.model.rows import row_type_of
from diptych.model.views import MaterialisedView
from diptych.module import Module
from diptych.ports import ViewStore
from diptych.read.fingerprint import fingerprint_of
from diptych.read.resolver import RowsResolver
from diptych.read.rows import Shelf
from diptych.syntax import code_of

Code = tuple[int, str]
"""The version of a projection, and its fingerprint."""


@dataclass(frozen=True, eq=False)
class BoundView:
    """Hold a view with the read models below it, and the fingerprint of all code that its rows depend on."""

    view: MaterialisedView[Any]
    models: tuple[ReadModel[Any], ...]
    projections: tuple[str, ...]
    fingerprint: str
    statement: Callable[[], Any]
    """Return the select; the function is called for every refresh, since it may look at the time."""

    @property
    def name(self) -> str:
        """Return the name of the view."""
        return self.view.name


def bind(
    modules: Iterable[Module], resolver: RowsResolver, shelf: Shelf, code: Mapping[str, Code], store: ViewStore
) -> Mapping[str, BoundView]:
    """Return the views of modules by name, and put their rows on the shelf; raise WiringError for what does not fit.

    `code` is that of every projection: a version is raised for what no fingerprint sees.
    """
    views: dict[str, MaterialisedView[Any]] = {}
    for module in modules:
        for view in module.views:
            _refuse_clash(view, views.get(view.name), shelf)
            views[view.name] = view
    rows = {view.model.row: view for view in views.values()}
    bound = {name: _bound(view, resolver, shelf, rows, code) for name, view in views.items()}
    for each in bound.values():
        store.refuse_unfit(each.view, each.statement())
    shelf.models |= {name: view.model for name, view in views.items()}
    return bound


def _bound(
    view: MaterialisedView[Any],
    resolver: RowsResolver,
    shelf: Shelf,
    rows: Mapping[Any, MaterialisedView[Any]],
    code: Mapping[str, Code],
) -> BoundView:
    for parameter in view.parameters:
        if row_type_of(parameter.type) in rows:
            raise _stacked(view, rows[row_type_of(parameter.type)].name)
    sources = [resolver(parameter, view.function) for parameter in view.parameters]
    arguments = tuple(source.value for source in sources if source is not None)

    def statement() -> Any:
        return view.function(*arguments)

    models = {model.name: model for model in resolver.models_of(view.parameters)}
    models |= {name: shelf.models[name] for name in _read(view, statement, shelf)}
    projections = tuple(dict.fromkeys(model.projection for model in models.values()))
    below = sorted(f"{version} {text}" for version, text in (code[name] for name in projections))
    parts = (fingerprint_of(view.home), code_of(view.function), *below)
    fingerprint = blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()
    return BoundView(view, tuple(models.values()), projections, fingerprint, statement)


def _read(view: MaterialisedView[Any], statement: Callable[[], Any], shelf: Shelf) -> list[str]:
    """Return the names of the read models that the select reads, whoever gave it their tables."""
    parts = list(visitors.iterate(_select(view, statement)))
    if any(isinstance(part, sa.TextClause) for part in parts):
        raise WiringError(
            f"the select of view {view.name!r} has SQL as text: nobody sees which read models it reads",
            where=place_of(view.function),
            fix="write it with the tables of its rows: sales.table.c",
        )
    named = dict.fromkeys(part.name for part in parts if isinstance(part, sa.TableClause))
    unknown = [name for name in named if name not in shelf.models]
    if unknown:
        raise WiringError(
            f"the select of view {view.name!r} reads {unknown[0]!r}, which is no read model of this application",
            where=place_of(view.function),
            fix=f"take its rows as a parameter; there are: {', '.join(shelf.models) or 'none'}",
        )
    return list(named)


def _select(view: MaterialisedView[Any], statement: Callable[[], Any]) -> Any:
    try:
        made = statement()
    except Exception as wrong:
        raise WiringError(
            f"the function of view {view.name!r} raised {type(wrong).__name__}: {wrong}",
            where=place_of(view.function),
            fix="make it return a select() over the tables of its rows: sales.table.c names their columns",
        ) from wrong
    if not isinstance(made, sa.SelectBase):
        raise WiringError(
            f"the function of view {view.name!r} returned {type(made).__name__}, not a select()",
            where=place_of(view.function),
            fix="return sa.select(...) over the tables of its rows",
        )
    return made


def _refuse_clash(view: MaterialisedView[Any], other: MaterialisedView[Any] | None, shelf: Shelf) -> None:
    if other is None and view.name not in shelf.models:
        return
    taken = f"a view at {place_of(other.function)}" if other is not None else "a read model"
    raise WiringError(
        f"view {view.name!r} has the name of {taken}",
        where=place_of(view.function),
        fix="name one of them otherwise: @module.materialised(..., name='...')",
    )


def _stacked(view: MaterialisedView[Any], below: str) -> WiringError:
    return WiringError(
        f"view {view.name!r} reads view {below!r}; a view reads read models, so that its position is theirs",
        where=place_of(view.function),
        fix=f"repeat the select of {below!r} as a subquery: one function may make it for both",
    )
