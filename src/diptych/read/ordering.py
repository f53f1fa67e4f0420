"""Ordering: in which order the rows of a read model come, and what comes after one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.model.rows import Column

Conditions = tuple[sa.ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One column of an ordering, and whether it goes down."""

    column: Column
    of: sa.ColumnElement[Any]
    down: bool

    @property
    def nullable(self) -> bool:
        """Say whether a row may have no value here."""
        return bool(getattr(self.of, "nullable", True))

    def clause(self) -> sa.ColumnElement[Any]:
        """Return what ORDER BY says. None comes before every value: first going up, last going down."""
        clause = self.of.desc() if self.down else self.of.asc()
        if not self.nullable:
            return clause
        return clause.nulls_last() if self.down else clause.nulls_first()

    def same(self, value: Any) -> sa.ColumnElement[bool]:
        """Hold where this column has the value."""
        return self.of.is_(None) if value is None else self.of == self.bound(value)

    def beyond(self, value: Any) -> Iterator[sa.ColumnElement[bool]]:
        """Yield ranges of this column that lie after the value, each of which an index finds, in their order."""
        if value is None:
            if not self.down:
                yield self.of.is_not(None)
            return
        yield self.of < self.bound(value) if self.down else self.of > self.bound(value)
        if self.down and self.nullable:
            yield self.of.is_(None)

    def bound(self, value: Any) -> sa.ColumnElement[Any]:
        """Return the value as one of this column."""
        return sa.literal(value, self.of.type)


@dataclass(frozen=True, slots=True)
class Ordering:
    """Order rows by columns and, where those are equal, by key: no two rows share a place."""

    model: str
    places: tuple[Place, ...]

    def clauses(self) -> list[sa.ColumnElement[Any]]:
        """Return the clauses of ORDER BY."""
        return [place.clause() for place in self.places]

    def after(self, values: Sequence[Any] | None) -> Iterator[Conditions]:
        """Yield the conditions of consecutive stretches of the rows after the one with these values; None: of all rows.

        One stretch, a comparison of row values, where all columns go one way and none lacks a value; else one for each
        column: equal up to it, and beyond in it. Either way an index of these columns goes straight to the place.
        """
        if values is None:
            yield ()
            return
        if len({place.down for place in self.places}) == 1 and not any(place.nullable for place in self.places):
            yield (self._row_value(values),)
            return
        for count in range(len(self.places) - 1, -1, -1):
            equal = tuple(place.same(value) for place, value in zip(self.places[:count], values, strict=False))
            yield from ((*equal, beyond) for beyond in self.places[count].beyond(values[count]))

    def _row_value(self, values: Sequence[Any]) -> sa.ColumnElement[bool]:
        columns = sa.tuple_(*(place.of for place in self.places))
        given = sa.tuple_(*(place.bound(value) for place, value in zip(self.places, values, strict=True)))
        return columns < given if self.places[0].down else columns > given


def ordering_of(model: ReadModel[Any], table: sa.Table, order: str | Sequence[str]) -> Ordering:
    """Return the ordering by these columns, `-` before one that goes down, and then by key.

    Raises TypeError for a column that is not there or has no order.
    """
    names = (order,) if isinstance(order, str) else tuple(order)
    asked = {name.removeprefix("-"): name.startswith("-") for name in names}
    directions = asked | {name: False for name in model.key if name not in asked}
    known = {column.name: column for column in model.columns}
    for name in directions:
        if name not in known:
            raise TypeError(f"{model.name!r} has no column {name!r}; it has {', '.join(known)}")
    return Ordering(model.name, tuple(Place(known[name], table.c[name], down) for name, down in directions.items()))
