"""Wake-ups: one listening session per store hears of commits of other processes, and tells them of ours. Hints only."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Any

from diptych.stores.heads import KnownHead
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.faults import FAILED, FAILURES, store_error
from diptych.stores.postgres.statements import sql

_APART = 0.002
_RETRY = 0.5
_GREET_EVERY = 20.0
_FORGOTTEN_AFTER = 3 * _GREET_EVERY
_LONG = 20  # digits, and more than any position has
_log = logging.getLogger("diptych")


class Wakeups:
    """Listen for heads, and announce ours after its commit: at once when it is quiet, else every 2 ms the newest.

    Where nobody else listens nothing is announced: a notification costs as much as a small command. Listeners greet
    when they come and every 20 s after that, and answer the greeting of one that they did not know. Whoever may connect
    may notify, so nothing that is heard is believed: it says that a look at the log is due.
    """

    def __init__(self, address: Address, head: KnownHead) -> None:
        self._address, self._head = address, head
        self._channel = f"{address.schema}_log"
        self._connection: Connection = None
        self._others: dict[int, float] = {}
        self._is_to_greet = False
        self._announced = 0
        self._wanted = 0
        self._turn = asyncio.Lock()
        self._is_to_look = False
        self._telling: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._greeting: asyncio.TimerHandle | None = None
        self._is_closing = False

    async def open(self) -> None:
        """Listen; raises what `connect` raises, and StoreError for a replica, which has nobody to listen to."""
        # A notification writes a commit of its own, which nobody waits to see on disk.
        connection = await connect(self._address, purpose="wake-ups", settings={"synchronous_commit": "off"})
        try:
            await connection.add_listener(self._channel, self._heard)
            connection.add_termination_listener(self._ended)
        except BaseException as wrong:
            connection.terminate()
            if isinstance(wrong, FAILED):
                raise store_error(wrong) from wrong
            raise
        self._connection = connection
        self._greet()

    def announce(self, head: int) -> None:
        """Tell the others of a head, soon."""
        if head > self._wanted:
            self._wanted = head
            if self._others and self._telling is None and not self._is_closing:
                self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def close(self) -> None:
        """Close the session, at once: what was not told is found by polling."""
        self._is_closing = True
        if self._greeting is not None:
            self._greeting.cancel()
        for task in (self._telling, self._looking, self._listening):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        if self._connection is not None:
            await close(self._connection)

    async def _tell(self) -> None:
        try:
            while self._announced < self._wanted or self._is_to_greet:
                head, self._is_to_greet = self._wanted, False
                try:
                    async with self._turn:
                        await self._connection.execute("select pg_notify($1, $2)", self._channel, str(head))
                except FAILURES:
                    await asyncio.sleep(_RETRY)
                    continue
                self._announced = head
                await asyncio.sleep(_APART)
        finally:
            self._telling = None

    async def _look(self) -> None:
        try:
            while self._is_to_look:
                self._is_to_look = False
                async with self._turn:
                    self._head.publish(await self._connection.fetchval(sql("select_head", self._address.schema)))
        except FAILURES as failed:
            _log.debug("a wake-up came to nothing, polling finds what it told: %s", failed)
        finally:
            self._looking = None

    def _ended(self, _connection: Any) -> None:
        if not self._is_closing:
            self._listening = asyncio.get_running_loop().create_task(self._listen_again())

    async def _listen_again(self) -> None:
        while True:
            try:
                await self.open()
            except FAILURES:
                await asyncio.sleep(_RETRY)
            else:
                return

    def _heard(self, connection: Any, pid: int, _channel: str, payload: str) -> None:
        if pid == connection.get_server_pid():
            return
        is_new = pid not in self._others
        self._others[pid] = asyncio.get_running_loop().time()
        if is_new:
            self._greet()
        if self._is_closing or (payload.isdecimal() and len(payload) < _LONG and int(payload) <= self._head.position):
            return
        self._is_to_look = True
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look())

    def _greet(self) -> None:
        """Tell of our head, which is how others know that somebody listens."""
        if self._is_closing:
            return
        loop = asyncio.get_running_loop()
        if self._greeting is not None:
            self._greeting.cancel()
        self._greeting = loop.call_later(_GREET_EVERY, self._greet)
        for pid, heard_at in tuple(self._others.items()):
            if loop.time() - heard_at > _FORGOTTEN_AFTER:
                del self._others[pid]
        self._is_to_greet = True
        if self._telling is None:
            self._telling = loop.create_task(self._tell())
