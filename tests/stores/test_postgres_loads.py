"""Loads from PostgreSQL: told apart by the texts of tags, and found without a sort however empty the log was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from diptych.errors import StoreError
from diptych.model.criteria import Clause, Criteria
from diptych.stores.postgres import batch, hashes, pages
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.hashes import array_of, id_of
from diptych.stores.postgres.loads import bare_loads
from diptych.stores.postgres.pages import BARE, FOREVER, FULL, LogPages, statement
from diptych.stores.postgres.readers import Readers
from diptych.stores.postgres.session import connect_to_log
from diptych.testing.contract.material import appending, event
from tests.clusters import Database

POTS = [Clause(tags=(f"pot:{number}",)) for number in range(3)]
NAMED = Clause(("filled",), ("pot:1",))
BOTH = Clause(tags=("pot:1", "shelf:a"))


@pytest.fixture
def one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all tags have one id; types keep theirs."""
    whole = hashes.id_of

    def shared(text: str) -> int:
        return 7 if ":" in text else whole(text)

    for module in (batch, hashes, pages):
        monkeypatch.setattr(module, "id_of", shared)


@pytest.fixture
async def log(one_hash: None, postgres: Database) -> AsyncIterator[PostgresEventStore]:
    """Give a log of thirty events: each pot has one in three, on a shelf or not, first or last of its tags."""
    async with PostgresEventStore(Address.of(postgres.url, schema="diptych")) as store:
        tags = [("pot:0",), ("shelf:a", "pot:1"), ("pot:2", "shelf:a")]
        await store.append(appending(*(event("filled", *tags[number % 3]) for number in range(30))))
        yield store


async def test_tags_of_one_hash_are_told_apart_alone_and_together(log: PostgresEventStore) -> None:
    wanted = [list(range(1 + number, 31, 3)) for number in range(3)]

    alone = [await log.read_bare(each) for each in POTS]
    together = await asyncio.gather(*[log.read_bare(each) for each in POTS])
    full = await asyncio.gather(*[log.read(Criteria((each,))) for each in POTS])

    assert [[position for position, *_ in each.events] for each in alone] == wanted
    assert [[position for position, *_ in each.events] for each in together] == wanted
    assert [[each.position for each in found.events] for found in full] == wanted


async def test_pages_are_full_although_other_tags_share_the_hash(log: PostgresEventStore) -> None:
    first = await log.read_bare(POTS[1], limit=4)
    rest = await log.read_bare(POTS[1], after=first.through, limit=6)

    assert [position for position, *_ in first.events] == [2, 5, 8, 11]
    assert (first.through, first.complete) == (11, False)
    assert [position for position, *_ in rest.events] == [14, 17, 20, 23, 26, 29]
    assert rest.complete


async def test_clauses_of_one_tag_and_of_several_are_loaded_together(log: PostgresEventStore) -> None:
    found = await asyncio.gather(*[log.read_bare(each) for each in (NAMED, BOTH, POTS[0])])

    assert [len(each.events) for each in found] == [10, 10, 10]
    assert found[0].events == found[1].events


@pytest.fixture
async def planning(postgres: Database) -> AsyncIterator[Connection]:
    """Give a connection that plans what it reads while the log is empty."""
    address = Address.of(postgres.url, schema="diptych")
    async with PostgresEventStore(address):
        connection = await connect_to_log(address, "plans")
        yield connection
        await close(connection)


@pytest.mark.parametrize("columns", [BARE, FULL])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_what_is_planned_on_an_empty_log_finds_positions_by_the_index_and_sorts_nothing(
    planning: Connection, columns: str, order: str
) -> None:
    tag, types, text = id_of("pot:1"), array_of([id_of("filled")]), '"pot:1"'
    alone = f"{tag}, 0, {FOREVER}, '{types}', '{text}', 10"
    many = f"array[{tag}], array[0], array['{types}'], array['{text}'], {FOREVER}, 10"

    for name, asked in (("read_of_tag", alone), ("read_of_tags", many)):
        await planning.execute(f"prepare {name} as {statement(name, 'diptych', columns, order)}")
        plan = "\n".join(line for (line,) in await planning.fetch(f"explain execute {name} ({asked})"))
        assert "using events_pkey" in plan.replace("Backward using", "using")
        assert "Sort" not in plan


async def test_who_asks_again_in_the_turn_in_which_the_last_load_ended_is_served(postgres: Database) -> None:
    address = Address.of(postgres.url, schema="diptych")
    async with PostgresEventStore(address) as store, asyncio.timeout(10):
        await store.append(appending(event("filled", "pot:0")))
        readers = Readers(lambda: connect_to_log(address, "reader"), most=1)
        await readers.open()
        loads = bare_loads(readers, LogPages("diptych"), most=1)

        found = [await loads.load((POTS[0],), 0, 10, 0) for _ in range(3)]

        assert [len(each.events) for each in found] == [1, 1, 1]
        await loads.close()
        await readers.close()


async def test_a_log_closes_though_somebody_keeps_a_table_that_is_being_read(postgres: Database) -> None:
    address = Address.of(postgres.url, schema="diptych")
    admin = await connect_to_log(address, "admin")
    transaction = admin.transaction()
    async with PostgresEventStore(address) as store:
        await store.append(appending(event("filled", "pot:0")))
        await transaction.start()
        await admin.execute("lock table diptych.events in access exclusive mode")
        asking = [asyncio.create_task(store.read_bare(POTS[0])), asyncio.create_task(store.read(Criteria.all()))]
        await asyncio.wait(asking, timeout=0.05)
        closing = asyncio.create_task(store.__aexit__(None, None, None))

        done, _ = await asyncio.wait([closing], timeout=20)
        await transaction.rollback()
        await closing
        await close(admin)

    assert done
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert [type(each) for each in answers] == [StoreError, StoreError]
