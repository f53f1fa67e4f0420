"""Connections to one SQLite file in WAL mode: opened alike everywhere, verified, and closed under the lock."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from weakref import WeakSet

from diptych.errors import NotDurableError, StoreError
from diptych.stores.sqlite.lock import FairLock, unmade

Synchronous = Literal["NORMAL", "FULL"]

_LEVELS = {"NORMAL": 1, "FULL": 2}
_BUSY_SECONDS = 10.0  # only a stranger's tool can hold SQLite's own lock: our writers take turns at the fair lock
_STATEMENTS = 256
_MODE = 0o600
_FIXED = ((3, 51, 3), (3, 50, 7), (3, 44, 6))


@dataclass(frozen=True, slots=True)
class FileReport:
    """Describe an open file: the SQLite beneath it, how durable it is, and its size in bytes."""

    path: str
    sqlite_version: str
    wal_reset_bug: bool
    journal_mode: str
    synchronous: str
    size: int
    wal_size: int


@lru_cache(maxsize=256)
def sql(name: str) -> str:
    """Return the statement of the file `sql/NAME.sql`."""
    return files("diptych.stores.sqlite").joinpath("sql", f"{name}.sql").read_text(encoding="utf-8").strip()


def connect_writer(path: Path, *, synchronous: Synchronous = "FULL") -> sqlite3.Connection:
    """Open the one writing connection of a store, making the file (mode 0600) where it is missing. Hold the FairLock.

    WAL, no checkpoint by itself (call `checkpoint` under the lock), no mmap, transactions only where BEGIN is written.
    Raises NotDurableError unless the file then says WAL and `synchronous`; StoreError when it is no SQLite file.
    """
    _make_private(path)
    connection = _connect(path)
    try:
        connection.execute("pragma wal_autocheckpoint = 0")
        mode = connection.execute("pragma journal_mode = wal").fetchone()[0]
        connection.execute(f"pragma synchronous = {synchronous}")
        level = connection.execute("pragma synchronous").fetchone()[0]
    except sqlite3.DatabaseError as wrong:
        connection.close()
        raise StoreError(f"{path} cannot be opened as an SQLite file: {wrong}") from wrong
    if mode != "wal" or level < _LEVELS[synchronous]:
        connection.close()
        raise NotDurableError(f"{path} has journal_mode={mode}, synchronous={level}; wanted: wal, {synchronous}")
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that only reads, of a file that a writer made; for one thread at a time."""
    connection = _connect(path)
    connection.execute("pragma query_only = on")
    return connection


class Relinquishing(sqlite3.Connection):
    """Be a connection that lets go of its transaction though somebody holds a statement that is not read to its end.

    SQLite keeps a closed connection, and its transaction, alive as long as there is one; and where one was interrupted,
    every later statement is interrupted too, a rollback as well, until it is closed.
    """

    def __init__(self, *given: Any, **named: Any) -> None:  # Any: as sqlite3 takes them
        super().__init__(*given, **named)
        self._cursors: WeakSet[sqlite3.Cursor] = WeakSet()
        self._making, self._rolling_back = threading.Lock(), threading.Lock()

    def cursor(self, *given: Any) -> Any:  # Any: as sqlite3 types it
        """Return a cursor, and remember it."""
        made = super().cursor(*given)
        with self._making:
            self._cursors.add(made)
        return made

    def rollback(self) -> None:
        """Roll back, if there is a transaction; two at once are one after the other."""
        with self._rolling_back:
            super().rollback()

    def close_cursors(self) -> None:
        """End every statement but one that is running."""
        with self._making:
            found = list(self._cursors)
        for each in found:
            with contextlib.suppress(sqlite3.Error):  # it is running
                each.close()

    def relinquish(self) -> None:
        """Refuse to write from here on, and roll back; from any thread, whatever the others do with it."""
        while True:
            self.close_cursors()
            try:
                # In this order: what somebody may still send is refused, so it cannot be committed by itself.
                self.execute("pragma query_only = on")
                self.rollback()
            except sqlite3.Error as wrong:  # anything else: no transaction any more, or closed
                if getattr(wrong, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                    continue
            return

    def close(self) -> None:
        """Roll back, then close."""
        self.relinquish()
        super().close()


def connect_unit(path: Path) -> Relinquishing:
    """Open a connection for units of work on a log that a writer opened: as durable, and read-only until their turn.

    Foreign keys are enforced. Raises NotDurableError unless the file says so.
    """
    connection = _connect(path, Relinquishing)
    assert isinstance(connection, Relinquishing)  # noqa: S101 (as asked for)
    for pragma in ("wal_autocheckpoint = 0", "synchronous = full", "foreign_keys = on", "query_only = on"):
        connection.execute(f"pragma {pragma}")
    found = [connection.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    if found[0] != "wal" or found[1] < _LEVELS["FULL"]:
        connection.close()
        raise NotDurableError(f"{path} has journal_mode={found[0]}, synchronous={found[1]}; wanted: wal, FULL")
    return connection


def disconnect(connection: sqlite3.Connection, lock: FairLock) -> None:
    """Close a connection under the lock: the last one to leave a file checkpoints it."""
    with lock:
        connection.close()


def checkpoint(connection: sqlite3.Connection) -> int:
    """Copy committed pages from the WAL to the file as far as readers allow; return the pages left. Hold the lock."""
    busy, pages, copied = connection.execute("pragma wal_checkpoint(passive)").fetchone()
    return int(pages - copied) if not busy else int(pages)


def checkpoint_all(connection: sqlite3.Connection) -> None:
    """Copy every committed page to the file and empty the WAL, waiting for readers; raise StoreError when they stay."""
    if connection.execute("pragma wal_checkpoint(truncate)").fetchone()[0]:
        raise StoreError("the write-ahead log could not be emptied: a reader stays in it; close other programs")


def report(connection: sqlite3.Connection, path: Path) -> FileReport:
    """Describe the file behind a connection, for `doctor`."""
    level = connection.execute("pragma synchronous").fetchone()[0]
    return FileReport(
        path=str(path),
        sqlite_version=sqlite3.sqlite_version,
        wal_reset_bug=has_wal_reset_bug(sqlite3.sqlite_version_info),
        journal_mode=connection.execute("pragma journal_mode").fetchone()[0],
        synchronous=next((name for name, number in _LEVELS.items() if number == level), str(level)),
        size=_size(path),
        wal_size=_size(Path(f"{path}-wal")),
    )


def measured(described: FileReport, path: Path) -> FileReport:
    """Return the report with the sizes as they are now."""
    return replace(described, size=_size(path), wal_size=_size(Path(f"{path}-wal")))


def has_wal_reset_bug(version: tuple[int, ...]) -> bool:
    """Say whether this SQLite can corrupt a file when two connections write and checkpoint at one instant.

    The fair lock keeps us away from it; other programs that write the file do not take that lock.
    """
    return not any(version[:2] == fixed[:2] and version >= fixed for fixed in _FIXED) and version < _FIXED[0]


def _connect(path: Path, factory: type[sqlite3.Connection] = sqlite3.Connection) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=_BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,  # whoever closes it need not be the thread that reads
        cached_statements=_STATEMENTS,
        factory=factory,
    )
    connection.execute("pragma mmap_size = 0")
    return connection


def _make_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE))
    except FileExistsError:
        pass
    except OSError as wrong:
        raise unmade(path, wrong) from wrong


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
