"""Shapes: pages that differ in their values only share their statements, which are made once."""

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
    """Keep the statements of one read model: by the columns that equal something, those that are None, and the order.

    To make the two statements of a page costs SQLAlchemy more than it costs SQLite to run them.
    """

    __slots__ = ("_column", "_fields", "_kept", "_model", "_table")

    def __init__(
        self, model: ReadModel[Any], table: sa.Table, fields: Sequence[str], column: Callable[[str], sa.Column[Any]]
    ) -> None:
        self._model, self._table, self._fields, self._column = model, table, fields, column
        self._kept: dict[Any, Any] = {}

    def of(self, equals: Mapping[str, Any], order: str | Sequence[str]) -> Shape:
        """Return the shape of a page; raises TypeError for a column that is not there or has no order."""
        names = (order,) if isinstance(order, str) else tuple(order)
        found: Shape = self._found(names, equals, lambda where: self._made(where, names))
        return found

    def search(self, text: TextSearch, equals: Mapping[str, Any], values: Mapping[str, Any]) -> Prepared:
        """Return the statement of a page of a search with its values; raises TypeError as `of`."""
        return Prepared(self._found(None, equals, text.page), {**values, **_given(equals)})

    def _found(self, kind: Any, equals: Mapping[str, Any], made: Callable[[Sequence[Any]], Any]) -> Any:
        nothing = tuple(name for name, value in equals.items() if value is None)
        asked = (kind, tuple(equals), nothing)
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # a caller who makes up orders does not fill the memory
            where = [self._equal(name, value) for name, value in equals.items()]
            found = self._kept[asked] = made(where)
        return found

    def _made(self, where: Sequence[Any], order: Sequence[str]) -> Shape:
        counted = sa.select(sa.func.count()).select_from(self._table).where(*where)
        fields = (self._table.c[name] for name in self._fields)
        page = sa.select(*fields).where(*where).order_by(*ordering_of(self._model, self._table, order).clauses())
        limit, offset = (sa.bindparam(name, type_=sa.Integer()) for name in (_LIMIT, _OFFSET))
        return Shape(counted, page.limit(limit).offset(offset))

    def _equal(self, name: str, value: Any) -> sa.ColumnElement[bool]:
        column = self._column(name)
        return column.is_(None) if value is None else column == sa.bindparam(name, type_=column.type)


def _given(equals: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in equals.items() if value is not None}
