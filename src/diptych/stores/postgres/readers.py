"""Readers: a few connections of one loop that share what is to be read, each replaced when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

from diptych.errors import SettingsError, StoreError
from diptych.stores.forks import FORKS
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.faults import FAILED, is_lost, store_error

T = TypeVar("T")
Connect = Callable[[], Awaitable[Connection]]
_PATIENCE = 2.0


class Readers:
    """Lend connections, at most `most`; what comes when all are lent waits for one."""

    def __init__(self, connect: Connect, *, most: int) -> None:
        self._connect = connect
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(most)
        self._all: set[Connection] = set()
        self._running: set[asyncio.Future[Any]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False

    async def open(self) -> None:
        """Open the first connection; raises what connecting raises."""
        self._loop = asyncio.get_running_loop()
        self._idle.append(await self._connected())

    async def run(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """Read on one of the connections; once more on a new one when the first was lost.

        Who is cancelled waits no longer, but the reading goes on: no connection is left in the middle of an answer.
        Raises StoreError for what PostgreSQL cannot do.
        """
        refuse_other_loop(self._loop)
        task = asyncio.ensure_future(self.read(read))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def read(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """Do the same in the task that calls, which nobody cancels."""
        async with self._free:
            try:
                return await self._once(read)
            except FAILED as wrong:
                if not is_lost(wrong):
                    raise store_error(wrong) from wrong
            self._end_idle()  # a server that was restarted ended them all
            try:
                return await self._once(read)
            except FAILED as wrong:
                raise store_error(wrong) from wrong

    async def close(self) -> None:
        """Close every connection, after what is being read if that ends soon; at once when nobody waits any more."""
        try:
            await ended_soon(self._running)
        finally:
            self._is_closed = True
            self._idle.clear()
            async with AsyncExitStack() as stack:
                for each in self._all:
                    stack.push_async_callback(close, each)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may have gone: then nobody else looks at it

    async def _once(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        connection = await self._taken()
        try:
            return await read(connection)
        except FAILED as wrong:
            if is_lost(wrong):
                connection.terminate()
            raise
        finally:
            if connection.is_closed():
                self._all.discard(connection)
            else:
                self._idle.append(connection)

    def _end_idle(self) -> None:
        while self._idle:
            connection = self._idle.pop()
            connection.terminate()
            self._all.discard(connection)

    async def _taken(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if not connection.is_closed():
                return connection
            self._all.discard(connection)
        try:
            return await self._connected()
        except SettingsError as wrong:  # it was right once: whoever tries again may find it right again
            raise StoreError(str(wrong)) from wrong

    async def _connected(self) -> Connection:
        self._refuse_closed()
        connection = await self._connect()
        try:
            self._refuse_closed()  # meanwhile
        except StoreError:
            connection.terminate()
            raise
        self._all.add(connection)
        return connection

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise StoreError("what was being read is closed")


async def ended_soon(running: AbstractSet[asyncio.Future[Any]]) -> None:
    """Return when these have ended, those that come meanwhile too, or after a while: a statement may take for ever."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            while running:
                await asyncio.wait(running)


def not_open(what: Any) -> StoreError:
    """Return the error of a store that is used before it is entered, or after."""
    return StoreError(f"{what} is not open; enter it with `async with`")


def refuse_other_loop(opened: asyncio.AbstractEventLoop | None) -> None:
    """Raise StoreError in any event loop but the one that a connection belongs to, before anything is sent."""
    try:
        if asyncio.get_running_loop() is opened:
            return
    except RuntimeError:  # a child has no running loop, though it was forked in the middle of one
        raise StoreError("this store was opened before the process forked; open it again in the child") from None
    forked = ", or before this process was forked" if FORKS.count else ""
    raise StoreError(f"the store was opened in another event loop{forked}; use it there, or open one here")
