"""Runner: one subscriber in the background. Only one process runs it; the others stand by."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from diptych.errors import CorruptionError, FencedError, ForeignLogError, StoreError
from diptych.outages import Outage
from diptych.ports import Failure
from diptych.react.signal import Signal
from diptych.react.walker import Walker

_BEAT = 0.5
_LOOK = 0.2
_IDLE = 1.0
_RETRY = 0.2
_GATHER = 0.005  # a commit wakes every subscriber: at most so often, that commands have the loop
_log = logging.getLogger("diptych.subscribers")


class Runner:
    """Follow the log with one subscriber until cancelled; a handler in flight is cancelled with it."""

    def __init__(self, walker: Walker, news: Signal) -> None:
        self._walker, self._news = walker, news
        self.name = walker.subscriber.name
        self._stored_at = 0.0
        self._stopping = False

    def stop(self) -> None:
        """Go on no more, also when the cancellation that follows meets an error on its way."""
        self._stopping = True

    async def run(self) -> None:
        """Own the subscriber or stand by, for ever. Raises what cannot heal: ForeignLogError, CorruptionError, bugs."""
        outage = Outage(f"subscriber {self.name!r}", _log)
        while not self._stopping:
            try:
                await self._own()
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._beat())
                    group.create_task(self._follow())
            except* (ForeignLogError, CorruptionError):
                raise
            except* FencedError as fenced:
                _log.warning("%s", fenced.exceptions[0])
            except* StoreError as failed:
                outage.tell(failed.exceptions[0], asyncio.get_running_loop().time())
                await asyncio.sleep(_RETRY)
            finally:
                self._walker.resign()

    async def _own(self) -> None:
        while not await self._walker.keep():  # noqa: ASYNC110 (another process tells us nothing)
            await asyncio.sleep(_LOOK)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT)
            await self._walker.renew()

    async def _follow(self) -> None:
        while True:
            news = self._news.next()
            await self._walker.advance(self._back_off)
            await self._rest(news)

    async def _back_off(self, failure: Failure, wrong: BaseException) -> None:
        del wrong  # it is on the log and beside the bookmark
        await asyncio.sleep(self._walker.subscriber.seconds_after(failure.attempts))

    async def _rest(self, news: asyncio.Event) -> None:
        left = self._stored_at + _IDLE - asyncio.get_running_loop().time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left) if self._walker.is_ahead_of_store else None):
                await news.wait()
        await self._store_idle()
        await asyncio.sleep(_GATHER)
        await news.wait()

    async def _store_idle(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._walker.is_ahead_of_store and now - self._stored_at >= _IDLE:
            self._stored_at = now
            await self._walker.store_idle()
