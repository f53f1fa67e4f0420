"""Following SQLite files: what other processes write is read, and nothing here can write or make one."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self
from uuid import UUID

from diptych.errors import SettingsError, StoreError
from diptych.ports import Append, AppendOutcome
from diptych.stores.sqlite.connection import connect_reader
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.lock import FairLock
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.sqlite.rows_database import SCHEMA, WriteDatabase
from diptych.stores.sqlite.schema import checked

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class SqliteFollower(SqliteEventStore):
    """Read a log that other processes write. Opening raises SettingsError where there is none."""

    _id: UUID | None = None

    @property
    def log_id(self) -> UUID:
        """Return the identity of the log."""
        if self._id is None:
            raise self._not_open()
        return self._id

    async def append(self, append: Append) -> AppendOutcome:
        """Raise StoreError."""
        del append
        raise _read_only(self._path)

    def declare(self, tables: Sequence[MetaData]) -> None:
        """Do nothing: nobody writes to these tables here."""

    async def _begin(self, stack: AsyncExitStack, lock: FairLock) -> None:
        del stack, lock
        with contextlib.closing(connect_reader(self._path)) as connection:
            self._id = checked(connection)

    async def __aenter__(self) -> Self:
        _refuse_absent(self._path, "log")
        return await super().__aenter__()


class SqliteFollowedRows(SqliteRowStore):
    """Read rows that other processes fold. Opening raises SettingsError where there are none yet."""

    async def __aenter__(self) -> Self:
        _refuse_absent(self._file, "file of read models")
        with contextlib.closing(connect_reader(self._file)) as connection:
            if not _tables(connection) >= {f"diptych_{name.removeprefix('create_')}" for name in SCHEMA}:
                raise _missing(f"the file of read models {self._file} is empty, or of an older Diptych")
        return self

    def _writing(self) -> WriteDatabase:
        raise _read_only(self._file)


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("select name from sqlite_schema where type = 'table'").fetchall()}


def _refuse_absent(path: Path, what: str) -> None:
    if not path.exists():
        raise _missing(f"there is no {what} at {path}")


def _missing(told: str) -> SettingsError:
    return SettingsError(
        f"{told}; this process only reads: first start one that writes, `diptych serve` or `diptych worker`"
    )


def _read_only(path: Path) -> StoreError:
    return StoreError(f"this process only reads {path}")
