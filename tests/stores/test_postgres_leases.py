"""The leases of PostgreSQL: one owner for each projection, by the clock of the server, whoever asks at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping

import asyncpg
import pytest

from diptych.errors import FencedError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.migrations import migrate
from diptych.stores.postgres.rows_leases import COMPONENT, PostgresLeases, living
from diptych.stores.postgres.statements import sql
from tests.clusters import Database

SCHEMA = "diptych_reads"
OURS = {"a": "1", "b": "1", "c": "1"}


class Worker:
    """A connection, and the leases of one worker on it."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.leases = connection, PostgresLeases(SCHEMA)

    async def lease(self, projections: Mapping[str, str] = OURS, *, seconds: float = 60) -> Mapping[str, int]:
        return await self.leases.lease(self.connection, projections, seconds=seconds)


@contextlib.asynccontextmanager
async def worker(database: Database) -> AsyncIterator[Worker]:
    address = Address.of(database.url, schema=SCHEMA)
    connection = await connect(address, purpose="leases")
    try:
        await migrate(connection, address, [COMPONENT])
        yield Worker(connection)
    finally:
        await close(connection)


@pytest.fixture
async def first(postgres: Database) -> AsyncIterator[Worker]:
    async with worker(postgres) as opened:
        yield opened


@pytest.fixture
async def second(postgres: Database, first: Worker) -> AsyncIterator[Worker]:
    async with worker(postgres) as opened:
        yield opened


async def test_nobody_gets_what_a_living_owner_has(first: Worker, second: Worker) -> None:
    assert await first.lease({"a": "1"}) == {"a": 1}

    assert await second.lease({"a": "1"}) == {}
    assert await first.lease({"a": "1"}) == {"a": 1}


async def test_an_owner_gives_up_what_is_beyond_its_share(first: Worker, second: Worker) -> None:
    assert await first.lease() == {"a": 1, "b": 1, "c": 1}
    await second.lease()

    assert await first.lease() == {"a": 1, "b": 1}
    assert await second.lease() == {"c": 2}


async def test_an_owner_that_leaves_gives_everything_up(first: Worker, second: Worker) -> None:
    await first.lease()
    await first.leases.end(first.connection)

    assert await second.lease() == {"a": 2, "b": 2, "c": 2}


async def test_a_lease_that_is_over_can_be_taken(first: Worker, second: Worker) -> None:
    await first.lease({"a": "1"}, seconds=0)

    assert await second.lease({"a": "1"}) == {"a": 2}
    assert await first.lease({"a": "1"}) == {}


async def test_workers_that_begin_at_once_never_own_the_same(postgres: Database) -> None:
    async with contextlib.AsyncExitStack() as stack:
        workers = [await stack.enter_async_context(worker(postgres)) for _ in range(6)]
        for _ in range(5):
            found = await asyncio.gather(*[each.lease() for each in workers])

            counts = Counter(name for owned in found for name in owned)
            assert max(counts.values()) == 1, found
        assert counts == Counter(OURS.keys())
        assert max(len(owned) for owned in found) == 1


async def test_what_is_not_owned_is_not_installed_and_what_is_cannot_be_taken_meanwhile(
    first: Worker, second: Worker
) -> None:
    await first.lease({"a": "1"}, seconds=0)
    with pytest.raises(FencedError, match="'a' is not, or no longer, owned"):
        await second.leases.owned(second.connection, ["a"])

    async with first.connection.transaction():
        assert await first.leases.owned(first.connection, ["a"]) == {"a": 1}
        working = asyncio.create_task(first.connection.execute("select pg_sleep(1)"))  # as an index that is built
        assert await second.lease({"a": "1"}) == {}
        await working
    assert await second.lease({"a": "1"}) == {"a": 2}


async def test_everybody_sees_who_owns_what_and_nobody_sees_the_dead(first: Worker, second: Worker) -> None:
    await second.lease({"b": "1"}, seconds=0)
    await first.lease({"a": "1"})

    found = await living(second.connection, SCHEMA)

    assert [(name, owner.epoch) for name, owner in found.items()] == [("a", 1)]
    assert await first.leases.held_by_others(first.connection) == set()
    assert await second.leases.held_by_others(second.connection) == {"a"}


async def sleeping(connection: Connection, statement: str) -> asyncpg.transaction.Transaction:
    """Leave a connection where a process that is stopped may leave it: in a transaction, one statement half sent."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(statement)
    await connection.prepare("select 'parsed, and never bound'")
    return transaction


async def test_who_sleeps_in_the_middle_of_a_statement_keeps_nothing_beyond_its_lease(
    first: Worker, second: Worker
) -> None:
    await second.lease({})
    await first.lease({"a": "1"}, seconds=0.2)
    transaction = await sleeping(first.connection, f"select from {SCHEMA}.owners for update")

    async with asyncio.timeout(10):
        while "a" not in (owned := await second.lease({"a": "1"}, seconds=60)):  # noqa: ASYNC110 (a lease has to end)
            await asyncio.sleep(0.01)

    assert owned == {"a": 2}
    with pytest.raises((asyncpg.InterfaceError, asyncpg.PostgresError)):
        await first.connection.execute("select 1")
    with contextlib.suppress(asyncpg.InterfaceError):
        await transaction.rollback()


async def test_who_sleeps_while_it_takes_keeps_nobody_from_renewing_what_it_has(first: Worker, second: Worker) -> None:
    await first.lease({"a": "1"}, seconds=60)
    await second.lease({}, seconds=0.2)
    transaction = await sleeping(second.connection, sql("leases_lock", SCHEMA))

    async with asyncio.timeout(10):
        while "b" not in (owned := await first.lease({"a": "1", "b": "1"}, seconds=60)):
            assert owned == {"a": 1}
            await asyncio.sleep(0.01)

    assert owned == {"a": 1, "b": 1}
    with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError):
        await transaction.rollback()


async def test_a_session_that_is_idle_when_its_lease_ends_is_left_to_the_fence(first: Worker, second: Worker) -> None:
    await first.lease({"a": "1"}, seconds=0)

    assert await second.lease({"a": "1"}) == {"a": 2}
    assert await first.connection.fetchval("select 1") == 1


async def silence() -> AsyncIterator[bytes]:
    await asyncio.Event().wait()
    yield b""


async def test_who_sleeps_in_the_middle_of_a_copy_keeps_nothing_either(first: Worker, second: Worker) -> None:
    await second.lease({})
    await first.lease({"a": "1"}, seconds=0.2)
    transaction = first.connection.transaction()
    await transaction.start()
    await first.connection.execute(f"select from {SCHEMA}.owners for update")
    copied = first.connection.copy_to_table("owners", schema_name=SCHEMA, source=silence())
    copying = asyncio.create_task(copied)

    async with asyncio.timeout(10):
        while "a" not in await second.lease({"a": "1"}, seconds=60):  # noqa: ASYNC110 (the same)
            await asyncio.sleep(0.01)

    copying.cancel()
    with contextlib.suppress(asyncio.CancelledError, asyncpg.InterfaceError, asyncpg.PostgresError):
        await copying
    with contextlib.suppress(asyncpg.InterfaceError, asyncpg.PostgresError):
        await transaction.rollback()
