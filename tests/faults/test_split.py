"""One process takes commands, one folds, one answers queries and may not write: tokens, tags and caches still hold."""

from __future__ import annotations

import contextlib
import json
from asyncio.subprocess import PIPE, Process, create_subprocess_exec
from collections.abc import AsyncIterator
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import pytest

from diptych.application import Application
from diptych.errors import ElsewhereError, StoreError
from tests.faults.databases import Place, place
from tests.faults.flock import GetSum, GetTotal, application, largest, moves, sums
from tests.faults.test_workers import ROOT, bank, owners_once, python
from tests.sizes import size
from tests.write.domain import Move

TIMES = size(20, full=1000)
pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + TIMES)]
__all__ = ["place"]


class House(NamedTuple):
    """The process of this test, which takes commands; an account; who answers queries, who folds, and by which URL."""

    app: Application
    account: UUID
    queries: httpx2.AsyncClient
    worker: Process
    reading: str

    async def move(self, amount: int) -> int:
        return (await self.app.send(Move(self.account, amount))).position or 0

    async def ask(self, name: str, **headers: str) -> httpx2.Response:
        given = {"account": str(self.account)} if name == "GetSum" else {}
        return await self.queries.get(f"/queries/{name}", params=given, headers=headers)


@contextlib.asynccontextmanager
async def process(*words: str) -> AsyncIterator[Process]:
    child = await create_subprocess_exec(*python(), *words, stdout=PIPE, cwd=ROOT)
    try:
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.terminate()
        await child.wait()


async def said(child: Process) -> Any:
    assert child.stdout is not None
    return json.loads(await child.stdout.readline())


@pytest.fixture
async def house(place: Place) -> AsyncIterator[House]:
    named = "tests.faults.flock:application"
    async with bank(place) as (app, accounts), process("worker", named, "--json", "--events", place.url) as worker:
        await said(worker)
        await app.caught_up()
        reading = place.for_queries()
        words = ("--only", "queries", "--json", "--port", "0", "--events", reading)
        async with process("serve", named, *words) as server:
            served = await said(server)
            async with httpx2.AsyncClient(base_url=served["address"], timeout=20) as client:
                yield House(app, accounts[0], client, worker, reading)


async def test_a_position_that_one_process_gave_is_waited_for_in_another(house: House) -> None:
    for number in range(1, TIMES + 1):
        position = await house.move(1)

        answer = await house.ask("GetSum", **{"Diptych-After": str(position)})

        assert answer.status_code == 200, answer.text
        assert answer.json()["amount"] == number
        assert int(answer.headers["Diptych-Position"]) >= position


async def test_a_tag_is_valid_until_another_process_folds_a_change(house: House) -> None:
    for number in range(1, TIMES + 1):
        position = await house.move(1)
        first = await house.ask("GetSum", **{"Diptych-After": str(position)})
        again = await house.ask("GetSum", **{"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")

        position = await house.move(-1)
        changed = {"If-None-Match": first.headers["etag"], "Diptych-After": str(position)}
        third = await house.ask("GetSum", **changed)

        assert (third.status_code, third.json()["amount"]) == (200, 0), number


async def test_a_cached_answer_dies_of_a_change_that_another_process_folds(house: House) -> None:
    for number in range(1, TIMES + 1):
        position = await house.move(1)
        await house.ask("GetSum", **{"Diptych-After": str(position)})

        found = [(await house.ask("GetTotal")).json() for _ in range(3)]

        assert found == [number] * 3
    metrics = (await house.queries.get("/metrics")).text
    assert f'diptych_query_cache_total{{query="GetTotal",outcome="hit"}} {2 * TIMES}' in metrics.splitlines()


async def test_who_answers_queries_alone_writes_nothing_and_says_so(house: House) -> None:
    async with application().configured(events=house.reading, only="queries") as app:
        with pytest.raises(ElsewhereError, match="serves queries only, and a command is served by another"):
            await app.send(Move(house.account, 1))
        with pytest.raises(StoreError, match="only reads"):
            await app.store.append(None)  # type: ignore[arg-type]  # whatever it is
        position = await house.move(5)
        assert await app.ask(GetTotal(), after=position) == 5
        row = await app.ask(GetSum(house.account), after=position)
        assert row is not None
        assert row.amount == 5
        assert (await app.check("sums")).is_right
        assert app.ownership.here == frozenset()
    with pytest.raises(ElsewhereError, match="serves commands only, and a query is served by another"):
        await house.app.ask(GetTotal())


async def test_other_code_gets_nothing_until_the_last_worker_of_the_old_one_ends_and_is_read_then(
    house: House, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of a new generation are made by a worker, and who may only read may read them."""
    position = await house.move(7)
    old = await owners_once(house.app, lambda found: len(found) == 3)
    async with process("worker", "tests.faults.flock:renewed", "--json", "--events", place.url) as renewed:
        assert (await said(renewed))["projections"] == []
        assert await house.app.ownership.owners() == old
        answer = await house.ask("GetSum", **{"Diptych-After": str(position)})
        assert answer.json()["amount"] == 7

        house.worker.terminate()
        while answer.status_code == 200:
            answer = await house.ask("GetSum")
        assert answer.json()["type"] == "/problems/outdated"
        for each in (sums, moves, largest):
            monkeypatch.setattr(each, "version", 2)
        async with application().configured(events=house.reading, only="queries") as app:
            await app.caught_up()
            row = await app.ask(GetSum(house.account), after=position)
            assert row is not None
            assert row.amount == 7
