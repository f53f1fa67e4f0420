"""Whatever is appended, alone or in batches, PostgreSQL answers as memory does; also where tags share a hash."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from importlib.resources import files
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from diptych.model.criteria import Clause, Condition, Criteria, Guard
from diptych.ports import Append, AppendOutcome, Conflicted, Record
from diptych.stores.memory import MemoryEventStore
from diptych.stores.postgres import batch, copied, hashes, pages, simple, verify
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.session import Session
from diptych.stores.postgres.writer import LogWriter, Request
from diptych.testing.contract.material import NOW, appending, event, record
from tests.clusters import Database
from tests.sizes import size

EXAMPLES = size(15, full=2_000)
FRESH = 7  # the version of ids that are made for one command, and never come back
NAMES = ("a", "b", "c")
TAGS = ("t:1", "t:2", 't:"2', 't:1","t:2', "t:,", "t:\\", "t:\x00", "t:é", "t:[1]")

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + EXAMPLES)]

names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
tags = st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple)
clauses = st.builds(Clause, names, tags)
events = st.builds(lambda name, found: event(name, *found), st.sampled_from(NAMES), tags)
guards = st.tuples(clauses, st.integers(0, 8))
appends = st.tuples(
    st.lists(events, max_size=4),
    st.lists(guards, max_size=2),
    st.none() | st.tuples(st.sampled_from((4, FRESH)), st.integers(0, 3)),
)
paths = st.sampled_from(("alone", "together"))
batches = st.tuples(paths, st.integers(-3, 3), st.lists(appends, min_size=1, max_size=8))
criteria = st.lists(clauses, min_size=1, max_size=2).map(lambda found: Criteria(tuple(found)))
reads = st.tuples(criteria, st.integers(0, 8), st.none() | st.integers(0, 20), st.integers(1, 12), st.booleans())
scripts = st.lists(batches | reads, min_size=1, max_size=8)
by_few_examples = settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # a script that is cut short runs on a log that differs already
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Run = Callable[[Sequence[Any]], None]


class Pair:
    """A log in PostgreSQL and one in memory that are told the same; each script begins where the last one ended."""

    def __init__(self, store: PostgresEventStore, writer: LogWriter) -> None:
        self.store, self._writer = store, writer
        self.memory = MemoryEventStore()
        self._records: dict[tuple[int, int], Record] = {}
        self._start = 0

    async def run(self, script: Sequence[Any]) -> None:
        """Do the same with both; fail where they differ."""
        self._start, self._records = await self.memory.head(), {}
        for path, late, specs in (step for step in script if len(step) == 3):
            await self._append(path, [self._made(spec, NOW + late) for spec in specs])
        for wanted, after, until, limit, backwards in (step for step in script if len(step) == 5):
            last = None if until is None else self._start + until
            await self._read(wanted, after=self._start + after, until=last, limit=limit, backwards=backwards)
        await self._read(Criteria.all(), after=self._start, limit=10_000)
        for each in self._records.values():
            assert await self.store.record(each.id) == await self.memory.record(each.id)

    async def _append(self, path: str, made: Sequence[Append]) -> None:
        loop, writer = asyncio.get_running_loop(), self._writer
        untold = [Request(each, loop.create_future()) for each in made]
        writer._waiting.extend(untold)
        while untold:
            several = writer._next()
            for sent in [[each] for each in several] if path == "alone" else [several]:
                await writer._serve(sent)
                writer._answer_rest()
                # First those that were sent, in their order; then those that cannot hold after them.
                for each in sorted((each for each in untold if each.future.done()), key=lambda each: each not in sent):
                    await self._compare(each.append, each.future.result())
                    untold.remove(each)

    async def _compare(self, append: Append, found: AppendOutcome) -> None:
        expected = await self.memory.append(append)
        if not isinstance(found, Conflicted) or not isinstance(expected, Conflicted):
            assert found == expected
            return
        (event,) = (await self.memory.read(Criteria.all(), after=found.position - 1, limit=1)).events
        assert any(
            found.position > each.after and each.clause.matches(event.name, event.tags) for each in append.condition
        )

    async def _read(self, wanted: Criteria, *, after: int, until: int | None = None, **how: Any) -> None:
        await self.store.head()
        bounds = {"after": after, "until": until}
        expected = await self.memory.read(wanted, **bounds, **how)
        assert await self.store.read(wanted, **bounds, **how) == expected
        assert await self.store.count(wanted, **bounds) == await self.memory.count(wanted, **bounds)
        for clause in (each for each in wanted.clauses if each.tags):
            bare = (await self.store.read_bare(clause, after=after, limit=100)).events
            whole = (await self.memory.read(Criteria((clause,)), after=after, limit=100)).events
            assert [each[0] for each in bare] == [each.position for each in whole]

    def _made(self, spec: tuple[Any, ...], now: int) -> Append:
        new, forbidden, key = spec
        condition: Condition = tuple(Guard(clause, self._start + after) for clause, after in forbidden)
        if key is not None and (key not in self._records or key[0] == FRESH):
            self._records[key] = record(version=key[0])
        return appending(*new, condition=condition, record=self._records.get(key), now=now)


class Pairs:
    """Run scripts over one pair of stores, over another one after a failure."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stack = AsyncExitStack()
        self._schemas = count(1)
        self._pair: Pair | None = None

    async def run(self, script: Sequence[Any]) -> None:
        """Do the same with both; fail where they differ."""
        self._pair, pair = None, self._pair or await self._opened()
        await pair.run(script)
        self._pair = pair

    async def close(self) -> None:
        """Look whether the log is right, and close everything."""
        async with self._stack:
            if self._pair is not None:
                store = self._pair.store
                assert [position async for position in store.verify()][-1] == await store.head()

    async def _opened(self) -> Pair:
        address = Address.of(self._database.url, schema=f"diptych_{next(self._schemas)}")
        store = await self._stack.enter_async_context(PostgresEventStore(address))
        session = Session(address, store.log_id)
        await session.open()
        self._stack.push_async_callback(session.close)
        return Pair(store, LogWriter(session, store._known.publish))


