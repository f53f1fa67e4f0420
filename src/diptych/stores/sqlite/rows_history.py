"""The history of rows: every version by position, in a table beside each generation's, behind a view of its own.

A version holds from its position, `_from`, to that of the next one, `_to`; the current one to `FOREVER`. Append-only
rows have one version each: the view makes it up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql import visitors

from diptych.model.projections import POSITION, Key, ReadModel
from diptych.ports import Version
from diptych.stores.sqlite.rows_statements import physical
from diptych.stores.tables import Conversion, conversion_of, table_of

FOREVER = (1 << 63) - 1
FROM, TO = "_from", "_to"
_DIALECT = sqlite.dialect(paramstyle="qmark")
_NAMED = sqlite.dialect(paramstyle="named")

VersionRow = tuple[Any, ...]  # Any: the stored values of a row, then `_from` and `_to`


def view_of(name: str) -> str:
    """Return the name of the view over the versions of a read model's live generation."""
    return f"{name}__h"


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
        closing, rows = _chained(versions)
        encode_row, encode_key = self.conversion.encode, self.conversion.encode_key
        ended = ((position, *encode_key(key) * 2) for key, position in closing.items())
        connection.executemany(self.close, ended)
        connection.executemany(self.insert, ((*encode_row(key, row), start, end) for key, row, start, end in rows))


def _chained(versions: Sequence[tuple[Key, int, Any]]) -> tuple[dict[Key, int], list[tuple[Key, Any, int, int]]]:
    """Return where each key's stored version ends, and what is to be inserted: key, row, from, to."""
    closing: dict[Key, int] = {}
    newest: dict[Key, tuple[int, Any]] = {}
    rows: list[tuple[Key, Any, int, int]] = []
    for key, position, row in versions:
        before = newest.get(key)
        if before is None:
            closing[key] = position
        elif before[0] != position and before[1] is not None:
            rows.append((key, before[1], before[0], position))
        newest[key] = (position, row)
    rows += [(key, row, position, FOREVER) for key, (position, row) in newest.items() if row is not None]
    return closing, rows


def history_of(model: ReadModel[Any], generation: int) -> HistoryWriting | None:
    """Compile the writing statements of a read model with history; None for one without."""
    if not model.history:
        return None
    table = _table(model, f"{physical(model.name, generation)}__h")
    older = table.alias("older")
    newest = sa.select(sa.func.max(older.c[FROM])).where(*_same(older, model)).scalar_subquery()
    close = (
        sa.update(table)
        .values({TO: sa.bindparam("ended")})
        .where(*_same(table, model), table.c[TO] == sa.literal_column(str(FOREVER)), table.c[FROM] == newest)
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
            bound = {**self._bound(key), "position": position}
            for values in connection.execute(self.one, bound):
                found[key_of(values)] = row_of(values[width:])
        return found

    def between(
        self, connection: sqlite3.Connection, key: Key, after: int, until: int, limit: int
    ) -> Sequence[Version]:
        """Return the versions of a key in (after, until], the oldest first, at most `limit`."""
        bound = {**self._bound(key), "after": after, "until": until, "limit": limit + 1}
        found = connection.execute(self.versions, bound).fetchall()
        return list(self._told(found, after, until))[:limit]

    def _told(self, found: Sequence[VersionRow], after: int, until: int) -> Iterator[Version]:
        row_of = self.conversion.decode
        for at, (start, end, *values) in enumerate(found):
            if start > after:
                yield Version(start, row_of(tuple(values)))
            if after < end <= until and (at + 1 == len(found) or found[at + 1][0] != end):
                yield Version(end, None)

    def _bound(self, key: Key) -> dict[str, Any]:
        return {f"k{at}": part for at, part in enumerate(self.conversion.encode_key(key))}


def past_of(model: ReadModel[Any]) -> HistoryReading:
    """Compile the statements that read the past of a read model with history, or of append-only rows."""
    table, conversion = _table(model, view_of(model.name)), conversion_of(model)
    older = table.alias("older")
    fields = [table.c[name].label(f"f_{name}") for name in conversion.fields]
    newest = sa.select(sa.func.max(older.c[FROM])).where(*_same(older, model))
    one = sa.select(*(table.c[name] for name in model.key), *fields).where(
        *_same(table, model),
        table.c[FROM] == newest.where(older.c[FROM] <= sa.bindparam("position")).scalar_subquery(),
        table.c[TO] > sa.bindparam("position"),
    )
    before = newest.where(older.c[FROM] <= sa.bindparam("after")).scalar_subquery()
    versions = (
        sa.select(table.c[FROM], table.c[TO], *fields)
        .where(
            *_same(table, model),
            table.c[FROM] >= sa.func.coalesce(before, sa.literal_column("0")),
            table.c[FROM] <= sa.bindparam("until"),
        )
        .order_by(table.c[FROM])
        .limit(sa.bindparam("limit"))
        .offset(sa.literal_column("0"))
    )
    return HistoryReading(conversion, _text(one, _NAMED), _text(versions, _NAMED), len(model.key))


def as_of(statement: Any, position: int) -> Any:  # Any: a SQLAlchemy select
    """Return a `select()` that finds, by the names of read models, their rows at a position.

    A common table expression of the same name stands before each table, wherever in the statement it is read.
    """
    named = {each.name: each for each in visitors.iterate(statement) if isinstance(each, sa.TableClause)}
    for name, table in named.items():
        past = sa.table(view_of(name), *(sa.column(column) for column in (*table.c.keys(), FROM, TO)))
        rows = sa.select(*(past.c[column] for column in table.c.keys()))  # noqa: SIM118 (a collection of columns)
        held = rows.where(past.c[FROM] <= position, past.c[TO] > position)
        statement = statement.add_cte(held.cte(name))
    return statement


def _table(model: ReadModel[Any], name: str) -> sa.Table:
    own = table_of(model)
    return sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(each.name, each.type, nullable=each.nullable, autoincrement=False) for each in own.c),
        sa.Column(FROM, sa.Integer, nullable=False, autoincrement=False),
        sa.Column(TO, sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint(*model.key, FROM),
        sqlite_strict=True,
        sqlite_with_rowid=own.dialect_options["sqlite"]["with_rowid"],
    )


def _same(table: Any, model: ReadModel[Any]) -> list[Any]:
    return [table.c[name] == sa.bindparam(f"k{at}") for at, name in enumerate(model.key)]


def _names(table: sa.Table) -> list[str]:
    return [_quoted(column.name) for column in table.c]


def _view(name: str, table: str, columns: Iterable[str]) -> str:
    return f"create view if not exists {_quoted(view_of(name))} as select {', '.join(columns)} from {_quoted(table)}"  # noqa: S608 (our own names)


def _quoted(name: str) -> str:
    return _DIALECT.identifier_preparer.quote(name)


def _text(statement: Any, dialect: Any = _DIALECT) -> str:
    return str(statement.compile(dialect=dialect))
