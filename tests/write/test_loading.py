"""Loading: bare slices fold to what whole events fold to, and no load holds the loop for longer than a page."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Annotated, Any

import pytest

from diptych import Meta, Tag, event
from diptych.codec import EventCodec
from diptych.errors import UnreadableEventError
from diptych.model.criteria import Clause, Criteria
from diptych.model.folds import Fold
from diptych.ports import EventStore, NewEvent
from diptych.stores.memory import MemoryEventStore
from diptych.stores.memory_snapshots import MemorySnapshots
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending
from diptych.testing.contract.material import event as stored_as
from diptych.write.entities import Entity, Known
from diptych.write.loading import Loader
from diptych.write.snapshots import Snapshotter
from diptych.write.states import StateCache
from tests.upcasting.new_shop import OrderConfirmed, OrderNoted, OrderSubmitted, PaymentTaken, app

Jar = Annotated[str, Tag("jar")]
PAGE = 1000
LONG = 10 * PAGE + 1


@event("jar.filled")
@dataclass(frozen=True, slots=True)
class Filled:
    jar: Jar
    spoons: int


def spoons(state: int, event: Filled) -> int:
    if event.spoons < 0:
        raise ValueError("less than nothing")
    return state + event.spoons


def spoons_and_when(state: int, event: Filled, _meta: Meta) -> int:
    return state + event.spoons


@pytest.fixture(params=["memory", "sqlite"])
async def log(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EventStore]:
    async with AsyncExitStack() as stack:
        if request.param == "memory":
            yield MemoryEventStore()
        else:
            yield await stack.enter_async_context(SqliteEventStore(tmp_path / "log.db"))


def loader(log: EventStore, codec: EventCodec | None = None) -> Loader:
    """Return a loader that remembers nothing."""
    return Loader(log, codec or EventCodec([Filled]), StateCache(0), Snapshotter((), store=MemorySnapshots(), log=log))


async def filled(log: EventStore, jar: str, times: int) -> None:
    await log.append(appending(*[spoonful(jar) for _ in range(times)]))


def spoonful(jar: str, number: int = 1) -> NewEvent:
    return stored_as("jar.filled", f"jar:{jar}", data=b'{"jar":"%s","spoons":%d}' % (jar.encode(), number))


def entity(evolve: Callable[..., Any], jar: str, initial: Callable[[], Any] = int) -> Entity:
    clause = Clause(("jar.filled",), (f"jar:{jar}",))
    return Entity(Fold(evolve, initial), clause, clause)


class TestTurns:
    """While a load of many pages runs, others get their turns."""

    @pytest.fixture
    async def jars(self, log: EventStore) -> EventStore:
        for jar in ("salt", "oil"):
            await filled(log, jar, LONG)
        return log

    @pytest.mark.parametrize(
        ("evolve", "names"),
        [(spoons, ["salt"]), (spoons_and_when, ["salt"]), (spoons, ["salt", "oil"])],
        ids=["alone", "with Meta", "several"],
    )
    async def test_others_get_one_between_any_two_pages(
        self, jars: EventStore, evolve: Callable[..., int], names: Sequence[str]
    ) -> None:
        wanted = [entity(evolve, jar) for jar in names]
        turns = await turns_during(loader(jars).refresh(wanted))

        assert [each.known.state for each in wanted if each.known] == [LONG] * len(wanted)
        assert turns >= len(wanted) * LONG // PAGE

    async def test_a_load_of_one_page_takes_none_of_its_own(self, log: EventStore) -> None:
        await filled(log, "salt", PAGE)

        assert await turns_during(loader(log).refresh([entity(spoons, "salt")])) <= 1

    async def test_nothing_of_what_is_appended_meanwhile_is_missed(self, jars: EventStore) -> None:
        salt = entity(spoons, "salt")
        loading = asyncio.create_task(loader(jars).refresh([salt]))
        await asyncio.sleep(0)
        await filled(jars, "salt", 3)
        await loading

        assert salt.known is not None
        assert salt.known.state == await jars.count(Criteria((salt.clause,)), until=salt.known.through)


class TestBareSlices:
    """A store that reads them is loaded as one that does not."""

    @pytest.fixture
    async def shop(self, tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
        async with SqliteEventStore(tmp_path / "shop.db") as opened:
            yield opened

    @pytest.mark.parametrize("seed", range(20))
    async def test_whatever_upcasters_make_of_events(self, shop: SqliteEventStore, seed: int) -> None:
        rng = Random(seed)
        for _ in range(3):
            await shop.append(appending(*[rng.choice(OLD_AND_NEW) for _ in range(rng.randrange(1, 90))]))
        quick, slow = loader(shop, app.codec), loader(shop, app.codec)
        slow._bare = None

        for evolve in (everything, confirmations):
            fold = Fold(evolve, tuple)
            clause = Clause(app.codec.stored_names(fold.types), ("order:a1",))
            for after in (0, rng.randrange(100)):
                found = [Entity(fold, clause, clause, Known(("begun",), 0, after, 0)) for _ in range(2)]
                assert await quick.refresh(found[:1]) == await slow.refresh(found[1:])
                assert found[0].known == found[1].known

    async def test_what_a_fold_raises_is_no_unreadable_event(self, log: EventStore) -> None:
        await log.append(appending(spoonful("salt"), spoonful("salt", -1)))

        with pytest.raises(ValueError, match="less than nothing"):
            await loader(log).refresh([entity(spoons, "salt")])

    @pytest.mark.parametrize("before", [0, 1], ids=["the first of its kind", "after one that can be read"])
    async def test_an_event_that_does_not_fit_its_class_is_unreadable(self, log: EventStore, before: int) -> None:
        await log.append(appending(*[spoonful("salt")] * before, stored_as("jar.filled", "jar:salt", data=b"{}")))

        with pytest.raises(UnreadableEventError, match=r"'jar.filled' version 1 does not fit its class"):
            await loader(log).refresh([entity(spoons, "salt")])

    async def test_a_version_that_no_class_reads_is_unreadable_every_time(self, log: EventStore) -> None:
        await log.append(appending(spoonful("salt"), stored_as("jar.filled", "jar:salt", version=9)))
        loading = loader(log)

        for _ in range(2):
            with pytest.raises(UnreadableEventError, match=r"no class reads 'jar.filled' version 9"):
                await loading.refresh([entity(spoons, "salt")])


async def turns_during(loading: Any) -> int:
    """Await something and count how many turns another task had meanwhile."""
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(other())
    try:
        await loading
    finally:
        ticking.cancel()
    return turns


def everything(
    state: tuple[Any, ...], event: OrderSubmitted | PaymentTaken | OrderConfirmed | OrderNoted
) -> tuple[Any, ...]:
    return (*state, event)


def confirmations(state: tuple[Any, ...], event: OrderConfirmed) -> tuple[Any, ...]:
    return (*state, event)


OLD_AND_NEW = [
    stored_as(name, "order:a1", version=version, data=data)
    for name, version, data in (
        ("order.placed", 1, b'{"order":"a1","buyer":"ann","total":"1.00"}'),
        ("order.placed", 2, b'{"order":"a1","customer":"ann","total":"1.00"}'),
        ("order.submitted", 1, b'{"order":"a1","customer":"ann","total":"1.00","channel":"web"}'),
        ("order.confirmed", 1, b'{"order":"a1","paid":"2.00","method":"card"}'),
        ("order.confirmed", 2, b'{"order":"a1"}'),
        ("order.noted", 1, b'{"order":"a1","text":"x"}'),
        ("order.noted", 1, b'{"order":"a1","text":""}'),
        ("cart.viewed", 1, b'{"order":"a1"}'),
    )
]
