"""Whatever the disk of the audit trail does, commands are answered as ever, and what it loses is counted exactly."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest

from diptych import Application, Audit
from diptych.ports import Attempt
from diptych.stores.sqlite.audit import SqliteAuditTrail
from diptych.write.noting import Noting
from tests.faults.audited import HOW, Sick, seats, send
from tests.faults.processes import line, process
from tests.sizes import size

COMMANDS = size(1_000, full=10_000)
TASKS = 8
QUEUE = COMMANDS // 20
Tell = Callable[[str, object], None]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sick:
    found = Sick(tmp_path / "seats-audit.db")
    monkeypatch.setattr("diptych.application.assembly.audit_beside", lambda _: found)
    monkeypatch.setattr("diptych.write.noting.PAUSE", 0.001)
    monkeypatch.setattr("diptych.write.noting._AGAIN", 0.002)
    monkeypatch.setattr("diptych.write.noting._CLOSING", 60.0)
    return found


def application(folder: Path) -> Application:
    return Application(seats, events=f"sqlite:///{folder}/seats.db", audit=Audit(keep=1 << 30, queue=QUEUE))


async def sent(app: Application, disk: Sick, seed: int) -> list[float]:
    """Send every command by several tasks, while the disk falls ill and gets well; return how long each took."""
    chance, seconds, numbers = random.Random(seed), list[float](), iter(range(COMMANDS))

    async def some() -> None:
        for number in numbers:
            if chance.random() < 20 / COMMANDS:
                disk.full = chance.random() < 0.5
                disk.well.set() if chance.random() < 0.5 else disk.well.clear()
            began = time.perf_counter()
            await send(app, number, chance.choice(HOW))
            seconds.append(time.perf_counter() - began)

    await asyncio.gather(*(some() for _ in range(TASKS)))
    return seconds


async def missing(app: Application, folder: Path) -> int:
    """Return how many commands are neither accepted, nor in the trail, nor counted as dropped."""
    async with SqliteAuditTrail(folder / "seats-audit.db") as trail, application(folder) as again:
        described = await again.store.describe()  # type: ignore[attr-defined]  # both of our stores do
        return COMMANDS - int(described["records"]) - (await trail.figures()).kept - app.audit.dropped


@pytest.mark.parametrize("seed", range(size(3, full=5)))
async def test_all_that_is_sent_is_accepted_or_in_the_trail_or_counted_as_dropped(
    tmp_path: Path, disk: Sick, seed: int, record_property: Tell
) -> None:
    async with application(tmp_path) as app:
        await send(app, -1, "accepted")
        seconds = await sent(app, disk, seed)
        disk.full = seed % 2 == 0
        disk.well.set()

    assert await missing(app, tmp_path) == -1  # the one before them
    assert app.audit.dropped > 0
    record_property("commands", COMMANDS)
    record_property("dropped", app.audit.dropped)
    record_property("batches that failed", disk.failed)
    record_property("p50 ms", round(median(seconds) * 1000, 3))


async def test_the_sum_shows_a_drop_that_is_not_counted(
    tmp_path: Path, disk: Sick, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(self: Noting, attempt: Attempt) -> None:
        if len(self._queue) < QUEUE:  # the planted bug: nobody hears of the others
            kept(self, attempt)

    kept = Noting.note
    monkeypatch.setattr(Noting, "note", note)
    async with application(tmp_path) as app:
        await send(app, -1, "accepted")
        await sent(app, disk, 0)
        disk.full = False
        disk.well.set()

    assert await missing(app, tmp_path) > 0


async def test_commands_are_answered_while_the_disk_does_not_answer_at_all(
    tmp_path: Path, disk: Sick, record_property: Tell
) -> None:
    async def timed(app: Application) -> float:
        seconds = []
        for number in range(COMMANDS // 2):
            began = time.perf_counter()
            await send(app, number, "refused")
            seconds.append(time.perf_counter() - began)
        return median(seconds) * 1000

    async with application(tmp_path) as app:
        well = await timed(app)
        await app.audit.written()
        disk.well.clear()
        ill = await timed(app)
        disk.well.set()

    record_property("p50 ms, well", round(well, 4))
    record_property("p50 ms, ill", round(ill, 4))
    assert ill < 5 * well + 0.1


async def test_a_kill_loses_nothing_that_was_written_and_little_else(tmp_path: Path, record_property: Tell) -> None:
    async with process("tests.faults.audited", tmp_path) as child:
        assert await line(child) == "written 50"
        child.kill()
        await child.wait()

    async with SqliteAuditTrail(tmp_path / "seats-audit.db") as trail:
        kept = (await trail.figures()).kept
    record_property("kept of 100", kept)
    assert 50 <= kept <= 100
