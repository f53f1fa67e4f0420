"""The history of rows: where their versions are in PostgreSQL, and what reads them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from diptych.model.projections import POSITION, Key, ReadModel
from diptych.ports import Prepared, Version
from diptych.stores import history_tables
from diptych.stores.history_tables import (
    FOREVER,
    FROM,
    TO,
    as_of,
    bound,
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


def held(given: Any, position: int) -> Any:  # Any: a SQLAlchemy select, or a Prepared one
    """Return a `select()` that finds, by the names of read models, their rows at a position."""
    if isinstance(given, Prepared):
        return Prepared(held(given.statement, position), given.values)
    return as_of(given, position, view_of)


def versions_table(model: ReadModel[Any], generation: int) -> sa.Table:
    """Return the table of the versions of one generation."""
    return history_table(model, _physical(model.name, generation), POSTGRES)


def history_statements(model: ReadModel[Any], generation: int) -> tuple[str, ...]:
    """Return what creates the versions of a generation: table and view, for append-only rows a view, or nothing."""
    if model.history:
        table = versions_table(model, generation)
        columns = [quoted(each.name) for each in table.c]
        return text_of(CreateTable(table)), _view(model.name, table.name, columns)
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
        f"where {_asked('versions', keys)} and {FROM} <= $1 order by {FROM} desc limit 1) as held "
        f"where held.{TO} > $1"
    )


def _unnested(columns: Iterable[sa.Column[Any]], *, start: int = 1) -> str:
    types = (column.type.compile(dialect=DIALECT) for column in columns)
    return f"unnest({', '.join(f'${at}::{each}[]' for at, each in enumerate(types, start))})"


def _numbered(keys: Sequence[Any]) -> str:
    return ", ".join(f"k{at}" for at in range(len(keys)))


def _asked(versions: str, keys: Sequence[sa.Column[Any]]) -> str:
    return " and ".join(f"{versions}.{quoted(key.name)} = asked.k{at}" for at, key in enumerate(keys))


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


def _physical(name: str, generation: int) -> str:
    return fitting(f"{name}__g{generation}__h")


def _view(name: str, table: str, columns: Iterable[str]) -> str:
    return f"create or replace view {quoted(view_of(name))} as select {', '.join(columns)} from {quoted(table)}"  # noqa: S608 (our own names)
