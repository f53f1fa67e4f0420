"""Versions: what a save does to the history of rows in PostgreSQL, as parts of its statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from diptych.model.projections import ReadModel
from diptych.ports import Changes
from diptych.stores.history_tables import FOREVER, FROM, TO, chained
from diptych.stores.kinds import IN_JSON
from diptych.stores.postgres.rows_history import versions_table
from diptych.stores.postgres.rows_moves import Condition, Move
from diptych.stores.postgres.rows_sent import packing
from diptych.stores.tables import conversion_of


class Closing:
    """End the stored versions of rows where the first new ones of a batch begin."""

    name = "closed"

    def __init__(self, model: ReadModel[Any], table: sa.Table) -> None:
        self._table, self._keys = table, [table.c[name] for name in model.key]
        self._encode_key, self._pack = conversion_of(model, IN_JSON).encode_key, packing(1 + len(model.key))

    def columns(self) -> Sequence[Any]:
        """Return the types of a position and of the key."""
        return [self._table.c[TO].type, *(key.type for key in self._keys)]

    def statement(self, rows: Any, condition: Condition) -> Any:
        """Set where the newest version of each key ends, unless it has ended."""
        older = self._table.alias("older")
        newest = sa.select(sa.func.max(older.c[FROM])).where(*_same(self._keys, older.c, rows)).correlate(rows)
        return (
            sa.update(self._table)
            .values({TO: rows.c.c0})
            .where(*_same(self._keys, self._table.c, rows), self._table.c[FROM] == newest.scalar_subquery())
            .where(self._table.c[TO] == sa.literal_column(str(FOREVER)), condition)
        )

    def packed(self, changes: Changes) -> str | None:
        """Return the first position of each key, and the keys."""
        return self._pack((at, *self._encode_key(key)) for key, at in chained(changes.versions).closing.items())


class Adding:
    """Insert the versions of a batch."""

    name = "versions"

    def __init__(self, model: ReadModel[Any], table: sa.Table) -> None:
        self._table, self._encode = table, conversion_of(model, IN_JSON).encode
        self._pack = packing(len(table.c))

    def columns(self) -> Sequence[Any]:
        """Return the types of the columns."""
        return [column.type for column in self._table.c]

    def statement(self, rows: Any, condition: Condition) -> Any:
        """Insert; no version is there already."""
        names = [column.name for column in self._table.c]
        return sa.insert(self._table).from_select(names, sa.select(rows).where(condition), include_defaults=False)

    def packed(self, changes: Changes) -> str | None:
        """Return the values of the versions."""
        encode = self._encode
        return self._pack((*encode(key, row), start, end) for key, row, start, end in chained(changes.versions).rows)


def history_moves(model: ReadModel[Any], generation: int) -> Sequence[Move]:
    """Return what a save does to the versions of one generation; nothing for rows without history."""
    if not model.history:
        return ()
    table = versions_table(model, generation)
    return Closing(model, table), Adding(model, table)


def _same(keys: Sequence[sa.Column[Any]], columns: Any, rows: Any) -> list[Condition]:
    return [columns[key.name] == rows.c[f"c{at}"] for at, key in enumerate(keys, start=1)]
