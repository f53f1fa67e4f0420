"""The tables of the log file, made once; its identity and the version of its schema."""

from __future__ import annotations

import sqlite3
from uuid import UUID, uuid4

from diptych.errors import StoreError
from diptych.stores.sqlite.connection import sql

SCHEMA_VERSION = 1
APPLICATION_ID = 0x44695074  # "DiPt": what `file` and other tools see

_OBJECTS = (
    "log_create_log",
    "log_create_types",
    "log_create_tags",
    "log_create_events",
    "log_create_events_type",
    "log_create_event_tags",
    "log_create_commands",
)

OWN_NAMES = frozenset(name.removeprefix("log_create_") for name in _OBJECTS) | {"copied"}
"""The names of the log's own tables and indexes, which no other table in the file may have."""


def install(connection: sqlite3.Connection) -> UUID:
    """Make the tables where they are missing and return the log's id. Hold the FairLock.

    Raises StoreError for a file of another program, or one that a newer Diptych wrote.
    """
    connection.execute("begin immediate")
    try:
        if connection.execute("pragma schema_version").fetchone()[0] == 0:
            _create(connection)
        log_id = checked(connection)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
    return log_id


def _create(connection: sqlite3.Connection) -> None:
    connection.execute(f"pragma application_id = {APPLICATION_ID}")
    for name in _OBJECTS:
        connection.execute(sql(name))
    connection.execute(sql("log_insert_log"), (SCHEMA_VERSION, uuid4().bytes))


def checked(connection: sqlite3.Connection) -> UUID:
    """Return the log's id; raise StoreError as `install`."""
    if connection.execute("pragma application_id").fetchone()[0] != APPLICATION_ID:
        raise StoreError("the file is an SQLite database, but not a log of Diptych; name another file")
    version, log_id = connection.execute(sql("log_select_log")).fetchone()
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the log has schema version {version}, written by a newer Diptych; this one knows {SCHEMA_VERSION}"
        )
    return UUID(bytes=log_id)
