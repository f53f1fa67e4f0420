"""Whatever is appended, judged and read: SQLite answers as the memory store does, maps full and file reopened."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.model.criteria import Clause, Condition, Criteria, Guard
from diptych.ports import Append, AppendOutcome, Conflicted
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite import newest
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import NOW, appending, event, record

NAMES = ("a", "b", "c", "d", "e", "f")
TAGS = ("t:1", "t:2", "t:3", "t:4", "t:5")

names = st.lists(st.sampled_from(NAMES), max_size=6, unique=True).map(tuple)
tags = st.lists(st.sampled_from(TAGS), max_size=3, unique=True).map(tuple)
clauses = st.builds(Clause, names, tags)
criteria = st.lists(clauses, max_size=3).map(lambda found: Criteria(tuple(found)))
# `behind`: how far before the head a guard's `after` lies; most decisions are young, some very old
guards = st.tuples(clauses, st.integers(0, 60))
events = st.builds(
    lambda name, found, version: event(name, *found, version=version),
    st.sampled_from(NAMES),
    tags,
    st.sampled_from((1, 1, 1, 2)),
)
RECORDS = [record(version=version) for version in (4, 5, 7, 7)]
appends = st.tuples(
    st.lists(events, max_size=4),
    st.lists(guards, max_size=3),
    st.none() | st.none() | st.sampled_from(RECORDS),
    st.integers(-3, 3),
)
reads = st.tuples(criteria, st.integers(0, 40), st.none() | st.integers(0, 40), st.integers(1, 12), st.booleans())
steps = st.lists(st.lists(appends, min_size=1, max_size=8) | reads | st.just("reopen"), max_size=40)


def made(spec: tuple[Any, ...], head: int) -> Append:
    new, forbidden, kept, late = spec
    condition: Condition = tuple(Guard(clause, max(0, head - behind)) for clause, behind in forbidden)
    return appending(*new, condition=condition, record=kept, now=NOW + late)


def told(outcome: AppendOutcome) -> object:
    return Conflicted if isinstance(outcome, Conflicted) else outcome


async def run(script: Sequence[Any], path: Path) -> None:
    memory, store = MemoryEventStore(), SqliteEventStore(path)
    await store.__aenter__()
    try:
        for step in script:
            if step == "reopen":
                await store.__aexit__(None, None, None)
                store = await SqliteEventStore(path).__aenter__()
            elif isinstance(step, list):
                await compare_appends(memory, store, step)
            else:
                wanted, after, until, limit, backwards = step
                how = {"after": after, "until": until, "limit": limit, "backwards": backwards}
                assert await store.read(wanted, **how) == await memory.read(wanted, **how)
        assert await store.read(Criteria.all()) == await memory.read(Criteria.all())
        assert [position async for position in store.verify()][-1] == await memory.head()
    finally:
        await store.__aexit__(None, None, None)


async def compare_appends(memory: MemoryEventStore, store: SqliteEventStore, specs: Sequence[Any]) -> None:
    head = await memory.head()
    batch = [made(spec, head) for spec in specs]
    expected = [await memory.append(each) for each in batch]
    found = await asyncio.gather(*(store.append(each) for each in batch))
    assert [told(outcome) for outcome in found] == [told(outcome) for outcome in expected]
    for each, outcome in zip(batch, found, strict=True):
        if isinstance(outcome, Conflicted):
            later = await memory.read(Criteria.all(), after=outcome.position - 1)
            assert any(
                stored.position > guard.after and guard.clause.matches(stored.name, stored.tags)
                for stored in later.events
                for guard in each.condition
            )


@pytest.mark.parametrize("bound", [1, 4, 10_000], ids=["tiny maps", "small maps", "large maps"])
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_sqlite_and_memory_agree(monkeypatch: pytest.MonkeyPatch, bound: int, script: list[Any]) -> None:
    monkeypatch.setattr(newest, "_TAGS", bound)
    monkeypatch.setattr(newest, "_PAIRS", bound)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(script, Path(folder) / "log.db"))
