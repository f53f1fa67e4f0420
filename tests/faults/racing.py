"""The last seat of a course, and who races for it: tasks, plain appends and other processes, held at barriers."""

from __future__ import annotations

import asyncio
import multiprocessing.synchronize
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from diptych.application import Application
from diptych.model.criteria import Criteria
from diptych.model.results import Accepted
from diptych.ports import Append, EventStore, Slice, StoredEvent
from diptych.recorded import metadata_of, writer_of
from tests.write.domain import Subscribe, Subscribed, school

Wait = Callable[[], Awaitable[object]]


class HeldReads:
    """Stand before a log: the first read of every racer returns only when all of them have read."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._waits: list[Wait] = []

    def hold(self, wait: Wait, racers: int) -> None:
        """Hold as many reads as there are racers; the later ones are those of the losers, who read again."""
        self._waits = [wait] * racers

    async def read(self, criteria: Criteria, **bounds: Any) -> Slice:
        """Read as the log does, then wait for the others."""
        found = await self._store.read(criteria, **bounds)
        if self._waits:
            await self._waits.pop()()
        return found


def school_at(log: str) -> Application:
    """Build the school over the log of a URL."""
    return Application(school, events=log, reads="memory://")


def held(app: Application) -> HeldReads:
    """Put a barrier into the reads of an application's left panel."""
    loader: Any = app._write._means.loader
    loader._store, loader._bare = HeldReads(app.store), None  # the quick way of single entities goes past the barrier
    return loader._store  # type: ignore[no-any-return]  # just put there


async def subscribe_plainly(app: Application, course: str, student: str) -> None:
    """Take a seat without a condition, as an import or an old service would."""
    new = writer_of(Subscribed)(Subscribed(course, student), b"{}")
    await app.store.append(Append((new,), (), None, b"{}", app.clock.micros()))


async def events_of(app: Application, course: str) -> Sequence[StoredEvent]:
    return (await app.store.read(Criteria.tagged(f"course:{course}"))).events


def overbooked(events: Sequence[StoredEvent]) -> int:
    """Count the decided subscriptions for which no seat was left when they were appended."""
    free, wrong = 0, 0
    for stored in events:
        if stored.name == "course.opened":
            free = 1
            continue
        decided = metadata_of(stored.metadata).command is not None
        wrong += decided and free < 1
        free -= 1
    return wrong


def race(
    log: str,
    student: str,
    rounds: int,
    before: multiprocessing.synchronize.Barrier,
    won: multiprocessing.Queue[list[int]],  # type: ignore[name-defined]  # generic for type checkers only
) -> None:
    """Be one process of the race: subscribe to the one seat of course after course, reading all at one moment."""
    won.put(asyncio.run(_race(log, student, rounds, before)))


async def _race(log: str, student: str, rounds: int, barrier: multiprocessing.synchronize.Barrier) -> list[int]:
    won = []
    async with school_at(log) as app:
        reads = held(app)
        for number in range(rounds):
            reads.hold(lambda: asyncio.to_thread(barrier.wait, 30), 1)
            await asyncio.to_thread(barrier.wait, 30)
            if isinstance(await app.send(Subscribe(f"{student}-{number}", (f"c{number}",))), Accepted):
                won.append(number)
    return won
