"""Units of work on PostgreSQL whose connection or server is lost at the commit: what they tell is what there is."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid5

import asyncpg
import pytest

from diptych.errors import OutcomeUnknownError, StoreError
from diptych.ports import Append, Appended, Record
from diptych.stores.postgres import unit_commit
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.testing.contract.material import appending, event
from tests.clusters import NEWEST, Cluster, Database
from tests.faults.wires import Wire
from tests.sizes import size
from tests.stores.ledger import Account, Ledger

MANY = size(60, full=3000)
CRASHES = size(2, full=40)
TASKS = 8
LONG = 30.0

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + MANY + CRASHES * 20)]

Property = Callable[[str, object], None]
Told = dict[int, str]


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Give a cluster of its own, which may crash."""
    made = Cluster(NEWEST)
    yield made
    made.remove()


def opening(number: int) -> Append:
    """Return the append of an account: an event of it, and a record whose id is no other's."""
    kept = Record(uuid5(UUID(int=0), str(number)), "open", b"f" * 16, b"null", 0, 0)
    return appending(event("opened", f"account:{number}"), record=kept)


async def told(store: PostgresEventStore, number: int) -> str:
    """Write an account by a unit; return what is said of it."""
    try:
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=number, owner=f"owner {number}"))
            return "done" if isinstance(await unit.append(opening(number)), Appended) else "lost"
    except OutcomeUnknownError:
        return "unknown"
    except StoreError:
        return "nothing"


async def all_told(store: PostgresEventStore, numbers: Iterator[int]) -> Told:
    """Write accounts in a few tasks; return what was said of each."""
    found: Told = {}

    async def work() -> None:
        for number in numbers:
            found[number] = await told(store, number)

    await asyncio.gather(*[work() for _ in range(TASKS)])
    return found


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[PostgresEventStore]:
    """Open a log with tables beside it."""
    store = PostgresEventStore(Address.of(url, schema="diptych"))
    store.declare([Ledger.metadata])
    async with store:
        yield store


async def there(url: str) -> tuple[set[int], set[int], set[UUID]]:
    """Return the numbers of the rows and of the events, and the ids of the records."""
    connection = await asyncpg.connect(url)
    try:
        rows = {row[0] for row in await connection.fetch("select id from accounts")}
        tags = await connection.fetch("select tags from diptych.events order by position")
        records = {UUID(int=row[0].int) for row in await connection.fetch("select id from diptych.commands")}
    finally:
        await connection.close()
    return rows, {int(row[0].strip('["]').removeprefix("account:")) for row in tags}, records


async def contradictions(url: str, found: Told) -> Counter[str]:
    """Count what was told that is not so; fail where rows, events and records disagree."""
    rows, events, records = await there(url)
    assert rows == events
    assert records == {uuid5(UUID(int=0), str(number)) for number in rows}
    known = {number: said for number, said in found.items() if said != "unknown"}
    return Counter(said for number, said in known.items() if (said == "done") != (number in rows))


async def cut(database: Database, seed: int) -> tuple[Told, Counter[str]]:
    """Write accounts over a wire that is cut at two of three commits."""
    drawn = random.Random(seed)
    async with Wire(database.cluster.port, lambda: drawn.choice(("pass", "before", "after"))) as wire:
        url = database.url.replace(f":{database.cluster.port}/", f":{wire.port}/")
        async with opened(url) as store:
            wire.is_cutting = True
            found = await all_told(store, iter(range(MANY)))
            wire.is_cutting = False
        return found, wire.fates


async def test_what_a_unit_tells_of_a_commit_whose_connection_was_cut_is_so(
    newest_postgres: Database, record_property: Property
) -> None:
    found, fates = await cut(newest_postgres, 1)

    assert await contradictions(newest_postgres.url, found) == {}
    assert set(found.values()) == {"done", "nothing"}
    assert min(fates["before"], fates["after"]) >= MANY // 10
    record_property("commits cut", fates["before"] + fates["after"])


async def test_a_lost_commit_that_is_taken_for_none_is_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant a bug: nobody asks what became of the transaction."""

    async def nothing(*_: object) -> bool:
        return False

    monkeypatch.setattr(unit_commit, "_was_committed", nothing)

    found, _ = await cut(newest_postgres, 2)

    assert (await contradictions(newest_postgres.url, found))["nothing"] > 0


async def test_what_units_tell_while_the_server_crashes_is_so(cluster: Cluster, record_property: Property) -> None:
    database = cluster.database()
    numbers, found, drawn = iter(range(1_000_000)), Told(), random.Random(7)

    async with opened(database.url) as store:
        for _ in range(CRASHES):
            ending = asyncio.Event()

            def until(ending: asyncio.Event = ending) -> Iterator[int]:
                while not ending.is_set():
                    yield next(numbers)

            working = asyncio.ensure_future(all_told(store, until()))
            await asyncio.sleep(drawn.random() * 0.5)  # they are under way
            await asyncio.to_thread(cluster.restart, signal.SIGQUIT)
            ending.set()
            found |= await working
        found |= await all_told(store, iter(range(1_000_000, 1_000_010)))

    assert await contradictions(database.url, found) == {}
    assert [found[number] for number in range(1_000_000, 1_000_010)] == ["done"] * 10
    record_property("told", dict(Counter(found.values())))
