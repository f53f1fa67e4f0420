"""The log in memory: the specification of every other store, in code that can be read at one sitting."""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from heapq import merge, nlargest, nsmallest
from itertools import islice
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from msgspec.structs import replace

from diptych.codec import verify_content
from diptych.errors import CorruptionError
from diptych.model.criteria import Clause, Criteria, Guard
from diptych.ports import (
    Append,
    Appended,
    AppendOutcome,
    Conflicted,
    Copy,
    EventReader,
    Record,
    Recorded,
    Slice,
    StoredEvent,
    Wanted,
    refuse_disorder,
    refuse_other,
)
from diptych.stores.heads import KnownHead

_VERIFIED_AT_ONCE = 1000


class MemoryEventStore:
    """Keep the log in this process: every promise of the port but durability. One store serves many threads and loops.

    An event's position is its place in the list, plus one. The index leads from (tag, stored name) to positions in
    ascending order; the tag "" stands for every event.
    """

    def __init__(self) -> None:
        self._log_id = uuid4()
        self._lock = threading.Lock()
        self._events: list[StoredEvent] = []
        self._index: dict[tuple[str, str], list[int]] = {}
        self._names: dict[str, None] = {}
        self._records: dict[UUID, Record] = {}
        self._recorded_at = 0
        self._copied: Copy | None = None
        self._head = KnownHead()

    @property
    def log_id(self) -> UUID:
        """Return the identity of this log; it lives as long as the object."""
        return self._log_id

    async def append(self, append: Append) -> AppendOutcome:
        """Append all of the events or none; there is nothing to wait for, so nothing to cancel."""
        with self._lock:
            record = append.record
            if record is not None and record.id in self._records:
                return Recorded(self._records[record.id])
            for guard in append.condition:
                forbidden = self._forbidden(guard)
                if forbidden:
                    return Conflicted(forbidden)
            outcome = self._write(append)
        self._head.publish(outcome.last)
        return outcome

    async def record(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None."""
        return self._records.get(command_id)

    async def records(self, wanted: Wanted, *, before: tuple[int, bytes], limit: int) -> Sequence[Record]:
        """Return at most `limit` records below `before`, the newest first."""
        found = (each for each in tuple(self._records.values()) if _place(each) < before and _fits(each, wanted))
        return nlargest(limit, found, key=_place)

    async def read(
        self,
        criteria: Criteria,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
    ) -> Slice:
        """Return at most `limit` matching events with after < position <= until."""
        head = self._head.position  # taken first: all up to here is in the list and in the index
        last = head if until is None else min(until, head)
        found = self._positions(criteria, after, last, backwards=backwards)
        positions = list(islice(found, limit))
        complete = next(found, None) is None
        events = [self._events[position - 1] for position in positions]
        cut = positions[-1] if positions else after
        return Slice(events, last if complete or backwards else cut, complete)

    async def count(self, criteria: Criteria, *, after: int = 0, until: int | None = None) -> int:
        """Return how many matching events lie in (after, until]."""
        head = self._head.position
        last = head if until is None else min(until, head)
        return sum(1 for _ in self._positions(criteria, after, last, backwards=False))

    async def head(self) -> int:
        """Return the position of the last event; 0 for an empty log."""
        return self._head.position

    async def wait(self, after: int, timeout: float) -> int:  # noqa: ASYNC109 (a wake-up is a hint)
        """Return the head as soon as it lies beyond `after`, or after `timeout` seconds."""
        end = time.monotonic() + timeout
        while not await self._head.moved(after, max(0.0, end - time.monotonic())):
            if time.monotonic() >= end:
                break
        return self._head.position

    async def records_after(self, command_id: UUID, *, limit: int) -> Sequence[Record]:
        """Return at most `limit` records beyond this id, in the order of ids."""
        found = (each for each in tuple(self._records.values()) if each.id > command_id)
        return nsmallest(limit, found, key=lambda record: record.id)

    async def copied(self) -> Copy | None:
        """Return how far this log is a copy of another one, or None."""
        return self._copied

    async def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], *, before: Copy | None, after: Copy
    ) -> Copy:
        """Take a page of another log and how far the copy is then, all or nothing."""
        with self._lock:
            refuse_other(self._copied, before, head=len(self._events), records=len(self._records))
            refuse_disorder(events, len(self._events), self._recorded_at)
            for event in events:
                self._events.append(event)
                for tag in ("", *event.tags):
                    self._listed(tag, event.name).append(event.position)
                self._recorded_at = event.recorded_at
            for record in records:
                self._records.setdefault(record.id, record)
            self._copied = kept = replace(after, head=len(self._events))
        self._head.publish(kept.head)
        return kept

    async def located(self, position: int) -> int:
        """Return the same position: a copy is as dense as its source."""
        return position

    def reader(self) -> EventReader:
        """Return this store: it may be read from every thread."""
        return self

    async def verify(self) -> AsyncIterator[int]:
        """Read all again, yield how far it is right; raise CorruptionError naming the first position that is not."""
        events = list(self._events)
        for number, each in enumerate(events, start=1):
            if each.position != number:
                raise CorruptionError(f"position {number} is missing: found {each.position}")
            verify_content(number, each.hash, each.name, each.version, each.tags, each.data, each.metadata)
            if number % _VERIFIED_AT_ONCE == 0 or number == len(events):
                yield number
                await asyncio.sleep(0)

    async def describe(self) -> dict[str, object]:
        """Describe the store for `doctor`."""
        kinds = Counter((event.name, event.version) for event in tuple(self._events))
        return {
            "store": "memory",
            "durable": False,
            "events": self._head.position,
            "records": len(self._records),
            "types": [(*kind, count) for kind, count in sorted(kinds.items())],
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep everything: the log is gone with the object."""

    def _write(self, append: Append) -> Appended:
        recorded_at = max(append.now, self._recorded_at)
        first = position = len(self._events) + 1
        for new in append.events:
            stored = StoredEvent(
                position, new.name, new.version, new.tags, new.data, append.metadata, recorded_at, new.hash
            )
            self._events.append(stored)
            for tag in ("", *new.tags):
                self._listed(tag, new.name).append(position)
            position += 1
        if append.events:
            self._recorded_at = recorded_at
        record, last = append.record, position - 1
        if record is None:
            return Appended(min(first, last), last, recorded_at)
        if not append.events:
            first = last = record.position
        self._records[record.id] = replace(record, position=last, recorded_at=recorded_at)
        return Appended(first, last, recorded_at)

    def _listed(self, tag: str, name: str) -> list[int]:
        positions = self._index.get((tag, name))
        if positions is None:
            self._names[name] = None
            positions = self._index[tag, name] = []
        return positions

    def _forbidden(self, guard: Guard) -> int:
        clause, after = guard.clause, guard.after
        tag = clause.tags[0] if clause.tags else ""
        for name in clause.types or self._names:
            positions = self._index.get((tag, name))
            if positions and positions[-1] > after:
                found = self._matches(clause, after, len(self._events), backwards=True)
                return next(found, 0)
        return 0

    def _positions(self, criteria: Criteria, after: int, last: int, *, backwards: bool) -> Iterator[int]:
        clauses = [self._matches(clause, after, last, backwards=backwards) for clause in criteria.clauses]
        return _without_repeats(merge(*clauses, reverse=backwards))

    def _matches(self, clause: Clause, after: int, last: int, *, backwards: bool) -> Iterator[int]:
        tag = clause.tags[0] if clause.tags else ""
        types = dict.fromkeys(clause.types) or tuple(self._names)  # a copy: another thread may be appending
        runs = [self._run((tag, name), after, last) for name in types]
        ordered = merge(*([run[::-1] for run in runs] if backwards else runs), reverse=backwards)
        wanted = set(clause.tags)
        return (position for position in ordered if wanted <= set(self._events[position - 1].tags))

    def _run(self, key: tuple[str, str], after: int, last: int) -> Sequence[int]:
        positions = self._index.get(key)
        if not positions or positions[-1] <= after:
            return ()
        return positions[bisect_right(positions, after) : bisect_right(positions, last)]


def _place(record: Record) -> tuple[int, bytes]:
    return record.recorded_at, record.id.bytes


def _fits(record: Record, wanted: Wanted) -> bool:
    same = wanted.name in (None, record.name) and wanted.principal in (None, record.actor)
    return same and record.recorded_at >= wanted.since


def _without_repeats(ordered: Iterator[int]) -> Iterator[int]:
    previous = 0
    for position in ordered:
        if position != previous:
            previous = position
            yield position
