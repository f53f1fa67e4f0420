"""A refold of one row reads what the row depends on, and makes the row that a cold fold of everything makes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from diptych.codec import EventCodec
from diptych.errors import CostError, FoldError
from diptych.history.dependencies import Dependencies
from diptych.history.folder import fold_log
from diptych.history.refold import Cost, Refold
from diptych.model.marks import Tag
from diptych.model.messages import event
from diptych.model.projections import Projection
from diptych.ports import Version
from diptych.stores.memory import MemoryEventStore
from tests.read.random_projections import ModelPlan, codec, events, plans, projection_of
from tests.read.shop import record
from tests.sizes import size

CASES = size(150, full=10_000)


async def told(projection: Projection, store: MemoryEventStore, made: EventCodec) -> dict[tuple[str, Any], list[Any]]:
    """The versions of every row, by folding everything anew for each position."""
    found: dict[tuple[str, Any], list[Any]] = {}
    for position in range(1, await store.head() + 1):
        tables = await fold_log(projection, store, made, until=position)
        for model in projection.models:
            table = tables[model.name]
            known = {key for name, key in found if name == model.name} | table.keys()
            for key in known:
                versions = found.setdefault((model.name, key), [])
                if (versions[-1].row if versions else None) != table.get(key):
                    versions.append(Version(position, table.get(key)))
    return found


async def compared(plan: list[ModelPlan], history: Sequence[Any]) -> None:
    store = MemoryEventStore()
    for each in history:
        await record(store, each)
    projection = projection_of(plan)
    expected = await told(projection, store, codec())

    for model in projection.models:
        for key in (*"abcdz", "even"):
            versions = await Refold(projection, store, codec(), until=len(history)).versions(model, (key,))
            assert distinct(versions) == expected.get((model.name, (key,)), [])


def distinct(versions: Sequence[Version]) -> list[Version]:
    """Versions that differ: an event may make a row anew as it was."""
    found: list[Version] = []
    for each in versions:
        if not found or found[-1].row != each.row:
            found.append(each)
    return found


@pytest.mark.fault
@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))
@given(plans, st.lists(events, max_size=15))
def test_a_refolded_row_is_that_of_a_cold_fold_whatever_the_projection_is_made_of(
    plan: list[ModelPlan], history: Sequence[Any]
) -> None:
    asyncio.run(compared(plan, history))


@pytest.mark.parametrize("forgotten", ["saw", "_add_sources"])
@pytest.mark.fault
def test_a_dependency_that_is_forgotten_is_caught(forgotten: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Dependencies, forgotten, lambda *_: None)
    found = given(plans, st.lists(events, min_size=8, max_size=15))(lambda plan, log: asyncio.run(compared(plan, log)))

    with pytest.raises(AssertionError):
        settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])(found)()


Place = Annotated[str, Tag("place")]
Thing = Annotated[int, Tag("thing")]


@event("place.named")
@dataclass(frozen=True, slots=True)
class Named:
    place: Place
    name: str


@event("thing.put")
@dataclass(frozen=True, slots=True)
class Put:
    thing: Thing
    place: Place


@event("thing.shaken")
@dataclass(frozen=True, slots=True)
class Shaken:
    thing: int


@dataclass(frozen=True, slots=True)
class PlaceView:
    place: str
    name: str


@dataclass(frozen=True, slots=True)
class ThingView:
    thing: int
    place: str
    name: str
    shaken: int = 0


def things(*, shakes: bool = False) -> Projection:
    projection = Projection("things")
    places = projection.read_model(PlaceView, key="place", name="places")
    things = projection.read_model(ThingView, key="thing", name="things")

    @places.on
    def named(row: PlaceView | None, event: Named) -> PlaceView:
        return PlaceView(event.place, event.name)

    @things.on(place=places["place"])
    def put(row: ThingView | None, event: Put, place: PlaceView) -> ThingView:
        return ThingView(event.thing, event.place, place.name)

    @things.where(place="place").on
    def renamed(row: ThingView, event: Named) -> ThingView:
        return ThingView(row.thing, row.place, event.name, row.shaken)

    if shakes:

        @things.on
        def shaken(row: ThingView, event: Shaken) -> ThingView:
            return ThingView(row.thing, row.place, row.name, row.shaken + 1)

    return projection


CODEC = EventCodec([Named, Put, Shaken])


async def crowd(others: int = 50) -> MemoryEventStore:
    store = MemoryEventStore()
    await record(store, *(Named(f"p{n}", f"place {n}") for n in range(others)))
    await record(store, *(Put(n, f"p{n % others}") for n in range(others * 2)))
    await record(store, Put(1, "p7"), Named("p7", "seven"), Named("p1", "one"), Shaken(3))
    return store


class Counting(MemoryEventStore):
    """Counts the events that it gave out."""

    read_events = 0

    async def read(self, *args: Any, **options: Any) -> Any:
        found = await super().read(*args, **options)
        self.read_events += len(found.events)
        return found


async def test_only_events_on_which_the_row_depends_are_read_and_each_once() -> None:
    store = Counting()
    await record(store, *(Named(f"p{n}", f"place {n}") for n in range(50)))
    await record(store, *(Put(n, f"p{n % 50}") for n in range(100)))
    await record(store, Put(1, "p7"), Named("p7", "seven"), Named("p1", "one"))
    projection = things()

    versions = await Refold(projection, store, CODEC, until=await store.head()).versions(projection.models[1], (1,))

    shown = [ThingView(1, "p1", "place 1"), ThingView(1, "p7", "place 7"), ThingView(1, "p7", "seven")]
    assert [each.row for each in versions] == shown
    assert store.read_events == 2 + 2 + 2


async def test_the_cost_is_told_and_a_limit_refuses_before_anything_is_read() -> None:
    store, projection = await crowd(), things(shakes=True)
    head, model = await store.head(), projection.models[1]

    assert await Refold(projection, store, CODEC, until=head).cost(model, (1,)) == Cost(events=3, scans=True)
    plain = things()
    assert await Refold(plain, store, CODEC, until=head).cost(plain.models[1], (1,)) == Cost(events=2, scans=False)
    with pytest.raises(CostError, match=r"'things'.*3 events are read, scanning.*limit is 2") as refused:
        await Refold(projection, store, CODEC, until=head, limit=2).versions(model, (1,))
    assert (refused.value.events, refused.value.limit, refused.value.scans) == (3, 2, True)


async def test_what_a_dependency_adds_counts_towards_the_limit() -> None:
    store, projection = await crowd(), things()

    with pytest.raises(CostError) as refused:
        await Refold(projection, store, CODEC, until=await store.head(), limit=3).versions(projection.models[1], (1,))

    assert refused.value.events > 3


async def test_what_stops_the_projection_stops_the_refold_of_that_row_alone() -> None:
    store, projection = await crowd(), things(shakes=True)
    await record(store, Shaken(999))
    refold = Refold(projection, store, CODEC, until=await store.head())

    assert (await refold.versions(projection.models[1], (3,)))[-1].row == ThingView(3, "p3", "place 3", 1)
    with pytest.raises(FoldError, match="no row 999"):
        await refold.versions(projection.models[1], (999,))
