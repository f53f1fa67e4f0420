"""The race for one seat: whoever races, however close, exactly one commit takes it."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from diptych.application import Application
from diptych.model.results import Accepted, Refused
from diptych.write.entities import Entity
from tests.clusters import Database
from tests.faults.racing import events_of, held, overbooked, race, school_at, subscribe_plainly
from tests.sizes import size
from tests.write.domain import OpenCourse, Subscribe

ROUNDS = size(50, full=1000)
TASKS = 16
PROCESSES = 4
LOTS = random.Random(16)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(ROUNDS + 60)]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty log in each database."""
    if request.param == "SQLite":
        return f"sqlite:///{tmp_path}/school.db"
    database: Database = request.getfixturevalue("newest_postgres")
    return database.url


async def race_of_tasks(app: Application, course: str, plain: int) -> list[Any]:
    """Let tasks race for the seat: all begin at one moment, and none decides before all have read."""
    begin, reads, together = asyncio.Barrier(TASKS), held(app), asyncio.Barrier(TASKS)
    reads.hold(together.wait, TASKS - plain)

    async def decided(number: int) -> Any:
        await begin.wait()
        return await app.send(Subscribe(f"{course}-{number}", (course,)))

    async def plainly(number: int) -> None:
        await begin.wait()
        is_last = LOTS.randrange(2)
        while is_last and together.n_waiting < TASKS - plain:  # noqa: ASYNC110 (who comes last goes on first)
            await asyncio.sleep(0)
        await together.wait()
        for _ in range(LOTS.randrange(2)):  # before all decisions, between them, or after
            await asyncio.sleep(0)
        await subscribe_plainly(app, course, f"{course}-plain-{number}")

    racers = [plainly(number) if number < plain else decided(number) for number in range(TASKS)]
    LOTS.shuffle(racers)
    return [result for result in await asyncio.gather(*racers) if result is not None]


async def test_of_16_tasks_that_read_the_same_free_seat_exactly_one_takes_it(
    log: str, record_property: Callable[[str, object], None]
) -> None:
    async with school_at(log) as app:
        for number in range(ROUNDS):
            course = f"c{number}"
            await app.send(OpenCourse(course, 1))

            results = await race_of_tasks(app, course, plain=0)

            assert sum(isinstance(each, Accepted) for each in results) == 1
            assert sum(isinstance(each, Refused) for each in results) == TASKS - 1
            assert len(await events_of(app, course)) == 2
    record_property("rounds", ROUNDS)


async def test_plain_appends_among_them_take_no_seat_twice_with_a_decision(
    log: str, record_property: Callable[[str, object], None]
) -> None:
    decided = 0
    async with school_at(log) as app:
        for number in range(ROUNDS):
            course = f"c{number}"
            await app.send(OpenCourse(course, 1))

            results = await race_of_tasks(app, course, plain=2)

            taken = sum(isinstance(each, Accepted) for each in results)
            events = await events_of(app, course)
            assert taken <= 1
            assert len(events) == 1 + 2 + taken
            assert overbooked(events) == 0
            decided += taken
    record_property("rounds", ROUNDS)
    assert 0 < decided < ROUNDS, "one side was always faster, so nothing was shown"
    record_property("seats taken by a decision", decided)


async def test_of_4_processes_on_one_file_exactly_one_takes_each_seat(
    log: str, record_property: Callable[[str, object], None]
) -> None:
    async with school_at(log) as app:
        for number in range(ROUNDS):
            await app.send(OpenCourse(f"c{number}", 1))

    won = await asyncio.to_thread(race_of_processes, log)

    assert sorted(number for each in won for number in each) == list(range(ROUNDS))
    async with school_at(log) as app:
        for number in range(ROUNDS):
            assert overbooked(await events_of(app, f"c{number}")) == 0
    record_property("rounds", ROUNDS)
    record_property("won by each process", [len(each) for each in won])


def race_of_processes(log: str) -> list[list[int]]:
    spawn = multiprocessing.get_context("spawn")
    barrier, won = spawn.Barrier(PROCESSES), spawn.Queue()
    racers = [spawn.Process(target=race, args=(log, f"s{at}", ROUNDS, barrier, won)) for at in range(PROCESSES)]
    for racer in racers:
        racer.start()
    try:
        return [won.get(timeout=ROUNDS + 30) for _ in racers]
    finally:
        for racer in racers:
            racer.join(10)
            with suppress(ValueError):
                racer.kill()


async def test_an_append_without_its_condition_is_caught(log: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Entity, "guard", lambda _: None)  # the planted bug
    async with school_at(log) as app:
        await app.send(OpenCourse("c", 1))

        await race_of_tasks(app, "c", plain=0)

        assert overbooked(await events_of(app, "c")) > 0
