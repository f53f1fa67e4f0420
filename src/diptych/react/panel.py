"""The subscribers of an application: run in the background, in line with each command, or by another process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Literal, Self

from diptych.codec import EventCodec
from diptych.dispatch import Middleware
from diptych.errors import ReactionError, StoreError, UnknownMessageError
from diptych.injection import Injector
from diptych.model.criteria import Criteria
from diptych.model.subscribers import Reacts, Subscriber
from diptych.ports import Bookmark, Bookmarks, Clock, EventStore, Skip
from diptych.react.handling import Handling, Lending
from diptych.react.inline import Inline
from diptych.react.runner import Runner
from diptych.react.signal import Signal
from diptych.react.walker import Walker
from diptych.write.lanes import SentOnly

_WAIT = 30.0
_POLL = 0.02
_RETRY = 1.0
_log = logging.getLogger("diptych.subscribers")


class ReactPanel:
    """Run subscribers: all, or those that are chosen.

    The constructor checks the wiring; opening raises ForeignLogError for bookmarks of another log.
    """

    def __init__(
        self,
        subscribers: Iterable[Subscriber],
        *,
        store: EventStore,
        bookmarks: Bookmarks,
        codec: EventCodec,
        injector: Injector,
        lending: Lending,
        clock: Clock,
        mode: Literal["production", "dev"],
        runs: Reacts,
        chosen: Collection[str] | None = None,
    ) -> None:
        self._store, self._bookmarks, self._clock, self._mode, self._runs = store, bookmarks, clock, mode, runs
        self._news = Signal()
        self._tasks: list[asyncio.Task[None]] = []
        walker = partial(Walker, store=store, bookmarks=bookmarks, codec=codec, clock=clock)
        self._walkers = {each.name: walker(each, Handling(each, injector, lending)) for each in subscribers}
        self._chosen = [each for name, each in self._walkers.items() if chosen is None or name in chosen]
        self._runners: list[Runner] = []
        self._inline = Inline(tuple(self._walkers.values()), store)
        self._open: AsyncExitStack | None = None
        self.failure: BaseException | None = None
        """What ended a subscriber in this process, if anything did: a restart is needed."""

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            if self._walkers:
                await stack.enter_async_context(self._bookmarks)
                stack.push_async_callback(self._stop)
                await self._start()
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.__aexit__(kind, error, trace)

    @property
    def around(self) -> tuple[Middleware, ...]:
        """Return the middleware that commands need: subscribers in line react before `send` returns."""
        return (SentOnly(self._inline.around),) if self._runs == "inline" and self._walkers else ()

    @property
    def owned(self) -> frozenset[str]:
        """Return the subscribers that this process runs now."""
        return frozenset(name for name, walker in self._walkers.items() if walker.owns)

    async def bookmarks(self) -> Mapping[str, Bookmark]:
        """Return where every subscriber stands, as stored."""
        return await self._bookmarks.all() if self._walkers else {}

    async def skips(self) -> Sequence[Skip]:
        """Return every event that was ever skipped."""
        return await self._bookmarks.skips() if self._walkers else ()

    async def skip(self, subscriber: str, position: int) -> Bookmark:
        """Leave out the event at which a subscriber fails, and record that.

        Raises ReactionError for any other event, UnknownMessageError for a subscriber that the application has not.
        """
        if subscriber not in self._walkers:
            known = ", ".join(self._walkers) or "none"
            raise UnknownMessageError(f"there is no subscriber {subscriber!r}; there are: {known}")
        return await self._bookmarks.skip(subscriber, position, now=self._clock.micros())

    async def reacted(self, *, timeout: float) -> None:  # noqa: ASYNC109 (an answer that names who is late)
        """Return once every subscriber has handled all that is in the log now.

        Raises ReactionError for one that has not, after `timeout` seconds; in line at once, for one that fails.
        """
        if self._runs == "inline":
            await self._inline.react()
            return
        head, end = await self._store.head(), asyncio.get_running_loop().time() + timeout
        for walker in self._walkers.values():
            await self._until(walker, head, end)

    async def _start(self) -> None:
        if self._runs == "off":
            return
        if self._mode == "dev":
            await self._warn_of_strangers()
        for walker in self._chosen:
            walker.open()
            if not await walker.take():
                _log.info("another process runs subscriber %r; standing by", walker.subscriber.name)
        if self._runs == "run":
            self._news.give()  # a new one: the last loop that this application was open in may be another
            self._runners = [Runner(walker, self._news) for walker in self._chosen]
            self._tasks = [asyncio.create_task(each.run(), name=each.name) for each in self._runners]
            for task in self._tasks:
                task.add_done_callback(self._ended)
            self._tasks.append(asyncio.create_task(self._watch(), name="diptych news"))

    async def _warn_of_strangers(self) -> None:
        for walker in self._walkers.values():
            for name in walker.strangers:
                if not (await self._store.read(Criteria.typed(name), limit=1)).events:
                    text = "subscriber %r waits for events stored as %r: no class is, and the log has none of them"
                    _log.warning(text, walker.subscriber.name, name)

    async def _stop(self) -> None:
        for runner in self._runners:
            runner.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        wrong = None if task.cancelled() else task.exception()
        if wrong is not None:
            self.failure = wrong
            _log.critical("subscriber %r ended: it handles nothing until a restart", task.get_name(), exc_info=wrong)

    async def _watch(self) -> None:
        """Tell the subscribers of commits: one look at the log for all of them."""
        head = 0
        while True:
            try:
                head = await self._store.wait(head, _WAIT)
            except StoreError:  # every subscriber that reads will tell
                await asyncio.sleep(_RETRY)
            self._news.give()

    async def _until(self, walker: Walker, head: int, end: float) -> None:
        loop = asyncio.get_running_loop()
        moved = walker.moved.next()
        while not await self._holds(walker, head):
            left = end - loop.time()
            if left <= 0 or self.failure is not None:
                raise await self._late(walker, head)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(left, _WAIT if walker.owns else _POLL)):
                    await moved.wait()
            moved = walker.moved.next()

    async def _holds(self, walker: Walker, head: int) -> bool:
        if walker.owns:
            return walker.position >= head
        stored = (await self._bookmarks.all()).get(walker.subscriber.name)
        if stored is None or stored.position >= head:
            return stored is not None
        return not (await self._store.read(walker.criteria, after=stored.position, until=head, limit=1)).events

    async def _late(self, walker: Walker, head: int) -> ReactionError:
        name = walker.subscriber.name
        stored = (await self._bookmarks.all()).get(name)
        position = 0 if stored is None else stored.position
        failure = None if stored is None else stored.failure
        reason = f"it has not come to {head} in time" if failure is None else failure.error.partition("\n")[0]
        return ReactionError(name, position, reason)
