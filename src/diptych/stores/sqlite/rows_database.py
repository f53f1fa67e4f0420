"""The database of rows: one file in WAL mode, or one connection in memory; turns for writers, views for readers."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from diptych.errors import StorageFullError, StoreError
from diptych.ports import Checkpoint
from diptych.stores.sqlite.connection import checkpoint, connect_reader, connect_writer, sql
from diptych.stores.sqlite.faults import is_full
from diptych.stores.sqlite.lock import FairLock

SCHEMA = ("create_checkpoint", "create_worker", "create_owner", "create_model", "create_feed", "create_view")
_GENERATION = 1 << 44


def row_sql(name: str) -> str:
    """Return a statement of the row store."""
    return sql(f"rows_{name}")


class ReadDatabase(Protocol):
    """Give one connection to a database to one reader."""

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the connection; in memory, also keep the writer out."""
        ...

    def version(self) -> int:
        """Return a number that moves when a writer commits."""
        ...

    def interrupt(self) -> None:
        """End the statement of this reader that is running, if one is and no other is in the way; from any thread."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class WriteDatabase(Protocol):
    """Give one connection to a database to one writer."""

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the writers' turn and a transaction; commit at the end, roll back on an exception."""
        ...

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """Hold the connection without a transaction."""
        ...

    def tidy(self) -> None:
        """Copy what was committed from the WAL to the file."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class MemoryDatabase:
    """Keep rows in one connection of this process; a lock keeps readers from half a batch."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        for name in SCHEMA:
            self._connection.execute(row_sql(name))

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock and a transaction."""
        with self._lock, transaction(self._connection):
            yield self._connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock."""
        with self._lock:
            yield self._connection

    def version(self) -> int:
        """Return the count of all changes."""
        return self._connection.total_changes

    def interrupt(self) -> None:
        """Do nothing: what runs may be the writer's."""

    def tidy(self) -> None:
        """Do nothing: there is no WAL."""

    def close(self) -> None:
        """Do nothing: the store ends it, after all who use it."""

    def end(self) -> None:
        """Close the connection; what was in it is gone."""
        with self._lock:
            self._connection.close()


class FileReading:
    """Read a file through a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._lock = FairLock(path)
        self._connection = connect_reader(path)

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection; WAL keeps the writer out of its snapshot."""
        yield self._connection

    def version(self) -> int:
        """Return SQLite's data version: it moves when another connection commits."""
        return int(self._connection.execute("pragma data_version").fetchone()[0])

    def interrupt(self) -> None:
        """End the statement that is running."""
        with contextlib.suppress(sqlite3.Error):  # closed already
            self._connection.interrupt()

    def close(self) -> None:
        """Close the connection under the lock."""
        with self._lock:
            self._connection.close()
        self._lock.close()


class FileWriting:
    """Write a file through the one writing connection of this store, in turns with those of other processes."""

    def __init__(self, path: Path) -> None:
        self._lock = FairLock(path)
        with self._lock:
            self._connection = connect_writer(path, synchronous="NORMAL")
            with transaction(self._connection):
                for name in SCHEMA:
                    self._connection.execute(row_sql(name))

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Hold the turn and a transaction."""
        with self._lock, transaction(self._connection):
            yield self._connection

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Give the connection."""
        yield self._connection

    def tidy(self) -> None:
        """Checkpoint under the lock."""
        with self._lock:
            checkpoint(self._connection)

    def close(self) -> None:
        """Close the connection under the lock."""
        with self._lock:
            self._connection.close()
        self._lock.close()


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Begin, then commit or roll back; raise StoreError for what SQLite cannot do, StorageFullError for a full disk.

    What is wrong with the data (a broken constraint, a number too large) comes out as it is: it is the fold's.
    """
    try:
        connection.execute("begin immediate")
        try:
            yield
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    except sqlite3.OperationalError as wrong:
        error = StorageFullError if is_full(wrong) else StoreError
        raise error(f"the row store failed: {wrong}") from wrong


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold a read transaction."""
    connection.execute("begin")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("rollback")


def read_checkpoints(connection: sqlite3.Connection) -> Mapping[str, Checkpoint]:
    """Return every stored checkpoint."""
    found = connection.execute(row_sql("checkpoints")).fetchall()
    return {values[0]: _checkpoint(values) for values in found}


def read_changes(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return a number of every read model and view that grows with each change and each rebuild of it."""
    found = connection.execute(row_sql("models")).fetchall()
    return {name: generation * _GENERATION + at for name, generation, at in found}


def put_checkpoint(connection: sqlite3.Connection, new: Checkpoint) -> None:
    """Store a checkpoint whatever stood there."""
    connection.execute(
        row_sql("put_checkpoint"),
        (
            new.projection,
            new.position,
            new.generation,
            new.version,
            new.fingerprint,
            str(new.log_id),
            new.epoch,
            new.target,
            new.error,
        ),
    )


def _checkpoint(values: tuple[Any, ...]) -> Checkpoint:
    name, position, generation, version, fingerprint, log_id, epoch, target, error = values
    return Checkpoint(name, position, generation, version, fingerprint, UUID(log_id), epoch, target, error)
