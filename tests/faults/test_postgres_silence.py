"""A server that is gone without a word, as after a failover or behind a broken switch, keeps nobody waiting forever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from diptych.model.criteria import Criteria
from diptych.stores.postgres import connection, silence
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.testing.contract.material import appending, event, record
from tests.clusters import Database
from tests.faults.wires import Wire

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60)]

SOON = 10.0
LATE = 4.0
Ask = Callable[[PostgresEventStore], Awaitable[Any]]
ASKED: dict[str, Ask] = {
    "a head": lambda store: store.head(),
    "a page": lambda store: store.read(Criteria.all()),
    "an entity": lambda store: store.read(Criteria.tagged("thing:1")),
    "an append": lambda store: store.append(appending(event("made", "thing:2"), record=record(version=7))),
}


@pytest.fixture
async def wire(newest_postgres: Database) -> AsyncIterator[Wire]:
    async with Wire(newest_postgres.cluster.port, lambda: "pass") as made:
        yield made


@pytest.fixture
async def store(
    newest_postgres: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PostgresEventStore]:
    monkeypatch.setattr(silence, "SECONDS", 1)
    url = newest_postgres.url.replace(f":{newest_postgres.cluster.port}/", f":{wire.port}/")
    async with PostgresEventStore(Address.of(url, schema="diptych")) as opened:
        await opened.append(appending(event("made", "thing:1"), record=record(version=7)))
        yield opened


@pytest.mark.parametrize("asked", ASKED)
async def test_what_is_asked_after_a_server_vanished_is_asked_the_one_that_took_its_place(
    store: PostgresEventStore, wire: Wire, asked: str
) -> None:
    await ASKED[asked](store)
    wire.vanish()

    async with asyncio.timeout(SOON):
        await ASKED[asked](store)


async def test_what_was_asked_when_a_server_vanished_is_asked_again(
    store: PostgresEventStore, wire: Wire, newest_postgres: Database
) -> None:
    admin = await asyncpg.connect(newest_postgres.url)
    async with admin.transaction():
        await admin.execute("lock table diptych.events")
        reading = asyncio.create_task(store.read(Criteria.all()))
        while not await admin.fetchval("select count(*) from pg_locks where not granted"):  # noqa: ASYNC110 (of the server)
            await asyncio.sleep(0)
        wire.vanish()
    await admin.close()

    async with asyncio.timeout(SOON):
        assert len((await reading).events) == 1


async def test_a_statement_may_take_longer_than_that(store: PostgresEventStore, newest_postgres: Database) -> None:
    admin = await asyncpg.connect(newest_postgres.url)
    async with admin.transaction():
        await admin.execute("lock table diptych.events")
        reading = asyncio.create_task(store.read(Criteria.all()))
        await admin.execute("select pg_sleep(3)")

        assert not reading.done()
    await admin.close()
    assert len((await reading).events) == 1


async def test_a_connection_that_never_looks_whether_somebody_is_there_is_caught(
    newest_postgres: Database, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "notice", lambda _: None)  # the planted bug
    url = newest_postgres.url.replace(f":{newest_postgres.cluster.port}/", f":{wire.port}/")
    async with PostgresEventStore(Address.of(url, schema="diptych")) as store:
        await store.head()
        wire.vanish()

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(LATE):
                await store.head()
        for each in store._open_readers()._all:
            each.terminate()
