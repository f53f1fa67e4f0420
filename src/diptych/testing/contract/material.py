"""What the contract appends: events, records and appends with as little said as each test needs."""
# ruff: noqa: S101 (a contract is made of asserts)

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from itertools import count
from typing import TypeVar
from uuid import UUID

from diptych.codec import content_hash
from diptych.model.criteria import Clause, Condition, Criteria, Guard
from diptych.ports import Append, Appended, EventStore, NewEvent, Record, StoredEvent

T = TypeVar("T")
METADATA = b'{"actor":"ann"}'
NOW = 1_700_000_000_000_000
_serial = count(1)


def event(
    name: str = "thing.done", *tags: str, data: bytes = b"{}", version: int = 1, metadata: bytes = METADATA
) -> NewEvent:
    """Return an event with a true hash."""
    return NewEvent(name, version, tags, data, content_hash(name, version, tags, data, metadata))


def appending(*events: NewEvent, condition: Condition = (), record: Record | None = None, now: int = NOW) -> Append:
    """Return an append of these events."""
    return Append(events, condition, record, METADATA, now)


def record(
    name: str = "do.thing",
    *,
    version: int = 5,
    position: int = 0,
    actor: str | None = None,
) -> Record:
    """Return the record of a command, with a fresh id of this UUID version."""
    made = UUID(int=next(_serial) | version << 76 | 0b10 << 62)
    return Record(made, name, b"fingerprint-16by", b'{"answer":42}', position, 0, actor)


def guard(*tags: str, types: Sequence[str] = (), after: int = 0) -> Condition:
    """Return the condition of one clause."""
    return (Guard(Clause(tuple(types), tags), after),)


async def given(store: EventStore, *events: NewEvent) -> int:
    """Append each event by itself; return the head."""
    head = 0
    for each in events:
        outcome = await store.append(appending(each))
        assert isinstance(outcome, Appended)
        head = outcome.last
    return head


async def positions(store: EventStore, criteria: Criteria, **how: int) -> list[int]:
    """Return the positions that a read finds."""
    return [each.position for each in (await store.read(criteria, **how)).events]  # type: ignore[arg-type]  # ints only


async def everything(store: EventStore) -> list[StoredEvent]:
    """Return the whole log, page by page."""
    found: list[StoredEvent] = []
    position = 0
    while True:
        page = await store.read(Criteria.all(), after=position)
        found += page.events
        if page.complete:
            return found
        position = page.through


async def soon(condition: Awaitable[T], *, seconds: float = 10.0) -> T:
    """Await something that must come to pass soon."""
    return await asyncio.wait_for(condition, seconds)
