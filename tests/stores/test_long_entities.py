"""Pages of an entity of many events: in order, whole, whatever types they have, and as a fold takes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import pytest

from diptych.model.criteria import Clause, Criteria
from diptych.ports import BareReader, BareSlice, EventReader, NewEvent, Slice, StoredEvent
from diptych.stores.memory import MemoryEventStore
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event
from tests.clusters import Database

KINDS = [(f"kind.{number}", version) for number in range(6) for version in (1, 2)]
CLAUSES = [
    Clause(("kind.0",), ("pot:1",)),
    Clause(("kind.0", "kind.1", "kind.2"), ("pot:1",)),
    Clause(("kind.0", "kind.1", "kind.2"), ("pot:1", "shelf:a")),
    Clause(tuple(f"kind.{number}" for number in range(6)), ("pot:1",)),
    Clause((), ("pot:1",)),
    Clause(("kind.0", "never"), ("pot:1",)),
]


def events(count: int, kinds: Sequence[tuple[str, int]]) -> list[NewEvent]:
    rng, found = Random(4), []
    for number in range(count):
        name, version = rng.choice(kinds)
        tags = ("pot:1", f"shelf:{'ab'[number % 2]}") if rng.random() < 0.7 else ("pot:2",)
        found.append(event(name, *tags, version=version, data=b"%d" % number))
    return found


async def stored(store: MemoryEventStore | SqliteEventStore, found: Sequence[NewEvent]) -> None:
    for first in range(0, len(found), 50):
        await store.append(appending(*found[first : first + 50]))


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
    async with SqliteEventStore(tmp_path / "pots.db") as opened:
        yield opened


@pytest.mark.parametrize("kinds", [KINDS[:3], KINDS], ids=["few types", "many types"])
async def test_every_page_is_that_of_the_memory_store(log: SqliteEventStore, kinds: list[tuple[str, int]]) -> None:
    memory, found = MemoryEventStore(), events(600, kinds)
    for store in (memory, log):
        await stored(store, found)

    for clause in CLAUSES:
        for limit in (63, 64, 65, 200, 1000):
            for backwards in (False, True):
                wanted = await pages(memory, clause, limit, backwards=backwards)
                assert await pages(log, clause, limit, backwards=backwards) == wanted


async def test_a_type_that_another_process_brought_is_not_missed(tmp_path: Path, log: SqliteEventStore) -> None:
    clause = Clause(("kind.0", "kind.1"), ("pot:1",))
    await stored(log, [event("kind.0", "pot:1") for _ in range(70)])
    await log.read(Criteria((clause,)))  # now it knows the types

    async with SqliteEventStore(tmp_path / "pots.db") as other:
        await stored(other, [event("kind.1", "pot:1"), event("elsewhere", "pot:9"), event("kind.0", "pot:1")])

    wanted = await log.read(Criteria((clause,)))
    assert [each.position for each in wanted.events] == [*range(1, 72), 73]
    assert [each.name for each in wanted.events][70:] == ["kind.1", "kind.0"]


@pytest.mark.parametrize("before", [0, 1, 70])
async def test_a_type_that_another_process_brought_is_not_missed_by_any_read(
    tmp_path: Path, log: SqliteEventStore, before: int
) -> None:
    clause = Clause(("kind.0", "kind.1"), ("pot:1",))
    await stored(log, [event("kind.0", "pot:2"), *[event("kind.0", "pot:1")] * before])
    assert len((await log.read_bare(clause)).events) == before

    async with SqliteEventStore(tmp_path / "pots.db") as other:
        await stored(other, [event("kind.1", "pot:1", version=3), event("kind.0", "pot:1")])

    assert told(await log.read_bare(clause)) == bared(await log.read(Criteria((clause,))))
    for backwards in (False, True):
        async with log.reader() as fresh:
            wanted = await fresh.read(Criteria((clause,)), backwards=backwards)
        assert await log.read(Criteria((clause,)), backwards=backwards) == wanted
        assert len(wanted.events) == before + 2


async def test_a_read_of_few_types_is_one_statement_whether_it_finds_anything_or_not(log: SqliteEventStore) -> None:
    await stored(log, events(600, KINDS[:3]))
    statements: list[str] = []
    log._pages()._connection.set_trace_callback(statements.append)
    await log.read_bare(CLAUSES[1])  # which reads the types, once
    statements.clear()

    for tag in ("pot:1", "pot:2", "pot:nobody's"):
        await log.read_bare(Clause(("kind.0", "kind.1"), (tag,)))
        await log.read(Criteria((Clause(("kind.0", "kind.1"), (tag,)),)))
        assert len(statements) == 2
        statements.clear()


async def test_nothing_is_sorted_where_types_are_few(log: SqliteEventStore) -> None:
    await stored(log, events(600, KINDS[:3]))
    statements: list[str] = []
    connection = log._pages()._connection
    connection.set_trace_callback(statements.append)

    await log.read(Criteria((CLAUSES[1],)))
    await log.read_bare(CLAUSES[1])

    plans = [
        connection.execute(f"explain query plan {each}").fetchall()
        for each in statements
        if "from types where id" not in each
    ]
    assert len(plans) == 2
    assert not [step for plan in plans for *_, step in plan if "TEMP B-TREE" in step]


@pytest.mark.parametrize("clause", CLAUSES)
async def test_bare_events_are_those_of_read_without_what_only_meta_tells(
    log: SqliteEventStore, clause: Clause
) -> None:
    assert isinstance(log, BareReader)
    await stored(log, events(400, KINDS[:5]))

    async with log.reader() as reader:
        assert isinstance(reader, BareReader)
        for after, limit in ((0, 10), (0, 64), (100, 65), (0, 1000), (400, 10)):
            wanted = bared(await log.read(Criteria((clause,)), after=after, limit=limit))
            assert told(await log.read_bare(clause, after=after, limit=limit)) == wanted
            assert told(await reader.read_bare(clause, after=after, limit=limit)) == wanted
    assert told(await log.read_bare(clause, limit=5000)) == bared(await log.read(Criteria((clause,)), limit=5000))


async def test_bare_events_of_postgresql_are_those_of_read_alone_and_asked_for_together(postgres: Database) -> None:
    async with PostgresEventStore(Address.of(postgres.url, schema="diptych")) as opened:
        for first in range(0, 400, 100):
            await opened.append(appending(*events(400, KINDS[:5])[first : first + 100]))

        for after, limit in ((0, 10), (0, 64), (0, 1000), (400, 10)):
            wanted = [bared(await opened.read(Criteria((each,)), after=after, limit=limit)) for each in CLAUSES]
            assert [told(await opened.read_bare(each, after=after, limit=limit)) for each in CLAUSES] == wanted
            together = await asyncio.gather(*[opened.read_bare(each, after=after, limit=limit) for each in CLAUSES])
            assert [told(each) for each in together] == wanted


async def pages(store: EventReader, clause: Clause, limit: int, *, backwards: bool) -> list[StoredEvent]:
    """Read all pages one after another."""
    found: list[StoredEvent] = []
    after, until, complete = 3, 590, False
    while not complete:
        page = await store.read(Criteria((clause,)), after=after, until=until, limit=limit, backwards=backwards)
        found += page.events
        complete = page.complete
        if backwards and page.events:
            until = page.events[-1].position - 1
        elif not backwards:
            after = page.through
    return found


Told = tuple[list[tuple[int, tuple[str, int], bytes]], int, bool]


def told(page: BareSlice) -> Told:
    events = [(position, page.kinds[kind], data) for position, kind, data in page.events]
    return events, page.through, page.complete


def bared(page: Slice) -> Told:
    return [(each.position, (each.name, each.version), each.data) for each in page.events], page.through, page.complete