@pytest.fixture
def run(postgres: Database) -> Iterator[Run]:
    """Give what runs scripts, one after the other."""
    pairs = Pairs(postgres)
    with asyncio.Runner() as runner:
        yield lambda script: runner.run(pairs.run(script))
        runner.run(pairs.close())


@pytest.fixture
def four_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tags have one of 16 ids; types keep theirs."""
    whole = hashes.id_of

    def id_of(text: str) -> int:
        return whole(text) & 0xF if ":" in text else whole(text)

    for module in (batch, copied, hashes, pages, simple, verify):
        monkeypatch.setattr(module, "id_of", id_of)


@by_few_examples
@given(script=scripts)
def test_postgres_and_memory_agree(run: Run, script: list[Any]) -> None:
    run(script)


@by_few_examples
@given(script=scripts)
def test_postgres_and_memory_agree_where_tags_share_a_hash(four_bits: None, run: Run, script: list[Any]) -> None:
    run(script)


@pytest.mark.parametrize("path", ["alone", "together"])
def test_a_condition_that_does_not_look_at_the_text_of_tags_is_caught(
    four_bits: None, run: Run, postgres: Database, path: str
) -> None:
    tag = next(f"t:{n}" for n in range(1000) if hashes.id_of(f"t:{n}") & 0xF == hashes.id_of("t:first") & 0xF)
    first: list[Any] = [event("a", "t:first")], [], None
    other: list[Any] = [event("a", tag)], [(Clause((), (tag,)), 0)], None
    script = [("alone", 0, [first]), (path, 0, [other])]
    run(script)
    text = files("diptych.stores.postgres").joinpath("migrations/log/0002_append.sql").read_text()
    looking = "|| wanted.tag::text) = 0"
    assert text.count(looking) == 2
    blind = text.replace(looking, "|| wanted.tag::text) < 0").replace("create function", "create or replace function")
    postgres.sql(blind.replace("diptych.", "diptych_1."))

    with pytest.raises(AssertionError):
        run(script)
