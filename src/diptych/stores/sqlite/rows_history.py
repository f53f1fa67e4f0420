"""The history of rows: what writes their versions in SQLite, and reads them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from diptych.model.projections import POSITION, Key, ReadModel
from diptych.ports import Version
from diptych.stores.history_tables import (
    FOREVER,
    FROM,
    TO,
    bound,
    chained,
    history_table,
    past_selects,
    same,
    told,
    view_of,
)
from diptych.stores.sqlite.rows_statements import physical
from diptych.stores.tables import Conversion, conversion_of

_DIALECT = sqlite.dialect(paramstyle="qmark")
_NAMED = sqlite.dialect(paramstyle="named")


@dataclass(frozen=True, slots=True)
class HistoryWriting:
    """Write the versions of one generation of a read model; `create` makes its table and view."""

    conversion: Conversion
    insert: str
    close: str
    create: tuple[str, ...]

    def write(self, connection: sqlite3.Connection, versions: Sequence[tuple[Key, int, Any]]) -> None:
        """Close what the first version of each key supersedes, then insert; the last version of a position counts."""
        if not versions:
            return
        closing, rows = chained(versions)
        encode_row, encode_key = self.conversion.encode, self.conversion.encode_key
        ended = ((position, *encode_key(key) * 2) for key, position in closing.items())
        connection.executemany(self.close, ended)
        connection.executemany(self.insert, ((*encode_row(key, row), start, end) for key, row, start, end in rows))


@lru_cache(maxsize=512)
def history_of(model: ReadModel[Any], generation: int) -> HistoryWriting | None:
    """Compile the writing statements of a read model with history; None for one without."""
    if not model.history:
        return None
    table = history_table(model, f"{physical(model.name, generation)}__h")
    older = table.alias("older")
    newest = sa.select(sa.func.max(older.c[FROM])).where(*same(older, model)).scalar_subquery()
    close = (
        sa.update(table)
        .values({TO: sa.bindparam("ended")})
        .where(*same(table, model), table.c[TO] == sa.literal_column(str(FOREVER)), table.c[FROM] == newest)
    )
    insert = sa.insert(table).values({column.name: sa.bindparam(column.name) for column in table.c})
    create = (str(CreateTable(table).compile(dialect=_DIALECT)), _view(model.name, table.name, _names(table)))
    return HistoryWriting(conversion_of(model), _text(insert), _text(close), create)


def history_statements(model: ReadModel[Any], generation: int) -> tuple[str, ...]:
    """Return what creates the versions of a generation: table and view, for append-only rows a view, or nothing."""
    written = history_of(model, generation)
    if written is not None:
        return written.create
    if not model.append_only:
        return ()
    names = [column.name for column in model.columns]
    made = f"{_quoted(POSITION)} as {FROM}, {FOREVER} as {TO}"
    return (_view(model.name, physical(model.name, generation), [*map(_quoted, names), made]),)


def history_drop_of(name: str, generation: int) -> tuple[str, ...]:
    """Return the statements that drop the versions of one generation, where there are any."""
    table = _quoted(f"{physical(name, generation)}__h")
    return (f"drop view if exists {_quoted(view_of(name))}", f"drop table if exists {table}")


@dataclass(frozen=True, slots=True)
class HistoryReading:
    """Read the rows of one read model as they were at a position, and the versions of one key."""

    conversion: Conversion
    one: str
    versions: str
    width: int

    def at(self, connection: sqlite3.Connection, keys: Sequence[Key], position: int) -> dict[Key, Any]:
        """Return the rows that existed among these keys when everything up to `position` was folded."""
        key_of, row_of, width = self.conversion.decode_key, self.conversion.decode, self.width
        found: dict[Key, Any] = {}
        for key in keys:
            for values in connection.execute(self.one, {**bound(self.conversion, key), "position": position}):
                found[key_of(values)] = row_of(values[width:])
        return found

    def between(
        self, connection: sqlite3.Connection, key: Key, after: int, until: int, limit: int
    ) -> Sequence[Version]:
        """Return the versions of a key in (after, until], the oldest first, at most `limit`."""
        given = {**bound(self.conversion, key), "after": after, "until": until, "limit": limit + 1}
        found = connection.execute(self.versions, given).fetchall()
        return list(told(self.conversion, found, after, until))[:limit]


def past_of(model: ReadModel[Any]) -> HistoryReading:
    """Compile the statements that read the past of a read model with history, or of append-only rows."""
    conversion = conversion_of(model)
    past = past_selects(model, conversion, history_table(model, view_of(model.name)))
    return HistoryReading(conversion, _text(past.one, _NAMED), _text(past.versions, _NAMED), len(model.key))


def _names(table: sa.Table) -> list[str]:
    return [_quoted(column.name) for column in table.c]


def _view(name: str, table: str, columns: Iterable[str]) -> str:
    return f"create view if not exists {_quoted(view_of(name))} as select {', '.join(columns)} from {_quoted(table)}"  # noqa: S608 (our own names)


def _quoted(name: str) -> str:
    return _DIALECT.identifier_preparer.quote(name)


def _text(statement: Any, dialect: Any = _DIALECT) -> str:
    return str(statement.compile(dialect=dialect))
