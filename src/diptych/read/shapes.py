"""Shapes: pages that differ in their values only share their statements, which are made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.ports import Prepared
from diptych.read.ordering import ordering_of

_KEPT = 200
_LIMIT, _OFFSET = "page limit", "page offset"  # no column has a blank in its name


class Shape(NamedTuple):
    """The statements of one shape: how many rows there are, and a page of them."""

    counted: Any  # SQLAlchemy selects
    page: Any

    def prepared(self, equals: Mapping[str, Any], limit: int, offset: int) -> tuple[Prepared, Prepared]:
        """Return both with the values of this time."""
        values = {name: value for name, value in equals.items() if value is not None}
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
        self._kept: dict[Any, Shape] = {}

    def of(self, equals: Mapping[str, Any], order: str | Sequence[str]) -> Shape:
        """Return the shape of a page; raises TypeError for a column that is not there or has no order."""
        nothing = tuple(name for name, value in equals.items() if value is None)
        asked = (tuple(equals), nothing, order if isinstance(order, str) else tuple(order))
        found = self._kept.get(asked)
        if found is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()  # a caller who makes up orders does not fill the memory
            found = self._kept[asked] = self._made(equals, order)
        return found

    def _made(self, equals: Mapping[str, Any], order: str | Sequence[str]) -> Shape:
        where = [self._equal(name, value) for name, value in equals.items()]
        counted = sa.select(sa.func.count()).select_from(self._table).where(*where)
        fields = (self._table.c[name] for name in self._fields)
        page = sa.select(*fields).where(*where).order_by(*ordering_of(self._model, self._table, order).clauses())
        limit, offset = (sa.bindparam(name, type_=sa.Integer()) for name in (_LIMIT, _OFFSET))
        return Shape(counted, page.limit(limit).offset(offset))

    def _equal(self, name: str, value: Any) -> sa.ColumnElement[bool]:
        column = self._column(name)
        return column.is_(None) if value is None else column == sa.bindparam(name, type_=column.type)
