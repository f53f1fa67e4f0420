"""The right panel answers from rows that hold what was asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from diptych.dispatch import Handler
from diptych.errors import FoldError, PositionError, StaleError, StatementError, UnknownMessageError, WiringError
from diptych.history.check import check
from diptych.injection import Injector
from diptych.model.messages import Query
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.read.panel import ReadPanel
from diptych.read.rows import Rows
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.system import SystemClock
from tests.read.shop import (
    Closed,
    Closing,
    Created,
    GetProduct,
    ListProducts,
    Product,
    Removed,
    Renamed,
    Sold,
    ask,
    closings,
    codec,
    context,
    module,
    opened,
    record,
    shop,
)
from tests.row_stores import NEWEST_POSTGRES, Place, place_of

APPLE, BANANA = Created("a", "Apple", Decimal("1.5")), Created("b", "Banana", Decimal("0.25"))


@pytest.fixture(params=["memory", "file", NEWEST_POSTGRES])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return None if request.param == "memory" else place_of(request, request.param, tmp_path)


@pytest.fixture(params=["file", NEWEST_POSTGRES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return place_of(request, request.param, tmp_path)


@dataclass(frozen=True)
class CountEverything(Query[tuple[int, int]]):
    pass


async def count_everything(query: CountEverything, products: Rows[Product], closings: Rows[Closing]) -> tuple[int, int]:
    return await products.count(), await closings.count()


@dataclass(frozen=True)
class JoinEverything(Query[int]):
    pass


async def join_everything(query: JoinEverything, products: Rows[Product]) -> int:
    closing = sa.table("closing", sa.column("shop"))
    rows = await products.select(sa.select(sa.func.count()).select_from(closing))
    return int(rows[0][0])


@dataclass(frozen=True)
class GetMany(Query[list[str]]):
    codes: tuple[str, ...]


async def get_many(query: GetMany, products: Rows[Product]) -> list[str]:
    return sorted(await products.many(query.codes))


async def test_an_answer_holds_what_was_recorded_before_its_position(path: Place) -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], path=path) as panel:
        position = await record(store, APPLE)

        answer = await panel.answer(GetProduct("a"), context(), after=position)

        assert answer.value.price == Decimal("1.5")
        assert answer.position == position
        assert await ask(panel, GetProduct("z"), after=position) is None


async def test_every_write_is_read_by_the_next_query(path: Place) -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], path=path) as panel:
        await record(store, APPLE)
        for sold in range(1, 101):
            position = await record(store, Sold(sold, (("a", 1),)))

            assert (await ask(panel, GetProduct("a"), after=position)).sold == sold


async def test_an_event_that_a_projection_does_not_read_is_held_at_once() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()]) as panel:
        await record(store, APPLE)
        position = await record(store, Closed("x"))

        assert (await panel.answer(GetProduct("a"), context(), after=position)).position == position


async def test_a_position_beyond_the_head_is_refused_at_once() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()]) as panel:
        with pytest.raises(PositionError):
            await ask(panel, GetProduct("a"), after=7)


async def test_pages_are_ordered_counted_and_do_not_overlap(path: Place) -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], path=path) as panel:
        position = await record(store, *(Created(f"p{n}", "same", Decimal(n % 2)) for n in range(7)))

        pages = [await ask(panel, ListProducts(("-price",), 3, at), after=position) for at in (0, 3, 6)]

        assert [page.total for page in pages] == [7, 7, 7]
        assert [product.code for page in pages for product in page] == ["p1", "p3", "p5", "p0", "p2", "p4", "p6"]


@pytest.mark.parametrize("order", ["nothing", "-nothing"])
async def test_an_unknown_column_is_named(order: str) -> None:
    async with opened(MemoryEventStore(), [shop()]) as panel:
        with pytest.raises(TypeError, match="has no column 'nothing'; it has code, name"):
            await ask(panel, ListProducts((order,)))


async def test_many_rows_come_by_the_keys_as_given() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], handlers=[get_many]) as panel:
        position = await record(store, APPLE, BANANA)

        assert await ask(panel, GetMany(("b", "z", "a")), after=position) == ["a", "b"]
        assert await ask(panel, GetMany(()), after=position) == []


async def test_a_query_over_two_projections_waits_for_both() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop(), closings()], handlers=[count_everything]) as panel:
        for each in range(50):
            position = await record(store, Created(f"p{each}", "x", Decimal(1)), Closed(f"s{each}"))

            assert await ask(panel, CountEverything(), after=position) == (each + 1, each + 1)


async def test_a_select_waits_for_read_models_that_its_handler_did_not_name() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop(), closings()], handlers=[join_everything]) as panel:
        for each in range(50):
            position = await record(store, Closed(f"s{each}"))

            assert await ask(panel, JoinEverything(), after=position) == each + 1


async def test_a_select_of_plain_text_is_refused() -> None:
    async def by_text(query: JoinEverything, products: Rows[Product]) -> int:
        return len(await products.select("select 1"))

    async with opened(MemoryEventStore(), [shop()], handlers=[by_text]) as panel:
        with pytest.raises(TypeError, match=r"wanted a select\(\) of SQLAlchemy, or sa.text\(...\), found 'select 1'"):
            await ask(panel, JoinEverything())


async def test_a_mistake_in_a_select_is_told_with_its_handler(path: Place) -> None:
    async def by_colour(query: JoinEverything, products: Rows[Product]) -> int:
        return len(await products.select(sa.select(sa.column("colour")).select_from(sa.table("colours"))))

    async with opened(MemoryEventStore(), [shop()], path=path, handlers=[by_colour]) as panel:
        with pytest.raises(StatementError, match=r"colours[\s\S]* at .*by_colour \(.*test_panel.py:\d+\)"):
            await ask(panel, JoinEverything())


async def test_an_answer_that_nobody_awaited_is_refused() -> None:
    async def forgetting(query: JoinEverything, products: Rows[Product]) -> Any:
        return products.get("a")

    async with opened(MemoryEventStore(), [shop()], handlers=[forgetting]) as panel:
        with pytest.raises(TypeError, match=r"answered the coroutine Rows.get, which nobody awaited; await it"):
            await ask(panel, JoinEverything())


async def test_a_query_that_nobody_answers_is_refused() -> None:
    async with opened(MemoryEventStore(), [shop()]) as panel:
        with pytest.raises(UnknownMessageError):
            await ask(panel, CountEverything())


async def test_middleware_wraps_every_query_and_sees_its_context() -> None:
    seen: list[tuple[str, str | None]] = []

    def watching(handler: Handler) -> Handler:
        async def watch(message: Any, context: Context) -> Any:
            seen.append((type(message).__name__, context.principal))
            return await handler(message, context)

        return watch

    async with opened(MemoryEventStore(), [shop()], middleware=[watching]) as panel:
        await panel.answer(GetProduct("a"), context("ann"))

    assert seen == [("GetProduct", "ann")]


async def test_an_etag_changes_with_the_rows_and_only_with_them() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop(), closings()]) as panel:
        first = await panel.answer(GetProduct("a"), context(), after=await record(store, APPLE))
        closed = await panel.answer(GetProduct("a"), context(), after=await record(store, Closed("x")))
        renamed = await panel.answer(GetProduct("a"), context(), after=await record(store, Renamed("a", "Apfel")))

    assert first.changed == closed.changed < renamed.changed


async def test_a_fold_that_raises_stops_its_projection_only_and_is_never_skipped(path: Place) -> None:
    store = MemoryEventStore()
    async with opened(store, [shop(), closings()], path=path, handlers=[count_everything]) as panel:
        good = await record(store, APPLE)
        bad = await record(store, Renamed("nobody", "x"), BANANA)
        closed = await record(store, Closed("x"))

        with pytest.raises(FoldError, match="needs the row") as stopped:
            await ask(panel, GetProduct("a"), after=closed)

        assert stopped.value.position == bad - 1
        assert (await ask(panel, GetProduct("a"), after=good)).name == "Apple"
        stored = await panel.checkpoints()
        assert "MissingRowError" in str(stored["shop"].error)
        assert stored["shop"].position == good
        await panel.reach.reach(["closings"], closed, timeout=2)


async def test_a_stopped_projection_goes_on_after_a_restart_with_a_mended_fold(place: Place) -> None:
    store, path = MemoryEventStore(), place
    broken, mended = shop(), shop()
    fold = broken.models[0].folds[Renamed][0]
    broken.models[0].folds[Renamed] = [type(fold)(fail, Renamed, fold.keys, must_exist=True, wants_meta=False)]
    async with opened(store, [broken], path=path, mode="dev") as panel:
        position = await record(store, APPLE, Renamed("a", "Apfel"))
        with pytest.raises(FoldError, match="ZeroDivisionError"):
            await ask(panel, GetProduct("a"), after=position)

    async with opened(store, [mended], path=path, mode="dev") as panel:
        await panel.caught_up(position)

        assert (await ask(panel, GetProduct("a"), after=position)).name == "Apfel"
        assert (await panel.checkpoints())["shop"].error is None


def fail(row: Product, event: Renamed) -> Product:
    raise ZeroDivisionError


async def test_a_restart_goes_on_where_the_rows_stand(place: Place) -> None:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path) as panel:
        await panel.caught_up(await record(store, APPLE, Sold(1, (("a", 2),))))
    await record(store, Sold(2, (("a", 3),)), Removed("b"))

    async with opened(store, [shop()], path=path) as panel:
        await panel.caught_up(await store.head())

        assert (await ask(panel, GetProduct("a"))).sold == 5
        assert (await check(shop(), store, panel.rows, codec())).differences == ()


async def test_a_follower_waits_for_the_stored_checkpoint_of_the_other_process(place: Place) -> None:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path), opened(store, [shop()], path=path, runs="follow") as follower:
        for sold in range(20):
            position = await record(store, Created("a", "Apple", Decimal(sold)), Closed("x"))

            assert (await ask(follower, GetProduct("a"), after=position)).price == sold


async def test_a_follower_that_nobody_serves_says_that_its_rows_are_stale(place: Place) -> None:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path) as panel:
        await panel.caught_up(await record(store, APPLE))
    async with opened(store, [shop()], path=path, runs="follow") as follower:
        unread = await record(store, Closed("x"))
        for _ in range(3):
            assert (await ask(follower, GetProduct("a"), after=unread, wait=0)).name == "Apple"
        missing = await record(store, BANANA)

        with pytest.raises(StaleError):
            await ask(follower, GetProduct("a"), after=missing, wait=0.05)


async def test_a_second_runtime_stands_by_and_reads_through_the_first(place: Place) -> None:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path) as first:
        async with opened(store, [shop()], path=path) as second:
            position = await record(store, APPLE)

            assert (await ask(second, GetProduct("a"), after=position)).name == "Apple"
            epoch = (await first.checkpoints())["shop"].epoch
        position = await record(store, Renamed("a", "Apfel"))
        assert (await ask(first, GetProduct("a"), after=position)).name == "Apfel"

    assert epoch == 1


async def test_the_second_runtime_takes_over_when_the_first_leaves(place: Place) -> None:
    store, path = MemoryEventStore(), place
    async with opened(store, [shop()], path=path) as first:
        second = opened(store, [shop()], path=path)
        panel = await second.__aenter__()
        await first.__aexit__(None, None, None)
        position = await record(store, APPLE)

        assert (await ask(panel, GetProduct("a"), after=position)).name == "Apple"
        assert (await panel.checkpoints())["shop"].epoch == 2
        await second.__aexit__(None, None, None)


async def test_queries_wait_together(path: Place) -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()], path=path) as panel:

        async def write_and_read(number: int) -> str:
            position = await record(store, Created(f"p{number}", f"{number}", Decimal(1)))
            return str((await ask(panel, GetProduct(f"p{number}"), after=position)).name)

        names = await asyncio.gather(*(write_and_read(number) for number in range(64)))

    assert names == [str(number) for number in range(64)]


def wired(*handlers: Callable[..., Any], projections: list[Projection]) -> ReadPanel:
    return ReadPanel(
        [module(*handlers)],
        projections,
        store=MemoryEventStore(),
        rows=SqliteRowStore(None),
        codec=codec(),
        injector=Injector(),
        clock=SystemClock(),
    )


def test_rows_that_no_read_model_has_are_a_wiring_error_with_place_and_fix() -> None:
    with pytest.raises(WiringError, match=r"takes closings: Rows\[Closing\].*no read model") as wrong:
        wired(count_everything, projections=[shop()])

    assert "test_panel.py:" in wrong.value.where
    assert "read_model(Closing, key=...)" in wrong.value.fix


def test_two_read_models_with_one_name_are_a_wiring_error() -> None:
    twin = Projection("twin")
    twin.read_model(Product, key="code")

    with pytest.raises(WiringError, match="two read models are named 'product'"):
        wired(projections=[shop(), twin])
