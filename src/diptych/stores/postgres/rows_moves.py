"""Moves: what one save does to the tables of one read model, as parts of one statement for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from diptych.ports import Changes
from diptych.stores.postgres.rows_sent import packing
from diptych.stores.postgres.rows_statements import Writing

Condition = sa.ColumnElement[bool]


class Move(Protocol):
    """Write one kind of change of one read model; `name` tells it from the others of its read model."""

    @property
    def name(self) -> str:
        """Return its name."""
        ...

    def statement(self, rows: Any, condition: Condition) -> Any:  # Any: SQLAlchemy's, a table and what writes
        """Return what writes rows, a table of columns c0, c1, wherever the condition holds."""
        ...

    def columns(self) -> Sequence[Any]:
        """Return the types of these columns."""
        ...

    def packed(self, changes: Changes) -> str | None:
        """Return the rows of `statement`, or None where there is nothing to write."""
        ...


class Deleting:
    """Delete rows."""

    name = "gone"

    def __init__(self, writing: Writing) -> None:
        self._table, self._encode = writing.table, writing.sent.encode_key
        self._keys = key_of(writing.table)
        self._pack = packing(len(self._keys))

    def columns(self) -> Sequence[Any]:
        """Return the types of the key."""
        return [key.type for key in self._keys]

    def statement(self, rows: Any, condition: Condition) -> Any:
        """Delete by key, and by nothing else: what is known of the table may be from when it was empty."""
        held = self._table.alias("held")
        place: sa.ColumnElement[Any] = sa.column("ctid", _selectable=self._table)
        same = (held.c[key.name] == rows.c[f"c{at}"] for at, key in enumerate(self._keys))
        found = sa.select(sa.column("ctid", _selectable=held)).where(*same).correlate(rows).scalar_subquery()
        return sa.delete(self._table).where(place == found, rows.c.c0.is_not(None), condition)

    def packed(self, changes: Changes) -> str | None:
        """Return the keys of what is gone."""
        return self._pack(self._encode(key) for key, row in changes.rows.items() if row is None)


class Putting:
    """Insert rows, or update those that are there."""

    name = "put"

    def __init__(self, writing: Writing) -> None:
        self._writing, self._table = writing, writing.table
        self._keys = [key.name for key in key_of(writing.table)]
        self._pack = packing(len(writing.columns))

    def columns(self) -> Sequence[Any]:
        """Return the types of the columns."""
        return [self._table.c[name].type for name in self._writing.columns]

    def statement(self, rows: Any, condition: Condition) -> Any:
        """Insert, or update by key: whatever else a row would break is an error."""
        names = self._writing.columns
        added = insert(self._table).from_select(names, sa.select(rows).where(condition), include_defaults=False)
        others = {name: added.excluded[name] for name in names if name not in self._keys}
        if not others:
            return added.on_conflict_do_nothing(index_elements=self._keys)
        return added.on_conflict_do_update(index_elements=self._keys, set_=others)

    def packed(self, changes: Changes) -> str | None:
        """Return the values of what is there now."""
        encode = self._writing.sent.encode
        return self._pack(encode(key, row) for key, row in changes.rows.items() if row is not None)


def moves_of(writing: Writing) -> Sequence[Move]:
    """Return what may happen to one generation, in this order: a value that is to be unique is given up first."""
    return Deleting(writing), Putting(writing)


def key_of(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns of the key in its order."""
    return list(table.primary_key.columns)
