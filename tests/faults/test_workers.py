"""Workers that are killed, or sleep past their leases: every projection goes on, and no zombie writes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.history.check import Report
from diptych.ports import Owner
from tests.faults.databases import Place, place
from tests.faults.flock import application
from tests.sizes import size
from tests.write.domain import Move, OpenAccount

ROOT = Path(__file__).parents[2]
TIMES = size(5, full=100)
RATE = size(100, full=500)
BUSY, OFTEN = 0.2, 0.4
NAMES = ("sums", "moves", "largest")
LONGEST = 3.0
LATE = size(2, full=1)  # of 5, on a machine that has other things to do; of 100, on one that has not
MANY = 50

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + 20 * TIMES)]
__all__ = ["place"]


class Worker:
    """A `diptych worker`, and what it said that it owns."""

    def __init__(self, child: Process) -> None:
        self.child, self.told = child, [{"projections": list[str](), "fenced": 0}]
        self._listening = asyncio.create_task(self._listen())

    @property
    def fenced(self) -> int:
        return int(self.told[-1]["fenced"])  # type: ignore[call-overload]  # a number, by its name

    async def _listen(self) -> None:
        assert self.child.stdout is not None
        async for line in self.child.stdout:
            self.told.append(json.loads(line))

    async def end(self) -> int:
        await until(lambda: len(self.told) > 1 or self._listening.done())  # before that it hears no signal
        with contextlib.suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
        status = await self.child.wait()
        await self._listening
        return status


def python() -> tuple[str, ...]:
    return sys.executable, "-m", "diptych"


async def started(place: Place, **environment: str) -> Worker:
    words = (*python(), "worker", "tests.faults.flock:application", "--json", "--events", place.url)
    busy = {**os.environ, "FOLD_SECONDS": str(BUSY / RATE), **environment}
    return Worker(await asyncio.create_subprocess_exec(*words, stdout=PIPE, stderr=DEVNULL, cwd=ROOT, env=busy))


@contextlib.asynccontextmanager
async def bank(place: Place) -> AsyncIterator[tuple[Application, list[UUID]]]:
    async with application().configured(events=place.url, only="commands") as app:
        yield app, [(await app.send(OpenAccount(owner=f"owner {n}"))).unwrap() for n in range(20)]


async def stream(app: Application, accounts: list[UUID]) -> None:
    """Move money at a steady rate, whatever happens to the workers."""
    loop, chance = asyncio.get_running_loop(), random.Random(3)
    began, sent = loop.time(), 0
    while True:
        due = int((loop.time() - began) * RATE) - sent
        batch = [Move(chance.choice(accounts), chance.randint(1, 9)) for _ in range(min(due, 64))]
        for result in await asyncio.gather(*[app.send(each) for each in batch]):
            result.unwrap()
        sent += len(batch)
        await asyncio.sleep(0.005)


async def until(condition: Callable[[], object], *, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 (another process does not wake us)
            await asyncio.sleep(0.01)


async def owners_once(app: Application, fit: Callable[[dict[str, Owner]], bool]) -> dict[str, Owner]:
    async with asyncio.timeout(20):
        while not fit(found := dict(await app.ownership.owners())):  # noqa: ASYNC110 (another process does not wake us)
            await asyncio.sleep(0.01)
    return found


async def ended(streaming: asyncio.Task[None]) -> None:
    streaming.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await streaming


def pid(owner: Owner) -> int:
    return int(owner.name.rpartition(":")[2])


async def stopped(victim: Worker, place: Place) -> None:
    """Stop a process, but not while it holds what SQLite lets only one hold: then nobody could take over."""
    while True:
        victim.child.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.005)  # the signal is on its way
        if place.is_free:
            return
        victim.child.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.005)


async def takeover(app: Application, victim: Worker, place: Place, blow: signal.Signals) -> float:
    """Strike; return after how many seconds others fold everything that the victim folded."""
    before = await owners_once(app, lambda found: len(found) == len(NAMES))
    lost = [name for name, owner in before.items() if pid(owner) == victim.child.pid]
    if blow is signal.SIGKILL:
        victim.child.kill()
    else:
        await stopped(victim, place)
    began = time.monotonic()
    head = await app.head()
    async with asyncio.timeout(30):
        while not await taken(app, lost, before, head):  # noqa: ASYNC110 (the same)
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def taken(app: Application, lost: list[str], before: dict[str, Owner], head: int) -> bool:
    stored = await app.checkpoints()
    return all(stored[name].epoch > before[name].epoch and stored[name].position >= head for name in lost)


async def struck(place: Place, times: int, **environment: str) -> tuple[list[Report], list[float], int]:
    """Kill and stop workers under a stream of commands; return what check finds, takeovers, and refused writes."""
    chance, seconds, fenced = random.Random(11), list[float](), 0
    async with bank(place) as (app, accounts):
        workers = [await started(place, **environment) for _ in NAMES]
        streaming = asyncio.create_task(stream(app, accounts))
        try:
            for number in range(times):
                found = await owners_once(app, lambda found: len({each.worker for each in found.values()}) == 3)
                chosen = pid(chance.choice([*found.values()]))
                victim = next(each for each in workers if each.child.pid == chosen)
                blow = signal.SIGKILL if number % 2 else signal.SIGSTOP
                seconds.append(await takeover(app, victim, place, blow))
                if blow is signal.SIGSTOP:
                    if number == times - 1:  # nothing comes after it, and hides what it writes when it wakes up
                        await ended(streaming)
                        await app.caught_up()
                    victim.child.send_signal(signal.SIGCONT)
                else:
                    await victim.child.wait()
                    workers[workers.index(victim)] = await started(place, **environment)
            await owners_once(app, lambda found: len({each.worker for each in found.values()}) == 3)
            await ended(streaming)
            await app.caught_up()
            reports = [await app.check(name) for name in NAMES]
        finally:
            await ended(streaming)
            statuses = [await each.end() for each in workers]
        fenced = sum(each.fenced for each in workers)
    assert statuses == [0] * len(workers), "a worker that is asked to end does so with status 0"
    return reports, seconds, fenced


async def test_killed_and_sleeping_workers_lose_nothing_and_are_replaced_in_time(
    place: Place, record_property: Callable[[str, object], None]
) -> None:
    reports, seconds, fenced = await struck(place, TIMES)

    assert [report.differences for report in reports] == [()] * len(NAMES)
    assert all(report.rows > 0 for report in reports)
    late = [each for each in seconds if each > LONGEST]
    record_property("takeovers", len(seconds))
    record_property("longest takeover in s", round(max(seconds), 2))
    record_property("median takeover in s", round(sorted(seconds)[len(seconds) // 2], 2))
    record_property("fenced writes", fenced)
    assert len(late) <= LATE, late
    assert fenced or TIMES < MANY, "no zombie had anything in hand"


async def test_three_workers_own_one_projection_each_and_leave_them_when_they_are_asked_to_end(place: Place) -> None:
    async with bank(place) as (app, _):
        first = await started(place)
        await owners_once(app, lambda found: {pid(each) for each in found.values()} == {first.child.pid})
        others = [await started(place) for _ in range(2)]
        began = time.monotonic()
        await owners_once(app, lambda found: len({each.worker for each in found.values()}) == len(NAMES))
        assert time.monotonic() - began < 20
        assert sorted(len(each.told[-1]["projections"]) for each in (first, *others)) <= [1, 1, 1]  # type: ignore[arg-type]

        assert await first.end() == 0
        found = await owners_once(app, lambda found: len(found) == len(NAMES))
        assert first.child.pid not in {pid(each) for each in found.values()}
        assert [await each.end() for each in others] == [0, 0]
        assert await app.ownership.owners() == {}


async def test_a_planted_write_without_a_fence_is_caught(tmp_path: Path) -> None:
    place = Place(f"sqlite:///{tmp_path}/bank.db", tmp_path)
    # A stop may hit a worker that has nothing in hand: these mostly have. Nothing comes after the one that wakes up.
    for _ in range(12):
        reports, _, _ = await struck(place, 1, PLANTED="1", FOLD_SECONDS=str(OFTEN / RATE))
        if any(report.differences for report in reports):
            return
    pytest.fail("a zombie wrote, and nobody noticed")
