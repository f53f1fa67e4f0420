"""The file of the audit trail: one connection, in turns with those of other processes."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from diptych.stores.sqlite.connection import checkpoint, connect_writer, sql
from diptych.stores.sqlite.faults import store_error
from diptych.stores.sqlite.lock import FairLock

_TIDY_EVERY = 100
_OBJECTS = ("create", "create_at", "create_id", "create_dropped")


class AuditFile:
    """Hold the connection to the file of a trail, making it where it is missing."""

    def __init__(self, path: Path) -> None:
        self._written = 0
        self.is_suspect = False
        """After a write that failed, the connection's cache cannot be trusted: open it anew."""
        self._lock = FairLock(path)
        try:
            with self._lock, _told():
                self._connection = connect_writer(path, synchronous="NORMAL")
                for name in _OBJECTS:
                    self._connection.execute(_sql(name))
        except BaseException:
            self._lock.close()
            raise

    def rows(self, name: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        """Return the rows of a statement that reads."""
        with _told():
            return self._connection.execute(_sql(name), values).fetchall()

    def add(self, rows: Sequence[Sequence[Any]], dropped: int, keep: int, since: int) -> None:
        """Store a batch, the count of what was dropped, and forget what there is no room for, in one transaction."""
        with self._writing() as connection:
            connection.executemany(_sql("insert"), rows)
            if dropped:
                connection.execute(_sql("drop"), (dropped,))
            connection.execute(_sql("trim_count"), (keep,))
            connection.execute(_sql("trim_age"), (since,))

    def close(self) -> None:
        """Close the connection under the lock."""
        with self._lock:
            self._connection.close()
        self._lock.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, _told():
            try:
                self._connection.execute("begin immediate")
                yield self._connection
                self._connection.execute("commit")
            except BaseException:
                self.is_suspect = True
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
                raise
            self._tidy()

    def _tidy(self) -> None:
        self._written += 1
        if self._written >= _TIDY_EVERY:
            self._written = 0
            checkpoint(self._connection)


def _sql(name: str) -> str:
    return sql(f"audit_{name}")


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as wrong:
        raise store_error(wrong) from wrong
