"""Two runtimes share projections; a query that reads some of each waits for both."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from diptych.history.check import check
from diptych.model.messages import Query
from diptych.model.projections import Projection
from diptych.read.panel import ReadPanel
from diptych.read.rows import Rows
from diptych.stores.memory import MemoryEventStore
from tests.read.shop import Closed, Closing, Created, Product, ask, closings, codec, opened, record, shop

APPLE = Created("a", "Apple", Decimal(1))


@dataclass(frozen=True)
class Gate:
    shop: str


@dataclass(frozen=True)
class Visit:
    shop: str


@dataclass(frozen=True)
class Both(Query[tuple[Product | None, Closing | None]]):
    pass


async def both(query: Both, products: Rows[Product], closed: Rows[Closing]) -> tuple[Product | None, Closing | None]:
    return await products.get("a"), await closed.get("x")


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def sharing(stack: AsyncExitStack, store: MemoryEventStore, path: Path) -> tuple[ReadPanel, ReadPanel]:
    """Return two panels of which each leads one projection."""
    panels = [
        await stack.enter_async_context(opened(store, [shop(), closings()], path=path, handlers=[both])) for _ in "12"
    ]
    async with asyncio.timeout(20):
        while [len(each.ownership.here) for each in panels] != [1, 1]:  # noqa: ASYNC110 (nobody tells)
            await asyncio.sleep(0.01)
    return panels[0], panels[1]


async def test_a_query_over_what_two_runtimes_fold_waits_for_both(tmp_path: Path, stack: AsyncExitStack) -> None:
    store = MemoryEventStore()
    first, second = await sharing(stack, store, tmp_path / "rows.db")

    for number in range(20):
        position = await record(store, Created("a", "Apple", Decimal(number)), Closed("x"))
        for panel in (first, second):
            answer = await ask(panel, Both(), after=position)
            assert (answer[0].price, answer[1]) == (Decimal(number), Closing("x"))
        await record(store, APPLE)
    assert await first.reach.position(["shop", "closings"]) >= position


async def test_each_runtime_tells_who_owns_what(tmp_path: Path, stack: AsyncExitStack) -> None:
    first, second = await sharing(stack, MemoryEventStore(), tmp_path / "rows.db")

    assert first.ownership.here == {"shop"}
    assert second.ownership.here == {"closings"}
    owners = await first.ownership.owners()
    assert owners == await second.ownership.owners()
    assert owners["shop"].worker != owners["closings"].worker


async def test_who_leaves_hands_over_and_nothing_is_lost(tmp_path: Path, stack: AsyncExitStack) -> None:
    store = MemoryEventStore()
    first, second = await sharing(stack, store, tmp_path / "rows.db")
    await record(store, APPLE, Closed("x"))
    await second.__aexit__(None, None, None)

    position = await record(store, Created("b", "Banana", Decimal(2)), Closed("y"))
    await first.caught_up(position)

    assert first.ownership.here == {"shop", "closings"}
    assert first.ownership.fenced == 0
    for projection in (shop(), closings()):
        assert (await check(projection, store, first.rows, codec())).is_right


def visits() -> Projection:
    projection = Projection("visits")

    @projection.read_model(Visit, key="shop").on
    def visited(row: Visit | None, event: Closed) -> Visit:
        return Visit(event.shop)

    return projection


def gates() -> Projection:
    """Be the projection of the closings in new code, which has another read model."""
    projection = Projection("closings", version=2)

    @projection.read_model(Gate, key="shop").on
    def shut(row: Gate | None, event: Closed) -> Gate:
        return Gate(event.shop)

    return projection


def doors() -> Projection:
    """Be the projection that has the read model of the closings in new code."""
    projection = Projection("doors")

    @projection.read_model(Closing, key="shop").on
    def closed(row: Closing | None, event: Closed) -> Closing:
        return Closing(event.shop)

    return projection


async def test_a_read_model_that_another_process_still_folds_is_waited_for_and_the_rest_goes_on(
    tmp_path: Path, stack: AsyncExitStack
) -> None:
    """New code moves a read model to another projection, while a process of the old code is alive."""
    store, path = MemoryEventStore(), tmp_path / "rows.db"
    first = opened(store, [closings(), shop()], path=path)
    await (await first.__aenter__()).caught_up(await record(store, Closed("x")))
    renewed = [gates(), doors(), visits(), shop()]
    second = await stack.enter_async_context(opened(store, renewed, path=path))

    assert (await second.ownership.owners()).keys() == {"closings", "doors", "shop", "visits"}
    assert second.ownership.here == {"visits"}, "it owns the doors, and may not take the closings away yet"
    await second.reach.caught_up(("visits", "shop"), await record(store, APPLE), timeout=10)

    await first.__aexit__(None, None, None)

    await second.caught_up(await record(store, Closed("y")))
    assert second.ownership.here == {"closings", "doors", "shop", "visits"}
    assert (await check(renewed[1], store, second.rows, codec())).is_right
