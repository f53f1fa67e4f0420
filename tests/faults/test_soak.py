"""Processes full of tasks that do all at once what other fault tests do by turns: all is answered, and all agree."""

from __future__ import annotations

import asyncio
import contextlib
import json
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.model.criteria import Criteria
from tests.clusters import Database
from tests.faults.databases import Place, place
from tests.faults.flock import GetSum, largest, moves, sums, teller
from tests.faults.processes import line, process, rest
from tests.faults.soaking import COURSES
from tests.sizes import size
from tests.write.domain import OpenAccount, OpenCourse, bank, school

SECONDS = size(4, full=180)
PROCESSES = 4
ACCOUNTS, SEATS = 60, 3
KEPT = (0, 1 << 20)  # every second process remembers no state, and reads every history

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + 2 * SECONDS)]
Property = Callable[[str, object], None]
__all__ = ["place"]


def application(url: str) -> Application:
    return Application(bank, school, teller, sums, moves, largest, events=url)


async def opened(url: str) -> list[str]:
    """Open accounts and courses; return the accounts."""
    async with application(url) as app:
        for number in range(COURSES):
            (await app.send(OpenCourse(f"c{number}", SEATS))).unwrap()
        return [str((await app.send(OpenAccount(owner=f"{number}"))).unwrap()) for number in range(ACCOUNTS)]


async def soaked(url: str, **environment: str) -> list[dict[str, Any]]:
    """Let processes do what people do for a while; return what each says of it."""
    accounts = await opened(url)
    async with contextlib.AsyncExitStack() as stack:
        children = [
            await stack.enter_async_context(customers(url, n, accounts, **environment)) for n in range(PROCESSES)
        ]
        for child in children:
            assert await line(child) == "ready"
        ends = [asyncio.ensure_future(child.wait()) for child in children]
        await asyncio.wait(ends, timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)  # none ends by itself
        return [json.loads(said[-1]) for said in [await rest(child) for child in children]]


def customers(
    url: str, number: int, accounts: list[str], **environment: str
) -> contextlib.AbstractAsyncContextManager[Process]:
    return process("tests.faults.soaking", url, number, KEPT[number % 2], *accounts, **environment)


async def agree(url: str, told: list[dict[str, Any]]) -> None:
    """Fail unless the log and the rows hold what was acknowledged, each once, and no course has too many students."""
    moved = Counter[str]()
    for each in told:
        moved.update(each["moved"])
    async with application(url) as app:
        await app.caught_up()
        for account, amount in moved.items():
            row = await app.ask(GetSum(UUID(account)))
            assert row is not None
            assert row.amount == amount
        for name in ("sums", "moves", "largest"):
            assert (await app.check(name)).is_right
        for number in range(COURSES):
            assert await app.store.count(Criteria.tagged(f"course:c{number}")) <= 1 + SEATS
        taken = await app.store.count(Criteria.typed("course.subscribed"))
        assert taken == sum(each["told"]["seats"] for each in told)


async def test_whatever_many_processes_do_at_once_is_answered_and_is_in_the_log_once(
    place: Place, record_property: Property
) -> None:
    told = await soaked(place.url)

    assert not [each["wrong"] for each in told if "wrong" in each]
    await agree(place.url, told)
    done = sum((Counter[str](each["told"]) for each in told), Counter[str]())
    assert all(done[each] for each in ("sent", "asked", "cancelled", "seats", "refused")), done
    for name, many in sorted(done.items()):
        record_property(name, many)


async def test_a_load_that_is_never_served_is_caught(newest_postgres: Database) -> None:
    told = await soaked(newest_postgres.url, PLANTED="1", PATIENCE="2")

    assert any(each.get("wrong") == ["TimeoutError"] for each in told)
