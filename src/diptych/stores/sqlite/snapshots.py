"""Saved states in an SQLite file of their own beside the log: no write of them takes a turn of the log's writers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from diptych.errors import StoreError
from diptych.ports import SavedState
from diptych.stores.forks import FORKS
from diptych.stores.sqlite.connection import checkpoint, connect_reader, connect_writer, disconnect, sql
from diptych.stores.sqlite.faults import store_error
from diptych.stores.sqlite.jobs import finished
from diptych.stores.sqlite.lock import FairLock

_TIDY_BYTES = 16 * 1024 * 1024


class SqliteSnapshots:
    """Keep saved states in a file, with `synchronous=NORMAL`: a power cut may lose the last ones, and damages none.

    A thread of its own writes; states are looked up by key in the thread of the loop. Raises StoreError where it fails.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._forks, self._untidy = path, FORKS.count, 0
        self._stack = AsyncExitStack()
        self._opened: tuple[ThreadPoolExecutor, sqlite3.Connection, sqlite3.Connection, FairLock] | None = None
        self._select = sql("snapshots_select")

    async def get(self, fold: str, tags: str) -> bytes | None:
        """Return what was saved last under a fold and tags, or None."""
        _, _, reader, _ = self._open()
        try:
            found = reader.execute(self._select, (fold, tags)).fetchall()
        except sqlite3.Error as wrong:
            raise store_error(wrong) from wrong
        return found[0][0] if found else None

    async def put(self, states: Sequence[SavedState]) -> None:
        """Save states in place of earlier ones, in one transaction. Cancelling the caller stops nothing."""
        await finished(self._open()[0], lambda: self._put(states))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            lock = FairLock(self._path)
            stack.callback(lock.close)
            thread = ThreadPoolExecutor(1, f"diptych snapshots {self._path.name}")
            stack.push_async_callback(asyncio.to_thread, thread.shutdown)
            opening = asyncio.get_running_loop().run_in_executor(thread, _connected, self._path, lock)
            stack.push_async_callback(_close, opening, lock)
            writer = await asyncio.shield(opening)
            reader = connect_reader(self._path)
            stack.callback(disconnect, reader, lock)
            self._opened = (thread, writer, reader, lock)
            self._stack.push_async_exit(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.aclose()

    def _open(self) -> tuple[ThreadPoolExecutor, sqlite3.Connection, sqlite3.Connection, FairLock]:
        if self._opened is None:
            raise StoreError(f"the snapshots in {self._path} are not open; enter them with `async with`")
        if FORKS.count != self._forks:
            raise StoreError("these snapshots were opened before the process forked; open them again in the child")
        return self._opened

    def _put(self, states: Sequence[SavedState]) -> None:
        _, writer, _, lock = self._open()
        rows = [(state.fold, state.tags, state.data) for state in states]
        try:
            with lock:
                _write(writer, rows)
                self._untidy += sum(len(data) for *_, data in rows)
                if self._untidy >= _TIDY_BYTES:
                    self._untidy = 0
                    checkpoint(writer)
        except sqlite3.Error as wrong:
            raise store_error(wrong) from wrong


def _connected(path: Path, lock: FairLock) -> sqlite3.Connection:
    with lock:
        connection = connect_writer(path, synchronous="NORMAL")
        try:
            connection.execute(sql("snapshots_create"))
        except sqlite3.Error as wrong:
            connection.close()
            raise store_error(wrong) from wrong
    return connection


async def _close(opening: asyncio.Future[sqlite3.Connection], lock: FairLock) -> None:
    """Close the writer, also one that was still opening when its caller was cancelled."""
    try:
        writer = await asyncio.shield(opening)
    except Exception:  # noqa: BLE001 (whoever opened has heard of it)
        return
    await asyncio.to_thread(disconnect, writer, lock)


def _write(connection: sqlite3.Connection, rows: Sequence[tuple[str, str, bytes]]) -> None:
    connection.execute("begin immediate")
    try:
        connection.executemany(sql("snapshots_put"), rows)
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise
