"""Shapes: pages that differ in nothing, or in compared values only, share their statements, which are made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.ports import Prepared, TextSearch
from diptych.read.ordering import ordering_of

_KEPT = 200
_LIMIT, _OFFSET = "page limit", "page offset"  # no column has a blank in its name


class Shape(NamedTuple):
    """The statements of one shape: how many rows there are, and a page of them."""

    counted: Any  # SQLAlchemy selects
    page: Any

    def prepared(self, equals: Mapping[str, Any], limit: int, offset: int) -> tuple[Prepared, Prepared]:
        """Return both with the values of this time."""
        values = _given(equals)
        return Prepared(self.counted, values), Prepared(self.page, {**values, _LIMIT: limit, _OFFSET: offset})


class Shapes:
    """Keep the statements of one read model: by specifications, columns that equal something or are None, and order.

    To make the two statements of a page costs SQLAlchemy more than it costs SQLite to run them.
    """

    __slots__ = ("_conditions", "_fields", "_kept", "_model", "_table")

    def __init__(
        self,
        model: ReadModel[Any],
        table: sa.Table,
        fields: Sequence[str],
        conditions: Callable[[Sequence[Any], dict[str, Any]], list[Any]],
    ) -> None:
        self._model, self._table, self._fields, self._conditions = model, table, fields, conditions
        self._kept: dict[Any, Any] = {}

    def of(self, where: Sequence[Any], equals: Mapping[str, Any], order: str | Sequence[str]) -> Shape:
        """Return the shape of a page; raises TypeError for a column that is not there or has no order."""
        names = (order,) if isinstance(order, str) else tuple(order)
        found: Shape = self._found(names, where, equals, lambda conditions: self._made(conditions, names))
        return found

    def search(
        self, text: TextSearch, where: Sequence[Any], equals: Mapping[str, Any], values: Mapping[str, Any]
    ) -> Prepared:
        """Return the statement of a page of a search with its values; raises TypeError as `of`."""
        return Prepared(self._found(None, where, equals, text.page), {**values, **_given(equals)})

    def _found(
        self, kind: Any, where: Sequence[Any], equals: Mapping[str, Any], made: Callable[[Sequence[Any]], Any]
    ) -> Any:
        nothing = tuple(name for name, value in equals.items() if value is None)
        asked = (kind, tuple(where), tuple(equals), nothing)
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # a caller who makes up orders does not fill the memory
            compared = {name: _parameter(name, value, self._table) for name, value in equals.items()}
            found = self._kept[asked] = made(self._conditions(where, compared))
        return found

    def _made(self, where: Sequence[Any], order: Sequence[str]) -> Shape:
        counted = sa.select(sa.func.count()).select_from(self._table).where(*where)
        fields = (self._table.c[name] for name in self._fields)
        page = sa.select(*fields).where(*where).order_by(*ordering_of(self._model, self._table, order).clauses())
        limit, offset = (sa.bindparam(name, type_=sa.Integer()) for name in (_LIMIT, _OFFSET))
        return Shape(counted, page.limit(limit).offset(offset))


def _parameter(name: str, value: Any, table: sa.Table) -> Any:
    # A name that the table lacks is refused where it becomes a condition.
    return None if value is None or name not in table.c else sa.bindparam(_named(name), type_=table.c[name].type)


def _given(equals: Mapping[str, Any]) -> dict[str, Any]:
    return {_named(name): value for name, value in equals.items() if value is not None}


def _named(column: str) -> str:
    return f"is {column}"  # SQLAlchemy makes up names for parameters of its own, and a column may be called so
