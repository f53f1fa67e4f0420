"""Events that were just appended are read from memory, as the log has them."""

from __future__ import annotations

import asyncio

import pytest

from diptych.model.criteria import Criteria
from diptych.ports import Appended, Conflicted
from diptych.stores.postgres import recent
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.recent import RecentLog
from diptych.testing.contract.material import appending, event, guard, record
from tests.clusters import Database

EVERYTHING = Criteria.all()


def opened(database: Database) -> PostgresEventStore:
    return PostgresEventStore(Address.of(database.url, schema="diptych"))


def kept(store: PostgresEventStore) -> RecentLog:
    return store._known


async def test_what_memory_tells_is_what_the_log_tells(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store, opened(newest_postgres) as other:
        await store.append(appending(event("opened", "order:ä", "shop:1", data=b'{"a":1}', version=3)))
        appends = [
            appending(
                *(event("paid", f"order:{number}") for _ in range(number % 4)),
                event("closed", f"order:{number}"),
                condition=guard("shop:1") if number % 5 == 0 else (),
                record=record(),
                now=1_800_000_000_000_000 - number % 7,
            )
            for number in range(40)
        ]
        outcomes = await asyncio.gather(*map(store.append, appends))
        assert {Appended, Conflicted} == {type(each) for each in outcomes}

        head = await other.head()
        for criteria in (EVERYTHING, Criteria.typed("paid"), Criteria.tagged("order:3") | Criteria.typed("closed")):
            for after, until, limit in ((0, head, 1000), (3, head - 2, 1000), (0, head, 7), (head - 1, head, 1)):
                told = kept(store).slice(criteria, after, until, limit)
                found = await other.read(criteria, after=after, until=until, limit=limit)
                assert told is not None
                assert told == found


async def test_where_another_process_wrote_between_the_log_is_read(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store, opened(newest_postgres) as other:
        for each in (store, other, store):
            await each.append(appending(event()))

        assert kept(store).slice(EVERYTHING, 1, 3, 9) is None
        assert kept(store).slice(EVERYTHING, 2, 3, 9) is not None
        assert [each.position for each in (await store.read(EVERYTHING, after=0, until=3)).events] == [1, 2, 3]


async def test_a_read_that_names_no_end_asks_the_log(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store, opened(newest_postgres) as other:
        await store.append(appending(event()))
        await other.append(appending(event()))

        assert len((await store.read(EVERYTHING)).events) == 2
        assert len((await store.read(EVERYTHING, until=2)).events) == 2


@pytest.mark.parametrize("bound", ["_MOST", "_BYTES"])
async def test_few_events_are_kept(newest_postgres: Database, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    monkeypatch.setattr(recent, bound, 3)
    async with opened(newest_postgres) as store:
        for _ in range(10):
            await store.append(appending(event()))

        assert len(kept(store)._events) <= 3
        assert [each.position for each in (await store.read(EVERYTHING, until=10)).events] == list(range(1, 11))
