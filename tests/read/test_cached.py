"""A cached query is answered from what is kept for as long as it is what the caller was promised, else loaded once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from diptych import Application, Module, OnDemand, Page
from diptych.dispatch import Handler
from diptych.errors import NotAllowed, RebuildingError, StaleError, StoreError
from diptych.model.caching import Cached
from diptych.model.messages import Query
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.read.rows import Rows
from diptych.stores.memory import MemoryEventStore
from diptych.testing import FixedClock
from tests.read.caching import (
    UNTIL_CHANGE,
    Loads,
    Mine,
    Name,
    Open,
    caching,
    count_closings,
    get_mine,
    outcomes,
)
from tests.read.sales import Completed, SalesByDay, reports, sales, tills
from tests.read.shop import Closed, Created, Product, Renamed, ask, closings, context, record, shop

APPLE = Created("a", "Apple", Decimal("1.5"))
TTL = Cached(ttl=300)
PER_PRINCIPAL = Cached(until_change=True, vary=lambda context: context.principal)


@pytest.fixture
def loads() -> Loads:
    return Loads()


@pytest.fixture(params=["memory", "file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return None if request.param == "memory" else tmp_path / "rows.db"


@pytest.mark.parametrize("policy", [UNTIL_CHANGE, TTL])
async def test_an_answer_is_loaded_once_and_then_kept(loads: Loads, path: Path | None, policy: Cached) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, policy, path=path) as panel:
        position = await record(store, APPLE)

        first = await panel.answer(Name("a"), context(), after=position)
        again = await panel.answer(Name("a"), context())
        other = await ask(panel, Name("b"))

    assert (first.value, other, loads.begun) == ("Apple", None, 2)
    assert again == first
    assert outcomes(panel) == {"miss": 2, "hit": 1}


async def test_until_change_dies_with_the_first_change_and_with_no_other(loads: Loads, path: Path | None) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, path=path) as panel:
        first = await panel.answer(Name("a"), context(), after=await record(store, APPLE))
        elsewhere = await panel.answer(Name("a"), context(), after=await record(store, Closed("x")))
        changed = await panel.answer(Name("a"), context(), after=await record(store, Renamed("a", "Apfel")))

    assert (elsewhere.value, elsewhere.changed) == ("Apple", first.changed)
    assert elsewhere.position >= first.position
    assert (changed.value, loads.begun) == ("Apfel", 2)
    assert outcomes(panel) == {"miss": 1, "hit": 1, "stale": 1}


async def test_a_change_that_another_process_folds_is_seen(loads: Loads, tmp_path: Path) -> None:
    store, path = MemoryEventStore(), tmp_path / "rows.db"
    async with caching(store, Loads(), path=path), caching(store, loads, path=path, runs="follow") as follower:
        for number in range(20):
            position = await record(store, Created("a", f"{number}", Decimal(1)))

            assert await ask(follower, Name("a"), after=position) == f"{number}"
            assert await ask(follower, Name("a")) == f"{number}"

    assert loads.begun == 20


async def test_a_ttl_answer_is_kept_for_its_time_whatever_changes(loads: Loads) -> None:
    store, clock = MemoryEventStore(), FixedClock()
    async with caching(store, loads, TTL, clock=clock) as panel:
        first = await panel.answer(Name("a"), context(), after=await record(store, APPLE))
        await panel.caught_up(await record(store, Renamed("a", "Apfel")))
        clock.advance(seconds=300)
        kept = await panel.answer(Name("a"), context())
        clock.advance(seconds=0.001)
        late = await ask(panel, Name("a"))

    assert kept == first
    assert late == "Apfel"


async def test_a_clock_that_is_set_back_makes_no_answer_young_again(loads: Loads) -> None:
    store, clock = MemoryEventStore(), FixedClock()
    async with caching(store, loads, TTL, clock=clock) as panel:
        await ask(panel, Name("a"), after=await record(store, APPLE))
        await panel.caught_up(await record(store, Renamed("a", "Apfel")))
        clock.advance(seconds=301)
        clock.advance(seconds=-200)

        assert await ask(panel, Name("a")) == "Apfel"


async def test_a_ttl_answer_is_loaded_again_for_a_caller_who_has_seen_more(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, TTL) as panel:
        await ask(panel, Name("a"), after=await record(store, APPLE))
        position = await record(store, Renamed("a", "Apfel"))

        seen = await panel.answer(Name("a"), context(), after=position)

        assert (seen.value, seen.position) == ("Apfel", position)
        assert await ask(panel, Name("a"), after=position) == "Apfel"
        assert loads.begun == 2


async def test_a_change_in_a_read_model_that_only_a_select_names_is_seen(loads: Loads, path: Path | None) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, handler=count_closings, path=path) as panel:
        for each in range(5):
            position = await record(store, Closed(f"s{each}"))
            first = await panel.answer(Open(), context(), after=position)
            again = await panel.answer(Open(), context())

            assert (first.value, again.value) == (each + 1, each + 1)
            assert again.changed == first.changed

    assert loads.begun == 5


async def count_loudly(query: Open, products: Rows[Product]) -> int:
    closing = sa.table("CLOSING", sa.column("shop"))
    rows = await products.select(sa.select(sa.func.count()).select_from(closing))
    return int(rows[0][0])


async def test_a_change_is_seen_in_whatever_letters_sql_finds_the_table(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, handler=count_loudly) as panel:
        for each in range(3):
            position = await record(store, Closed(f"s{each}"))

            assert await ask(panel, Open(), after=position) == each + 1


async def test_answers_that_differ_by_principal_are_kept_apart(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, PER_PRINCIPAL, handler=get_mine) as panel:
        await panel.caught_up(await record(store, APPLE))

        answers = [(await panel.answer(Mine("a"), context(who))).value for who in ("ann", "bob", None, "ann", "null")]

    assert answers == [(who, "Apple") for who in ("ann", "bob", None, "ann", "null")]
    assert outcomes(panel) == {"miss": 4, "hit": 1}


async def test_200_callers_on_a_cold_key_cost_one_load(loads: Loads, path: Path | None) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, path=path) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        callers = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(200)]
        await loads.reach(1)
        loads.gate.set()

        answers = await asyncio.gather(*callers)

    assert set(answers) == {"Apple"}
    assert loads.begun == 1
    assert outcomes(panel) == {"miss": 1, "joined": 199}


async def test_who_comes_after_a_change_does_not_take_the_answer_of_a_load_from_before_it(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        early = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(5)]
        await loads.reach(1)
        await panel.caught_up(await record(store, Renamed("a", "Apfel")))
        late = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(100)]
        await asyncio.sleep(0)
        loads.gate.set()

        assert await asyncio.gather(*early) == ["Apple"] * 5
        assert await asyncio.gather(*late) == ["Apfel"] * 100
    assert loads.begun == 2
    assert outcomes(panel) == {"miss": 2, "joined": 103}


async def test_all_who_came_too_late_for_a_load_share_the_next_one_whatever_changes_meanwhile(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        early = asyncio.create_task(ask(panel, Name("a")))
        await loads.reach(1)
        await panel.caught_up(await record(store, Renamed("a", "Apfel")))
        late = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(100)]
        await asyncio.sleep(0)
        await panel.caught_up(await record(store, Renamed("a", "Pomme")))
        loads.gate.set()

        assert await early == "Apple"
        assert await asyncio.gather(*late) == ["Pomme"] * 100
    assert loads.begun == 2


async def test_a_change_during_a_load_makes_its_answer_old_and_never_new(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        caller = asyncio.create_task(panel.answer(Name("a"), context()))
        await loads.reach(1)
        await panel.caught_up(await record(store, Renamed("a", "Apfel")))
        loads.gate.set()
        answer = await caller

        assert await ask(panel, Name("a")) == "Apfel"
        assert answer.value == "Apple"
        assert answer.position == 1


async def test_a_caller_who_is_cancelled_fails_nobody_else(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        first, second = (asyncio.create_task(ask(panel, Name("a"))) for _ in range(2))
        await loads.reach(1)
        first.cancel()
        await asyncio.wait([first])
        loads.gate.set()

        assert await second == "Apple"
        assert first.cancelled()
    assert loads.begun == 1


async def test_a_load_that_nobody_waits_for_any_more_is_finished_and_kept(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        caller = asyncio.create_task(ask(panel, Name("a")))
        await loads.reach(1)
        caller.cancel()
        await asyncio.wait([caller])
        loads.gate.set()

        assert await ask(panel, Name("a")) == "Apple"
    assert loads.begun == 1


async def test_an_error_reaches_all_who_wait_and_is_not_kept(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        await panel.caught_up(await record(store, APPLE))
        loads.gate.clear()
        loads.error = ZeroDivisionError("once")
        callers = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(10)]
        await loads.reach(1)
        loads.gate.set()
        found = await asyncio.gather(*callers, return_exceptions=True)
        loads.error = None

        assert [type(each) for each in found] == [ZeroDivisionError] * 10
        assert await ask(panel, Name("a")) == "Apple"
    assert loads.begun == 2


async def count_late(query: Open, products: Rows[Product], loads: Loads) -> int:
    await loads.through()
    return await count_closings(query, products, loads)


async def test_who_asks_for_less_is_not_refused_with_who_asked_for_more(loads: Loads, tmp_path: Path) -> None:
    store, path = MemoryEventStore(), tmp_path / "reads.db"
    async with caching(store, loads, path=path) as writing:
        await writing.caught_up(await record(store, APPLE, Closed("s1")))
    position = await record(store, Closed("s2"))  # that nobody folds

    async with caching(store, loads, handler=count_late, path=path, runs="follow") as panel:
        loads.gate.clear()
        asked = [asyncio.create_task(ask(panel, Open(), after=position, wait=0.0))]
        await loads.reach(1)
        asked.append(asyncio.create_task(ask(panel, Open())))
        for _ in range(20):
            await asyncio.sleep(0)  # it has joined the load by now
        loads.gate.set()
        refused, answer = await asyncio.gather(*asked, return_exceptions=True)

    assert isinstance(refused, StaleError)
    assert answer == 1


async def test_an_error_that_nobody_waits_for_any_more_is_no_warning(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads) as panel:
        loads.gate.clear()
        loads.error = ZeroDivisionError("unseen")
        caller = asyncio.create_task(ask(panel, Name("a")))
        await loads.reach(1)
        caller.cancel()
        await asyncio.wait([caller])
        loads.gate.set()
        loads.error = None

        assert await ask(panel, Name("a"), wait=1) is None


async def test_closing_ends_the_loads_and_tells_those_who_wait(loads: Loads) -> None:
    async with caching(MemoryEventStore(), loads) as panel:
        loads.gate.clear()
        caller = asyncio.create_task(ask(panel, Name("a")))
        await loads.reach(1)

    with pytest.raises(StoreError, match="application was closed; ask again"):
        await caller
    assert panel.cache.figures.entries == 0


async def test_middleware_runs_for_every_caller_and_may_refuse(loads: Loads) -> None:
    def only_ann(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            if context.principal != "ann":
                raise NotAllowed("only ann may ask")
            return await handler(message, context)

        return call

    store = MemoryEventStore()
    async with caching(store, loads, middleware=[only_ann]) as panel:
        await panel.answer(Name("a"), context("ann"))

        with pytest.raises(NotAllowed):
            await panel.answer(Name("a"), context("bob"))
    assert loads.begun == 1


async def test_an_answer_that_middleware_changed_is_not_written_as_the_one_that_is_kept(loads: Loads) -> None:
    def masking(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            answer = await handler(message, context)
            return answer if context.principal == "ann" else "***"

        return call

    store = MemoryEventStore()
    async with caching(store, loads, middleware=[masking]) as panel:
        await panel.caught_up(await record(store, APPLE))
        clear = [await panel.answer(Name("a"), context("ann")) for _ in range(2)]
        masked = await panel.answer(Name("a"), context("bob"))

    assert [each.written and each.written.body for each in clear] == [b'"Apple"', b'"Apple"']
    assert (masked.value, masked.written) == ("***", None)


async def test_a_restart_forgets_everything(loads: Loads, tmp_path: Path) -> None:
    store, path = MemoryEventStore(), tmp_path / "rows.db"
    for _ in range(2):
        async with caching(store, loads, TTL, path=path) as panel:
            await ask(panel, Name("a"))
        async with panel:
            await ask(panel, Name("a"))

    assert loads.begun == 4


async def test_no_answer_is_given_while_its_rows_are_rebuilt_and_none_outlives_a_rebuild(
    loads: Loads, tmp_path: Path
) -> None:
    store, path = MemoryEventStore(), tmp_path / "rows.db"
    async with caching(store, loads, path=path) as panel:
        first = await panel.answer(Name("a"), context(), after=await record(store, APPLE))
    rebuilt = [shop(version=2), closings()]
    async with caching(store, loads, path=path, projections=rebuilt) as panel:
        await panel.caught_up(1)

        again = await panel.answer(Name("a"), context())

    assert again.value == first.value
    assert again.changed > first.changed
    assert loads.begun == 2


async def test_an_answer_from_rows_of_a_rebuild_that_began_meanwhile_is_not_kept(loads: Loads, tmp_path: Path) -> None:
    store, path = MemoryEventStore(), tmp_path / "rows.db"
    async with caching(store, Loads(), path=path) as first:
        await first.caught_up(await record(store, APPLE))
    async with caching(store, loads, TTL, path=path, runs="follow") as follower:
        loads.gate.clear()
        caller = asyncio.create_task(ask(follower, Name("a")))
        await loads.reach(1)
        rebuilt = [shop(version=2), closings()]
        async with caching(store, Loads(), path=path, projections=rebuilt) as other:
            await other.caught_up(1)
        loads.gate.set()

        assert await caller == "Apple"
        assert follower.cache.figures.entries == 0
        with pytest.raises(RebuildingError):
            await ask(follower, Name("a"))


@dataclass(frozen=True)
class Twice(Query[tuple[int, ...]]):
    pass


async def count_twice(query: Twice, products: Rows[Product], loads: Loads) -> tuple[int, ...]:
    await loads.through()
    statement = sa.select(sa.func.count()).select_from(sa.table("closing"))
    return tuple(rows[0][0] for rows in await asyncio.gather(products.select(statement), products.select(statement)))


async def test_selects_beside_each_other_count_a_read_model_once(loads: Loads) -> None:
    store = MemoryEventStore()
    async with caching(store, loads, handler=count_twice) as panel:
        position = await record(store, Closed("x"))

        answers = [await panel.answer(Twice(), context(), after=at) for at in (position, 0)]

    assert [each.value for each in answers] == [(1, 1), (1, 1)]
    assert loads.begun == 1


@dataclass(frozen=True)
class Sql(Query[int]):
    text: str


async def count_by_sql(query: Sql, products: Rows[Product], loads: Loads) -> int:
    await loads.through()
    text = sa.text(query.text) if query.text.startswith("select") else sa.select(sa.literal_column(query.text))
    return int((await products.select(text))[0][0])


@pytest.mark.parametrize("text", ["select count(*) from closing", "(select count(*) from closing)"])
async def test_what_nobody_sees_is_not_kept_until_it_changes(loads: Loads, text: str) -> None:
    async with caching(MemoryEventStore(), loads, handler=count_by_sql) as panel:
        with pytest.raises(TypeError, match="nobody sees which tables it reads"):
            await ask(panel, Sql(text))
    async with caching(MemoryEventStore(), loads, TTL, handler=count_by_sql) as panel:
        assert await ask(panel, Sql(text)) == 0


async def test_the_past_is_asked_past_the_cache(loads: Loads) -> None:
    store = MemoryEventStore()
    history = Projection("history")

    @history.read_model(Product, key="code", history=True).on
    def created(row: Product | None, event: Created) -> Product:
        return Product(event.code, event.name, event.price)

    async with caching(store, loads, projections=[history]) as panel:
        old = await record(store, APPLE)
        new = await record(store, Created("a", "Apfel", Decimal(1)))

        names = [(await panel.answer(Name("a"), context(), after=new, as_of=at)).value for at in (old, None, old, new)]

    assert names == ["Apple", "Apfel", "Apple", "Apfel"]
    assert outcomes(panel) == {"bypass": 3, "miss": 1}


@dataclass(frozen=True)
class Wide(Query[tuple[str, ...]]):
    words: int


async def get_wide(query: Wide, products: Rows[Product], loads: Loads) -> tuple[str, ...]:
    await loads.through()
    return tuple(f"{query.words}-{number}" for number in range(query.words))


async def test_an_answer_that_is_too_big_is_given_and_not_kept(loads: Loads) -> None:
    async with caching(MemoryEventStore(), loads, handler=get_wide, cache_bytes=64_000) as panel:
        for words in (1, 10_000):
            for _ in range(2):
                assert len(await ask(panel, Wide(words))) == words

    assert loads.begun == 3
    assert panel.cache.figures.oversize == 2


async def test_without_room_nothing_is_kept_and_callers_still_share_a_load(loads: Loads) -> None:
    async with caching(MemoryEventStore(), loads, cache_bytes=0) as panel:
        loads.gate.clear()
        callers = [asyncio.create_task(ask(panel, Name("a"))) for _ in range(10)]
        await loads.reach(1)
        loads.gate.set()
        await asyncio.gather(*callers)
        await ask(panel, Name("a"))

    assert outcomes(panel) == {"miss": 2, "joined": 9}


@dataclass(frozen=True)
class Days(Query[Page[SalesByDay]]):
    pass


async def list_days(query: Days, days: Rows[SalesByDay]) -> Page[SalesByDay]:
    return await days.find()


async def test_a_view_changes_when_it_is_refreshed(tmp_path: Path) -> None:
    module = Module("days")
    module.query(cache=UNTIL_CHANGE)(list_days)
    parts = (module, reports(OnDemand()), sales(), tills())
    log = f"sqlite:///{tmp_path}/log.db"
    async with Application(*parts, events=log) as app, Application(*parts, events=log, projections="follow") as other:
        for count in (1, 2, 3):
            await record(app.store, Completed(count, date(2026, 1, 5), Decimal(3)))
            await app.caught_up()
            await app.refresh("sales_by_day")

            counts = [[day.count for day in await each.ask(Days())] for each in (app, app, other, other)]

            assert counts == [[count]] * 4
    assert [each.cache.asked[("Days", "hit")] for each in (app, other)] == [3, 3]
