"""The history of rows: what writes their versions in PostgreSQL, many at once, and reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from diptych.model.projections import POSITION, Key, ReadModel
from diptych.ports import Version
from diptych.stores import history_tables
from diptych.stores.history_tables import (
    FOREVER,
    FROM,
    TO,
    bound,
    chained,
    history_table,
    past_selects,
    told,
)
from diptych.stores.kinds import POSTGRES
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.rows_dialect import DIALECT, quoted, text_of
from diptych.stores.postgres.rows_tables import fitting, physical
from diptych.stores.tables import Conversion, conversion_of


def view_of(name: str) -> str:
    """Return the name of the view over the versions of a read model's live generation."""
    return fitting(history_tables.view_of(name))


def as_of(statement: Any, position: int) -> Any:  # Any: a SQLAlchemy select
    """Return a `select()` that finds, by the names of read models, their rows at a position."""
    return history_tables.as_of(statement, position, view_of)


@dataclass(frozen=True, slots=True)
class HistoryWriting:
    """Write the versions of one generation of a read model; `create` makes its table and view."""

    conversion: Conversion
    close: str
    insert: str
    create: tuple[str, ...]

    async def write(self, connection: Connection, versions: Sequence[tuple[Key, int, Any]]) -> None:
        """Close what the first version of each key supersedes, then insert; the last version of a position counts."""
        if not versions:
            return
        closing, rows = chained(versions)
        encode_row, encode_key = self.conversion.encode, self.conversion.encode_key
        await connection.execute(self.close, *_columns((at, *encode_key(key)) for key, at in closing.items()))
        if rows:
            stored = ((*encode_row(key, row), start, end) for key, row, start, end in rows)
            await connection.execute(self.insert, *_columns(stored))


def history_of(model: ReadModel[Any], generation: int) -> HistoryWriting | None:
    """Compile the writing statements of a read model with history; None for one without."""
    if not model.history:
        return None
    table = history_table(model, _physical(model.name, generation), POSTGRES)
    keys = [table.c[name] for name in model.key]
    create = (text_of(CreateTable(table)), _view(model.name, table.name, [quoted(each.name) for each in table.c]))
    return HistoryWriting(conversion_of(model, POSTGRES), _close(table, keys), _insert(table), create)


def history_statements(model: ReadModel[Any], generation: int) -> tuple[str, ...]:
    """Return what creates the versions of a generation: table and view, for append-only rows a view, or nothing."""
    written = history_of(model, generation)
    if written is not None:
        return written.create
    if not model.append_only:
        return ()
    names = [quoted(column.name) for column in model.columns]
    made = f"{quoted(POSITION)} as {FROM}, {FOREVER} as {TO}"
    return (_view(model.name, physical(model.name, generation), [*names, made]),)


def history_drop_of(name: str, generation: int) -> tuple[str, ...]:
    """Return the statements that drop the versions of one generation, where there are any."""
    table = quoted(_physical(name, generation))
    return (f"drop view if exists {quoted(view_of(name))}", f"drop table if exists {table}")


@dataclass(frozen=True, slots=True)
class HistoryReading:
    """Read the rows of one read model as they were at a position, and the versions of one key."""

    conversion: Conversion
    many: str
    versions: str
    parameters: tuple[str, ...]
    width: int

    async def at(self, connection: Connection, keys: Sequence[Key], position: int) -> Mapping[Key, Any]:
        """Return the rows that existed among these keys when everything up to `position` was folded."""
        if not keys:
            return {}
        key_of, row_of, width = self.conversion.decode_key, self.conversion.decode, self.width
        asked = _columns(self.conversion.encode_key(key) for key in keys)
        found = map(tuple, await connection.fetch(self.many, position, *asked))
        return {key_of(values[:width]): row_of(values[width:]) for values in found}

    async def between(self, connection: Connection, key: Key, after: int, until: int, limit: int) -> Sequence[Version]:
        """Return the versions of a key in (after, until], the oldest first, at most `limit`."""
        given = {**bound(self.conversion, key), "after": after, "until": until, "limit": limit + 1}
        found = await connection.fetch(self.versions, *(given[name] for name in self.parameters))
        return list(told(self.conversion, found, after, until))[:limit]


def past_of(model: ReadModel[Any]) -> HistoryReading:
    """Compile the statements that read the past of a read model with history, or of append-only rows."""
    conversion = conversion_of(model, POSTGRES)
    table = history_table(model, view_of(model.name), POSTGRES)
    versions: Any = past_selects(model, conversion, table).versions.compile(dialect=DIALECT)
    return HistoryReading(
        conversion, _many(model, conversion, table), str(versions), tuple(versions.positiontup), len(model.key)
    )


def _many(model: ReadModel[Any], conversion: Conversion, table: sa.Table) -> str:
    keys = [table.c[name] for name in model.key]
    columns = ", ".join(f"held.{quoted(name)}" for name in (*model.key, *conversion.fields))
    return (
        f"select {columns} from {_unnested(keys, start=2)} as asked({_numbered(keys)}) "  # noqa: S608 (our own names)
        f"cross join lateral (select * from {quoted(table.name)} as versions "
        f"where {_same('versions', 'asked', keys)} and {FROM} <= $1 order by {FROM} desc limit 1) as held "
        f"where held.{TO} > $1"
    )


def _close(table: sa.Table, keys: Sequence[sa.Column[Any]]) -> str:
    name = quoted(table.name)
    newest = f"select max(older.{FROM}) from {name} as older where {_same('older', 'closing', keys)}"  # noqa: S608 (our own names)
    return (
        f"update {name} as held set {TO} = closing.ended "  # noqa: S608 (the same)
        f"from {_unnested((table.c[FROM], *keys))} as closing(ended, {_numbered(keys)}) "
        f"where {_same('held', 'closing', keys)} and held.{TO} = {FOREVER} and held.{FROM} = ({newest})"
    )


def _insert(table: sa.Table) -> str:
    columns = ", ".join(quoted(each.name) for each in table.c)
    return f"insert into {quoted(table.name)} ({columns}) select * from {_unnested(table.c)}"  # noqa: S608 (the same)


def _unnested(columns: Iterable[sa.Column[Any]], *, start: int = 1) -> str:
    types = (column.type.compile(dialect=DIALECT) for column in columns)
    return f"unnest({', '.join(f'${at}::{each}[]' for at, each in enumerate(types, start))})"


def _numbered(keys: Sequence[Any]) -> str:
    return ", ".join(f"k{at}" for at in range(len(keys)))


def _same(one: str, other: str, keys: Sequence[sa.Column[Any]]) -> str:
    return " and ".join(f"{one}.{quoted(key.name)} = {other}.k{at}" for at, key in enumerate(keys))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


def _physical(name: str, generation: int) -> str:
    return fitting(f"{name}__g{generation}__h")


def _view(name: str, table: str, columns: Iterable[str]) -> str:
    return f"create or replace view {quoted(view_of(name))} as select {', '.join(columns)} from {quoted(table)}"  # noqa: S608 (our own names)
