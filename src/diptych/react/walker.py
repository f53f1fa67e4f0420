"""Walker: one subscriber on its way through the log, event by event, with its bookmark."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec

from diptych.codec import EventCodec
from diptych.errors import FencedError, ForeignLogError
from diptych.model.criteria import Criteria
from diptych.model.messages import EventType
from diptych.model.subscribers import Subscriber, envelope_of
from diptych.ports import (
    Bookmark,
    Bookmarks,
    Clock,
    EventStore,
    Failure,
    Origin,
    StoredEvent,
    displaced,
    origins_of,
    recorded_in,
)
from diptych.react.handling import Handling, Occasion
from diptych.react.signal import Signal
from diptych.recorded import failure_at, meta_of

LEASE_SECONDS = 3.0
_PAGE = 100
_log = logging.getLogger("diptych.subscribers")

WhenFailing = Callable[[Failure, BaseException], Awaitable[None]]
"""Hear of a failure: return when the event shall be delivered again, or raise."""


class Walker:
    """Deliver events in order, one at a time, and move the bookmark after each. Never skips one by itself."""

    def __init__(
        self,
        subscriber: Subscriber,
        handling: Handling,
        *,
        store: EventStore,
        bookmarks: Bookmarks,
        codec: EventCodec,
        clock: Clock,
    ) -> None:
        self.subscriber, self._handling = subscriber, handling
        self._store, self._bookmarks, self._codec, self._clock = store, bookmarks, codec, clock
        self._types = codec.types
        self._known = frozenset(each.name for each in self._types.values()) | codec.lineage.names
        self.criteria = Criteria.typed(*codec.stored_names(subscriber.names))
        self._bookmark: Bookmark | None = None
        self._origins: Sequence[Origin] = ()
        self.position = 0
        self.moved = Signal()

    @property
    def owns(self) -> bool:
        """Say whether this process runs the subscriber."""
        return self._bookmark is not None

    @property
    def is_ahead_of_store(self) -> bool:
        """Say whether the position in memory has yet to be stored."""
        return self._bookmark is not None and self.position > self._bookmark.position

    @property
    def strangers(self) -> tuple[str, ...]:
        """Return the stored names that no class of the application has: they come as JSON."""
        return tuple(name for name in self.subscriber.names if name not in self._known)

    def open(self) -> None:
        """Compile the handlers."""
        self._handling.open()

    async def take(self) -> bool:
        """Take the subscriber over and go to its bookmark; say whether nobody else runs it.

        Raises ForeignLogError for a bookmark of another log, or beyond the end of this one.
        """
        self._bookmark = None
        taken = await self._leased()
        if taken is not None:
            head = await self._store.head()
            if taken.log_id != self._store.log_id or taken.position > head:
                raise _foreign(taken, self._store, head)
            self._bookmark, self.position = taken, taken.position
            self._origins = await origins_of(self._store)
            self.moved.give()
        return taken is not None

    async def keep(self) -> bool:
        """Keep what was taken, else take it; say whether nobody else runs the subscriber."""
        if self.owns:
            with contextlib.suppress(FencedError):
                await self.renew()
                return True
        return await self.take()

    async def renew(self) -> None:
        """Keep what was taken; raise FencedError when somebody else has it, or skipped the event that fails."""
        stored, mine = await self._leased(), self._owned()
        if stored is None or stored.epoch != mine.epoch:
            raise displaced(mine)
        if mine.failure is not None and stored.failure is None and stored.position > mine.position:
            raise displaced(mine)

    def resign(self) -> None:
        """Forget what another process may have taken over."""
        self._bookmark = None
        self.moved.give()

    async def advance(self, when_failing: WhenFailing) -> None:
        """Deliver everything that is in the log; raises what `when_failing` raises, and StoreError."""
        complete = False
        while not complete:
            found = await self._store.read(self.criteria, after=self.position, limit=_PAGE)
            for stored in found.events:
                while (wrong := await self._deliver(stored)) is not None:
                    await when_failing(await self._failed(stored, wrong), wrong)
                await self._move(stored.position)
            self.position, complete = max(self.position, found.through), found.complete
            self.moved.give()

    async def store_idle(self) -> None:
        """Store the position that so far is known in memory only."""
        await self._move(self.position)

    async def _leased(self) -> Bookmark | None:
        start = await self._store.head() if self.subscriber.since == "now" else 0
        return await self._bookmarks.take(
            self.subscriber.name, log_id=self._store.log_id, start=start, seconds=LEASE_SECONDS
        )

    async def _deliver(self, stored: StoredEvent) -> BaseException | None:
        """Call the handlers, for each event that the stored one is today; return what went wrong."""
        try:
            for index, (event, kind) in enumerate(self._read(stored)):
                await self._handling.handle(event, self._occasion(stored, kind, index))
        except asyncio.CancelledError as cancelled:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            return cancelled  # of something that the handler waited for: nobody cancelled us
        except Exception as wrong:  # noqa: BLE001 (any bug of a handler makes its subscriber stand, and only it)
            return wrong
        return None

    async def _failed(self, stored: StoredEvent, wrong: BaseException) -> Failure:
        attempts = self._attempt(stored)
        told = failure_at(stored, wrong)
        reason = told.partition("\n")[0]
        _log.error("subscriber %r fails, attempt %d: %s", self.subscriber.name, attempts, reason, exc_info=wrong)
        self.position = max(self.position, stored.position - 1)  # what lies before it concerns nobody here
        failure = Failure(stored.position, attempts, told)
        self._bookmark = await self._bookmarks.move(self._owned(), self.position, failure)
        self.moved.give()
        return failure

    async def _move(self, position: int) -> None:
        self._bookmark = await self._bookmarks.move(self._owned(), position)
        self.position = position
        self.moved.give()

    def _attempt(self, stored: StoredEvent) -> int:
        failure = self._owned().failure
        return 1 + (failure.attempts if failure is not None and failure.position == stored.position else 0)

    def _read(self, stored: StoredEvent) -> Iterator[tuple[Any, EventType]]:
        """Yield the events with the names and versions that they have today; as JSON what no class reads."""
        if stored.name not in self._known:
            yield msgspec.json.decode(stored.data), EventType(stored.name, stored.version)
            return
        for event in self._codec.read(stored.name, stored.version, stored.data):
            yield event, self._types[type(event)]

    def _occasion(self, stored: StoredEvent, kind: EventType, index: int) -> Occasion:
        meta = meta_of(stored, index)
        log_id = recorded_in(self._origins, stored.position, self._store.log_id)
        envelope = envelope_of(log_id, kind.name, kind.version, meta, self._attempt(stored))
        command_id = meta.command_id or envelope.id
        return Occasion(self._clock.now(), command_id, meta.actor, envelope=envelope, meta=meta)

    def _owned(self) -> Bookmark:
        assert self._bookmark is not None, "walk only what was taken"  # noqa: S101 (a bug of ours)
        return self._bookmark


def _foreign(bookmark: Bookmark, store: EventStore, head: int) -> ForeignLogError:
    return ForeignLogError(
        f"subscriber {bookmark.subscriber!r} stands at position {bookmark.position} of log {bookmark.log_id}, and this "
        f"is log {store.log_id} with head {head}; restore the log that it belongs to, or delete the bookmarks: the "
        f"subscribers then start as new ones"
    )
