"""The file of bookmarks: one connection in turns with those of other processes, as durable as each write asks for."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from diptych.errors import StorageFullError, StoreError
from diptych.stores.sqlite.connection import checkpoint, connect_writer, sql
from diptych.stores.sqlite.faults import is_full
from diptych.stores.sqlite.lock import FairLock

_TIDY_EVERY = 1000
_PRAGMA = {True: "pragma synchronous = full", False: "pragma synchronous = normal"}


def bookmark_sql(name: str) -> str:
    """Return a statement of the bookmarks."""
    return sql(f"bookmarks_{name}")


class BookmarksFile:
    """Hold the connection to a file of bookmarks, making the file where it is missing."""

    def __init__(self, path: Path) -> None:
        self._path, self._written, self._durable = path, 0, True
        self.is_suspect = False
        """After a write that failed, neither the connection's cache nor the kernel's can be trusted: open it anew."""
        self._lock = FairLock(path)
        try:
            with self._lock, _told(path):
                self._connection = connect_writer(path)
                for name in ("create", "create_skips"):
                    self._connection.execute(bookmark_sql(name))
        except BaseException:
            self._lock.close()
            raise

    def rows(self, name: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a statement that reads."""
        with _told(self._path):
            return self._connection.execute(bookmark_sql(name), values).fetchall()

    @contextlib.contextmanager
    def write(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Hold the turn and a transaction; when `durable`, it is on disk at the end.

        A lease need not be: it is over by the time that a machine has started again.
        """
        with self._lock, _told(self._path):
            if durable is not self._durable:
                self._connection.execute(_PRAGMA[durable])
                self._durable = durable
            self._connection.execute("begin immediate")
            try:
                yield self._connection
                self._connection.execute("commit")
            except BaseException as wrong:
                self.is_suspect = isinstance(wrong, sqlite3.Error)
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
            self._tidy()

    def close(self) -> None:
        """Close the connection under the lock."""
        with self._lock:
            self._connection.close()
        self._lock.close()

    def _tidy(self) -> None:
        self._written += 1
        if self._written >= _TIDY_EVERY:
            self._written = 0
            checkpoint(self._connection)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as wrong:
        error = StorageFullError if is_full(wrong) else StoreError
        raise error(f"the bookmarks in {path} failed: {wrong}") from wrong
