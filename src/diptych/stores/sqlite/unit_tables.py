"""Tables of units of work: checked against those of the log, and made in its file where they are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.pool import StaticPool

from diptych.errors import WiringError
from diptych.stores.sqlite.connection import connect_unit
from diptych.stores.sqlite.lock import FairLock
from diptych.stores.sqlite.schema import OWN_NAMES

_OWN_PREFIXES = ("sqlite_", "diptych_")


def refuse_clashes(tables: Sequence[sa.MetaData]) -> None:
    """Raise WiringError for a table that cannot stand beside the log, or that two modules declare."""
    known: dict[str, sa.Table] = {}
    for table in _tables(tables):
        if table.schema is not None:
            raise WiringError(
                f"table {table.fullname!r} lies in a schema; units of work commit in one database, the log's",
                fix="leave the schema out",
            )
        name = table.name.lower()
        if name in OWN_NAMES or name.startswith(_OWN_PREFIXES):
            own = ", ".join(sorted(OWN_NAMES))
            raise WiringError(
                f"table {table.name!r} has a name that the log in the same file uses itself ({own})",
                fix=f"give it another name, such as {table.name}_rows",
            )
        if known.setdefault(name, table) is not table:
            raise WiringError(
                f"two modules declare a table {table.name!r}",
                fix="share one MetaData, or rename one of the tables",
            )


def install(path: Path, tables: Sequence[sa.MetaData]) -> None:
    """Make the tables that are missing, all or none; raise WiringError for one that exists with other columns."""
    lock = FairLock(path)
    with lock:
        connection = connect_unit(path)
    engine = sa.create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.connect() as reading:
            missing = list(_missing(reading, tables))
        if missing:
            with lock:
                _make(engine, tables)
    finally:
        with lock:
            engine.dispose()
        lock.close()


def _make(engine: sa.Engine, tables: Sequence[sa.MetaData]) -> None:
    with engine.connect() as writing:
        writing.exec_driver_sql("pragma query_only = off")
        writing.exec_driver_sql("begin immediate")  # rolled back when the connection is returned, if this fails
        for metadata in tables:
            metadata.create_all(writing)
        writing.commit()


def _missing(connection: sa.Connection, tables: Sequence[sa.MetaData]) -> Iterator[sa.Table]:
    """Yield the tables that are not there."""
    inspector = sa.inspect(connection)
    present = {name.lower() for name in inspector.get_table_names()}
    for table in _tables(tables):
        if table.name.lower() in present:
            _refuse_other(table, inspector.get_columns(table.name))
        else:
            yield table


def _refuse_other(table: sa.Table, found: Sequence[ReflectedColumn]) -> None:
    there = {column["name"].lower() for column in found}
    wanted = {column.name.lower() for column in table.columns}
    missing = sorted(wanted - there)
    # A column of an older or newer version of the code may stay, as long as rows can be written without it.
    needed = sorted(
        column["name"]
        for column in found
        if column["name"].lower() not in wanted and not column["nullable"] and column.get("default") is None
    )
    if missing or needed:
        lacks = f"lacks {', '.join(missing)}" if missing else f"needs values for {', '.join(needed)}"
        raise WiringError(
            f"table {table.name!r} exists in the log's file with other columns than declared: it {lacks}",
            fix="migrate it before the start (ALTER TABLE, or Alembic); tables are made, never changed",
        )


def _tables(metadatas: Sequence[sa.MetaData]) -> Iterator[sa.Table]:
    for metadata in dict.fromkeys(metadatas):
        yield from metadata.sorted_tables
