"""Tables of units of work: checked against those of the log, and made in its file where they are missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from diptych.errors import WiringError
from diptych.stores.sqlite.connection import connect_unit
from diptych.stores.sqlite.lock import FairLock
from diptych.stores.sqlite.schema import OWN_NAMES
from diptych.stores.unit_tables import declared, refuse_doubles, refuse_other

_OWN_PREFIXES = ("sqlite_", "diptych_")


def refuse_clashes(tables: Sequence[sa.MetaData]) -> None:
    """Raise WiringError for a table that cannot stand beside the log, or that two modules declare."""
    for table in declared(tables):
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
    refuse_doubles(tables, lambda table: table.name.lower())


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
    for table in declared(tables):
        if table.name.lower() in present:
            refuse_other(table, inspector.get_columns(table.name), "the log's file")
        else:
            yield table
