"""Units of work beside the log in one SQLite file: their connections, their turns, their tables."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self

import aiosqlite
import greenlet  # type: ignore[import-untyped]  # noqa: F401 (SQLAlchemy misses it only at the first statement)
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.connection import connect_unit
from diptych.stores.sqlite.turns import Turns
from diptych.stores.sqlite.unit import AppendToLog, SqliteUnit
from diptych.stores.sqlite.unit_tables import install, refuse_clashes
from diptych.stores.unit_events import watch

_CHUNK = 64
_KEPT = 8
_AGAIN = 0.05
_MORE = 56  # a connection is a thread; units beyond wait for one of these


class UnitConnection(aiosqlite.Connection):
    """Be a connection of units of work that shows the connection beneath: the thread of turns commits on that."""

    def __init__(self, path: Path) -> None:
        super().__init__(self._opened, _CHUNK)
        self._path = path
        # As SQLAlchemy's own dialect does for the connections that it opens: a process that is left ends.
        thread = self if isinstance(self, Thread) else self._thread
        thread.daemon = True

    def _opened(self) -> Any:
        self.raw = connect_unit(self._path)
        return self.raw


class SqliteUnits:
    """Open units of work over the file of a log, whose writer is open meanwhile."""

    def __init__(self, path: Path, head: KnownHead, append: AppendToLog, tables: Sequence[sa.MetaData]) -> None:
        refuse_clashes(tables)
        self._path, self._head, self._append, self._tables = path, head, append, tables
        self._opened: tuple[AsyncEngine, Turns] | None = None
        self._stack = AsyncExitStack()

    def unit(self, limit: float) -> SqliteUnit:
        """Return an unopened unit of work."""
        assert self._opened is not None  # noqa: S101 (the store asks only while it is open)
        engine, turns = self._opened
        return SqliteUnit(engine, turns, self._append, limit=limit)

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(install, self._path, self._tables)
        turns = Turns(self._path, self._head)
        self._stack.push_async_callback(asyncio.to_thread, turns.close)
        engine = _engine(self._path)
        self._stack.push_async_callback(engine.dispose)
        self._opened = engine, turns
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.aclose()


def _engine(path: Path) -> AsyncEngine:
    async def connected() -> UnitConnection:
        return await UnitConnection(path)  # type: ignore[return-value]  # it returns itself

    engine = create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        async_creator=connected,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_KEPT,
        max_overflow=_MORE,
        pool_reset_on_return=None,  # the thread of turns has ended the transaction, on this very connection
    )
    watch(engine)
    event.listen(engine.sync_engine.pool, "checkin", _checked_in)
    event.listen(engine.sync_engine.pool, "invalidate", _invalidated)
    return engine


def _checked_in(adapted: Any, _record: object) -> None:
    """End what a unit left open: a stream would keep the next one in its past."""
    if adapted is not None:  # it was not closed
        adapted.driver_connection.raw.close_cursors()


def _invalidated(adapted: Any, _record: object, _error: object) -> None:
    """End the statement of a unit that was cancelled: its connection closes after it, and the unit waits for that."""
    _interrupt(adapted.driver_connection.raw)


def _interrupt(connection: sqlite3.Connection) -> None:
    with contextlib.suppress(sqlite3.ProgrammingError):  # until it is closed: the statement may not run yet
        connection.interrupt()
        asyncio.get_running_loop().call_later(_AGAIN, _interrupt, connection)
