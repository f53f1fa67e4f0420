"""Projections: read models as folds of the log, row by row.

A projection is the unit of progress: one checkpoint, one version, one rebuild. Its read models are folded in the order
in which they are declared; events strictly in the order of their positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, overload

from diptych.errors import WiringError
from diptych.errors.casing import parted
from diptych.model.fields import place_of
from diptych.model.folds import event_classes
from diptych.model.indexes import Index, declared, groups_of
from diptych.model.messages import event_type
from diptych.model.registering import fan_out, fold_of, rollup_of
from diptych.model.rowfolds import Key, KeysOf, Reference, RollupFold, RowFold
from diptych.model.rows import Column, columns_of, refuse_unscaled

__all__ = ["FanOut", "Key", "KeysOf", "Projection", "ReadModel", "RowFold", "snake"]

V = TypeVar("V")
F = TypeVar("F", bound=Callable[..., Any])

POSITION = "position"
INDEX = "index"
_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")
_TAKEN = re.compile(r"^(sqlite|diptych)_|__(h$|g\d)")  # of generations, versions, and the store itself
_OF_VERSIONS = {"_from", "_to"}  # the positions between which a version holds


@dataclass(eq=False)
class ReadModel(Generic[V]):
    """Keep rows of type V, one per key, each the fold of the events with that key.

    Made by `Projection.read_model` or `Projection.append_only`.
    """

    row: type[V]
    name: str
    key: tuple[str, ...]
    projection: str
    append_only: bool = False
    history: bool = False
    indexes: tuple[tuple[str, ...], ...] = ()
    declared: tuple[Index, ...] = ()
    """The indexes that say more than columns."""
    folds: dict[type, list[RowFold]] = field(default_factory=dict)
    rollups: list[RollupFold] = field(default_factory=list)
    order: int = 0
    """Which of its projection's read models this is, in the order of declaration."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns: for append-only rows, position and index come first."""
        own = columns_of(self.row)
        if not self.append_only:
            return own
        return (Column(POSITION, int, optional=False), Column(INDEX, int, optional=False), *own)

    def key_of(self, row: V) -> Key:
        """Return the key of a row that is not append-only."""
        return tuple(getattr(row, name) for name in self.key)

    def __getitem__(self, key: str | tuple[str, ...] | Callable[[Any], Any]) -> Reference[V]:
        """Name the row that an event points to, by fields of the event: `on(department=departments["department"])`.

        A function computes the key. The fold gets the row as it stands right there in the log, None where the event
        points nowhere or there is none.
        """
        return Reference(self, key)

    @overload
    def on(self, function: F, /) -> F: ...
    @overload
    def on(
        self,
        /,
        *,
        key: str | tuple[str, ...] | Callable[[Any], Any] = ...,
        keys: Callable[[Any], Iterable[Any]] = ...,
        **references: Reference[Any],
    ) -> Callable[[F], F]: ...
    def on(self, function: Any = None, /, *, key: Any = None, keys: Any = None, **references: Any) -> Any:
        """Register a fold for the events that its second parameter names (its first, for append-only rows).

        The key is read from the event's fields of the same names; an event whose key is None changes no row. `key`
        names other fields or computes it, `keys` computes several, for an event that changes several rows. Every other
        argument is a reference: `department=departments["department"]` gives the parameter `department` that row.
        """
        if function is not None:
            return self._register(function, None, None, {})
        return lambda given: self._register(given, key, keys, references)

    def where(self, **columns: str) -> FanOut[V]:
        """Select the rows whose columns equal these fields of an event: `@products.where(department="department").on`.

        The columns get an index. Rows are folded in the order of their keys.
        """
        return FanOut(self, tuple(columns.items()))

    def rollup(
        self, source: ReadModel[Any], *, key: str | tuple[str, ...] | Callable[[Any], Any] | None = None
    ) -> Callable[[F], F]:
        """Register a fold over the row changes of a read model declared above: `(row, RowChange[V]) -> row | None`.

        The key is read from the changed row's columns of the same names; `key` names others or computes it. A row whose
        key is None counts nowhere; one that moves from key to key is told as deleted there and new here.
        """

        def register(function: F) -> F:
            self.rollups.append(rollup_of(self, source, function, key))
            return function

        return register

    def _register(self, function: F, key: Any, keys: Any, references: dict[str, Reference[Any]]) -> F:
        for event in event_classes(function, at=0 if self.append_only else 1):
            fold = fold_of(self, function, event, key=key, keys=keys, references=references)
            self.folds.setdefault(event, []).append(fold)
        return function


@dataclass(frozen=True, eq=False)
class FanOut(Generic[V]):
    """Hold which rows of a read model an event changes: those whose columns equal its fields."""

    model: ReadModel[V]
    columns: tuple[tuple[str, str], ...]

    @overload
    def on(self, function: F, /) -> F: ...
    @overload
    def on(self, /, **references: Reference[Any]) -> Callable[[F], F]: ...
    def on(self, function: Any = None, /, **references: Any) -> Any:
        """Register a fold `(row, event, ...) -> row | None` for every such row; references as in `ReadModel.on`."""
        if function is not None:
            return self._register(function, {})
        return lambda given: self._register(given, references)

    def _register(self, function: F, references: dict[str, Reference[Any]]) -> F:
        for event in event_classes(function, at=1):
            fold = fan_out(self.model, function, event, self.columns, references)
            self.model.folds.setdefault(event, []).append(fold)
        # With the key, so that the rows are found in its order.
        names = tuple(dict.fromkeys((*(column for column, _ in self.columns), *self.model.key)))
        if names not in self.model.indexes:
            self.model.indexes = (*self.model.indexes, names)
        return function


