"""The order of the log in PostgreSQL: whoever commits when, every reader sees every position once and in order."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from typing import Any

import asyncpg
import pytest

from diptych.model.criteria import Criteria
from diptych.ports import Appended, AppendOutcome, Conflicted
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.appends import append_one
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.simple import simple_rows
from diptych.testing.contract.material import appending, event, given, guard, positions, record
from tests.clusters import Database
from tests.faults.processes import line, process, rest
from tests.sizes import size

TORTURE = "tests.faults.torture"
EVENTS = size(8_000, full=1_000_000)
WRITERS, READERS = 16, 4
PROCESSES = size(2, full=4)
PAUSE = size(1, full=5)
SECONDS = size(60, full=600)
SILENCE = 3.0
LOCK, JUDGED = "perform diptych.take_position();", "if n_id is not null then"
SIMPLY_JUDGED = "insert into diptych.events ("
LATE = f"{LOCK} select coalesce(max(e.position), 0) into head from diptych.events as e;"  # noqa: S608 (ours)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(SECONDS)]

Property = Callable[[str, object], None]


@asynccontextmanager
async def others(database: Database) -> AsyncIterator[None]:
    """Let transactions go on that have nothing to do with the log, all the time."""
    elsewhere = database.cluster.database()
    async with AsyncExitStack() as stack:
        idle, locking, queuing = [await asyncpg.connect(each.url) for each in (database, elsewhere, elsewhere)]
        for each in (idle, locking, queuing):
            stack.push_async_callback(each.close)
        await idle.execute("begin isolation level repeatable read; insert into work (name) values ('never committed')")
        async with PostgresEventStore(address_of(elsewhere)) as store:
            await store.append(appending(event()))
        await locking.execute("begin; select diptych.take_position()")  # of another log: ours does not care
        waiting = asyncio.create_task(queuing.execute("select diptych.take_position()"))
        yield
        assert not waiting.done()
        await locking.execute("rollback")
        await waiting


async def test_every_reader_sees_every_position_once_and_in_order(
    newest_postgres: Database, record_property: Property
) -> None:
    newest_postgres.sql("create table work (id bigint generated always as identity primary key, name text)")
    url = newest_postgres.url
    async with others(newest_postgres), AsyncExitStack() as stack:

        async def started(*words: object) -> Any:
            return await stack.enter_async_context(process(TORTURE, *words, PAUSE=str(PAUSE)))

        writers = [
            await started("write", url, f"p{n}", WRITERS // PROCESSES, EVENTS // PROCESSES) for n in range(PROCESSES)
        ]
        readers = [await started("read", url, READERS // 2, EVENTS) for _ in range(2)]
        for each in (*writers, *readers):
            assert await line(each) == "ready"
        begun = time.monotonic()
        waits = [json.loads(said[-1]) for said in await asyncio.gather(*map(rest, writers))]
        found = [one for said in await asyncio.gather(*map(rest, readers)) for one in json.loads(said[-1])]
        took = time.monotonic() - begun

    assert len(found) == READERS
    assert len({digest for digest, _ in found}) == 1
    assert took < SECONDS
    silence = max(longest for _, longest in found)
    assert silence < SILENCE, f"nothing was read for {silence:.1f} s"
    async with PostgresEventStore(address_of(newest_postgres)) as store:
        assert [position async for position in store.verify()][-1] == EVENTS
    record_property("events", EVENTS)
    record_property("events per second", round(EVENTS / took))
    record_property("longest append in s", round(max(waits), 2))
    record_property("longest silence in s", round(silence, 2))


async def order_of_two(database: Database, store: PostgresEventStore) -> list[int]:
    """Begin an append, let another one commit if it can, read, commit; return the positions as a reader sees them."""
    head = await given(store, event())  # its type is known from here on
    first = await asyncpg.connect(database.url)
    await first.execute("begin")
    await append_one(first, appending(event()), schema="diptych")
    second = asyncio.create_task(store.append(appending(event())))
    await waiting_or_done(database, second)
    seen = await positions(store, Criteria.all(), after=head)
    await first.execute("commit")
    await second
    await first.close()
    return seen + await positions(store, Criteria.all(), after=max(seen, default=head))


async def test_an_append_waits_for_the_one_before(postgres: Database) -> None:
    async with PostgresEventStore(address_of(postgres)) as store:
        assert await order_of_two(postgres, store) == [2, 3]


async def test_positions_of_a_sequence_without_the_lock_are_caught(newest_postgres: Database) -> None:
    async with PostgresEventStore(address_of(newest_postgres)) as store:
        newest_postgres.sql("create sequence diptych.places")
        plant(newest_postgres, (LOCK, ""), ("head := coalesce(head, 0);", "head := nextval('diptych.places') - 1;"))

        assert await order_of_two(newest_postgres, store) == [3]


async def judged_while_another_commits(database: Database, store: PostgresEventStore) -> AppendOutcome:
    """Append under a condition that holds until the append before, which is not committed yet, is."""
    head = await given(store, event("made", "seat:1"))
    first = await asyncpg.connect(database.url)
    await first.execute("begin")
    await append_one(first, appending(event("taken", "seat:1")), schema="diptych")
    second = asyncio.create_task(
        store.append(appending(event("taken", "seat:1"), condition=guard("seat:1", after=head)))
    )
    await waiting_or_done(database, second)
    await first.execute("commit")
    await first.close()
    return await second


async def test_a_condition_is_judged_by_what_was_committed_while_it_waited(postgres: Database) -> None:
    async with PostgresEventStore(address_of(postgres)) as store:
        assert await judged_while_another_commits(postgres, store) == Conflicted(2)


async def test_a_condition_that_is_judged_before_the_lock_is_caught(newest_postgres: Database) -> None:
    async with PostgresEventStore(address_of(newest_postgres)) as store:
        plant(newest_postgres, (LOCK, ""), (JUDGED, f"{LATE} {JUDGED}"))

        assert isinstance(await judged_while_another_commits(newest_postgres, store), Appended)


async def simply_judged_while_another_commits(
    database: Database, store: PostgresEventStore, beside: int
) -> AppendOutcome:
    """Do the same with an append that is simple, alone or with so many beside it."""
    head = await given(store, event("taken", "seat:0"))
    first = await asyncpg.connect(database.url)
    await first.execute("begin")
    await append_one(first, appending(event("taken", "seat:1")), schema="diptych")
    seats = range(1, 2 + beside)
    batch = [
        appending(event("taken", f"seat:{n}"), condition=guard(f"seat:{n}", after=head), record=record()) for n in seats
    ]
    assert simple_rows(batch)
    second = asyncio.gather(*[store.append(each) for each in batch])
    await waiting_or_done(database, second)
    await first.execute("commit")
    await first.close()
    return (await second)[0]


@pytest.mark.parametrize("beside", [0, 2])
async def test_a_simple_condition_is_judged_by_what_was_committed_while_it_waited(
    postgres: Database, beside: int
) -> None:
    async with PostgresEventStore(address_of(postgres)) as store:
        assert await simply_judged_while_another_commits(postgres, store, beside) == Conflicted(2)


@pytest.mark.parametrize("beside", [0, 2])
async def test_a_simple_condition_that_is_judged_before_the_lock_is_caught(
    newest_postgres: Database, beside: int
) -> None:
    async with PostgresEventStore(address_of(newest_postgres)) as store:
        late = (SIMPLY_JUDGED, f"{LATE} {SIMPLY_JUDGED}")
        plant(newest_postgres, (LOCK, ""), late, file="0004_append_simple.sql")

        assert isinstance(await simply_judged_while_another_commits(newest_postgres, store, beside), Appended)


async def waiting_or_done(database: Database, appending: asyncio.Future[Any]) -> None:
    """Return when an append is done, or stands before the lock."""
    asked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    async with asyncio.timeout(10):
        while not appending.done() and await asyncio.to_thread(database.sql, asked) == "0":
            pass


def plant(database: Database, *changes: tuple[str, str], file: str = "0002_append.sql") -> None:
    """Change the functions that append."""
    text = files("diptych.stores.postgres").joinpath("migrations/log", file).read_text()
    text = text[text.index("create function") :]
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    database.sql(text.replace("create function", "create or replace function"))


def address_of(database: Database) -> Address:
    return Address.of(database.url, schema="diptych")
