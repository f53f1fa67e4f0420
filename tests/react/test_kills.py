"""Subscribers in processes that are killed: nothing is left out, and no more is repeated than was promised."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.processes import line, process
from tests.react.listening import application as bank_of
from tests.react.listening import moved, opened
from tests.react.reacting import HANDLERS, HEARD, URL, application, log_of
from tests.sizes import size

REACTING = "tests.react.reacting"
EVENTS = size(300, full=4000)
KILLS = size(3, full=40)
TAKEOVER = 10.0

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + KILLS * 5)]


@pytest.fixture(params=["sqlite", "postgres"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a folder for what is heard, and the log in a file there, or in PostgreSQL."""
    if request.param == "postgres":
        (tmp_path / URL).write_text(request.getfixturevalue("newest_postgres").url)
    return tmp_path


def lines(folder: Path) -> list[list[int]]:
    """Return what handlers wrote: position, handler, process; a kill may have cut the last line short."""
    path = folder / HEARD
    said = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
    return [[int(word) for word in each.split()] for each in said]


def heard(folder: Path) -> list[tuple[int, int]]:
    return [(position, handler) for position, handler, _ in lines(folder)]


async def fill(folder: Path, count: int) -> None:
    async with bank_of(events=log_of(folder)) as app:
        await opened(app, *[1] * count)


async def grown(folder: Path, lines: int) -> None:
    while len(await asyncio.to_thread(heard, folder)) < lines:
        pass


async def reached(folder: Path, position: int) -> None:
    while (position, HANDLERS) not in await asyncio.to_thread(heard, folder):
        pass


async def killed_again_and_again(folder: Path, events: int, kills: int, **environment: str) -> None:
    rng = random.Random(11)
    await fill(folder, events)
    for _ in range(kills):
        before = len(heard(folder))
        wanted = min(before + rng.randrange(1, 2 * events // kills), (events - 25) * HANDLERS)
        async with process(REACTING, folder, **environment) as child:
            await asyncio.wait_for(grown(folder, wanted), timeout=20)
            child.kill()
    async with application(folder) as app:
        await app.reacted()


async def test_every_event_is_handled_and_a_kill_repeats_one_at_most(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    await killed_again_and_again(folder, EVENTS, KILLS)

    found = heard(folder)
    positions = [position for position, _ in found]
    assert positions == sorted(positions)
    for handler in range(1, HANDLERS + 1):
        assert {position for position, by in found if by == handler} == set(range(2, EVENTS + 2))
    repeated = {position for (position, _), count in Counter(found).items() if count > 1}
    assert len(repeated) <= KILLS
    assert len(found) - len(set(found)) <= KILLS * HANDLERS
    record_property("events", EVENTS)
    record_property("kills", KILLS)
    record_property("events repeated", len(repeated))


async def test_a_planted_bookmark_that_runs_ahead_is_caught(folder: Path) -> None:
    events, kills = 300, 3  # enough at every size: each kill loses something

    await killed_again_and_again(folder, events, kills, PLANTED="1")

    assert set(heard(folder)) < {(position, by) for position in range(2, events + 2) for by in (1, 2)}


async def test_of_two_processes_one_reacts_and_the_other_takes_over_after_a_kill(
    folder: Path, record_property: Callable[[str, object], None]
) -> None:
    async with bank_of(events=log_of(folder)) as app:
        account = await opened(app, *[1] * 20)
        async with process(REACTING, folder) as first, process(REACTING, folder) as second:
            assert await line(first) == await line(second) == "ready"
            await grown(folder, 20 * HANDLERS)
            assert len(heard(folder)) == 20 * HANDLERS, "both reacted"
            (owner,) = {each.pid for each in (first, second)} & {pid for _, _, pid in lines(folder)}

            (first if owner == first.pid else second).kill()
            killed = time.monotonic()
            await moved(app, account, *[1] * 20)
            await asyncio.wait_for(reached(folder, 41), TAKEOVER)
            took = time.monotonic() - killed

    found = heard(folder)
    assert set(found) == {(position, by) for position in range(2, 42) for by in (1, 2)}
    assert len(found) - 40 * HANDLERS <= HANDLERS
    record_property("seconds until the other reacts", round(took, 1))