class Projection:
    """Declare read models that are folded together.

    Raise `version` when a fold or a row type changes: the read models are then rebuilt from the log.
    """

    def __init__(self, name: str, *, version: int = 1) -> None:
        if not _NAME.match(name) or version < 1:
            raise WiringError(
                f"projection {name!r} version {version} cannot be kept",
                fix="name it in lower case with underscores, and count versions from 1",
            )
        self.name, self.version = name, version
        self.models: list[ReadModel[Any]] = []

    def read_model(
        self,
        row: type[V],
        *,
        key: str | tuple[str, ...],
        name: str | None = None,
        history: bool = False,
        indexes: Iterable[str | tuple[str, ...] | Index] = (),
    ) -> ReadModel[V]:
        """Declare a read model: rows of this type, keyed by these columns.

        An index is a column, a group of them, or an Index.
        """
        names = (key,) if isinstance(key, str) else key
        title = name or snake(row.__name__)
        return self._add(ReadModel(row, title, names, self.name, history=history), indexes)

    def append_only(
        self, row: type[V], *, name: str | None = None, indexes: Iterable[str | tuple[str, ...] | Index] = ()
    ) -> ReadModel[V]:
        """Declare append-only rows, keyed by their event's position and their index in it; a fold takes the event."""
        title, key = name or snake(row.__name__), (POSITION, INDEX)
        return self._add(ReadModel(row, title, key, self.name, append_only=True), indexes)

    @property
    def events(self) -> tuple[type, ...]:
        """Return the event classes that any of the read models folds."""
        return tuple(dict.fromkeys(event for model in self.models for event in model.folds))

    @property
    def types(self) -> tuple[str, ...]:
        """Return the stored names that the projection reads, sorted."""
        return tuple(sorted({event_type(event).name for event in self.events}))

    def folds(self) -> Iterator[tuple[ReadModel[Any], RowFold]]:
        """Yield every fold with its read model, in the order of declaration."""
        for model in self.models:
            for folds in model.folds.values():
                yield from ((model, fold) for fold in folds)

    def _add(self, model: ReadModel[V], indexes: Iterable[str | tuple[str, ...] | Index]) -> ReadModel[V]:
        given = tuple(indexes)
        model.indexes, model.declared = groups_of(given), declared(model.row, given)
        known = {column.name for column in model.columns}
        indexed = (*model.indexes, *(index.names for index in model.declared))
        wanted = {*model.key, *(name for group in indexed for name in group)}
        if not _NAME.match(model.name):
            raise WiringError(
                f"read model {model.name!r} cannot be kept",
                where=place_of(model.row),
                fix="name it in lower case with underscores: read_model(..., name='...')",
            )
        _refuse_taken(model, known)
        if not wanted <= known:
            raise _lacking(model, wanted - known, known)
        for column in model.columns:
            if column.name in wanted:
                refuse_unscaled(model.row, column)
        _refuse_doubled(model)
        model.order = len(self.models)
        self.models.append(model)
        return model


def _refuse_doubled(model: ReadModel[Any]) -> None:
    alone = ((column.name,) for column in model.columns if column.indexed or column.unique)
    found: tuple[Index | tuple[str, ...], ...] = (*alone, *model.indexes, *model.declared)
    twice = [each for at, each in enumerate(found) if each in found[:at]]
    if twice:
        told = twice[0] if isinstance(twice[0], Index) else ", ".join(twice[0])
        raise WiringError(
            f"read model {model.name!r} has the index ({told}) twice",
            where=place_of(model.row),
            fix="declare it once, by Indexed or Unique at its column or by indexes=[...]",
        )


def _refuse_taken(model: ReadModel[Any], columns: set[str]) -> None:
    if _TAKEN.search(model.name):
        raise WiringError(
            f"read model {model.name!r} has a name of the row store's own",
            where=place_of(model.row),
            fix="begin it with neither sqlite_ nor diptych_, and leave out __h and __g1: read_model(..., name='...')",
        )
    taken = sorted(columns & _OF_VERSIONS) if model.history or model.append_only else []
    if taken:
        raise WiringError(
            f"rows {model.row.__qualname__} of {model.name!r} have a past, and their column {taken[0]!r} has a name of "
            f"the versions' own",
            where=place_of(model.row),
            fix=f"call it otherwise: {taken[0].strip('_')}_",
        )
    if model.append_only:
        _refuse_keys(model)


def _refuse_keys(model: ReadModel[Any]) -> None:
    taken = [column.name for column in columns_of(model.row) if column.name in model.key]
    if taken:
        raise WiringError(
            f"rows {model.row.__qualname__} of {model.name!r} are append-only, and have their own {taken[0]!r}, which "
            f"is a part of their key",
            where=place_of(model.row),
            fix=f"leave it out: the key has it; or call it otherwise: event_{taken[0]}",
        )


def _lacking(model: ReadModel[Any], wanted: set[str], known: set[str]) -> WiringError:
    down = next((name for name in sorted(wanted) if name.removeprefix("-") in known), None)
    columns = f"{model.row.__qualname__}: {', '.join(sorted(known))}"
    return WiringError(
        f"read model {model.name!r} is keyed or indexed by {sorted(wanted)}, which its rows lack",
        where=place_of(model.row),
        fix=f"write Index({down!r}) for a descending index" if down else f"name columns of {columns}",
    )


def snake(name: str) -> str:
    """Return a class name in snake case.

    >>> snake("ProductView")
    'product_view'
    """
    return parted(name, "_")
