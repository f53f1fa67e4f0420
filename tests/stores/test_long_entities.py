"""Pages of an entity of many events: in order, whole, whatever types they have, and as a fold takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from random import Random

import msgspec
import pytest

from diptych.model.criteria import Clause, Criteria
from diptych.ports import BareReader, EventReader, NewEvent, Slice, StoredEvent
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event

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

    for reader in (await log.read(Criteria((clause,))), await log.read_bare(clause)):
        assert [each.position for each in reader.events] == [*range(1, 72), 73]
        assert [each.name for each in reader.events][70:] == ["kind.1", "kind.0"]


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
    assert len(plans) == 4
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
            assert await log.read_bare(clause, after=after, limit=limit) == wanted
            assert await reader.read_bare(clause, after=after, limit=limit) == wanted
    assert await log.read_bare(clause, limit=5000) == bared(await log.read(Criteria((clause,)), limit=5000))


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


def bared(page: Slice) -> Slice:
    empty = {"tags": (), "metadata": b"", "recorded_at": 0, "hash": b""}
    return msgspec.structs.replace(page, events=[msgspec.structs.replace(each, **empty) for each in page.events])
