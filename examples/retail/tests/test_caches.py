"""Caches: the dashboard and the best sellers are answered again without a row being read, until a sale changes them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from diptych import Application, Query
from diptych.testing import NOON, FixedClock, explained
from retail.app import MODULES, PROJECTIONS
from retail.products import CreateProduct
from retail.queries.dashboard import GetDashboard
from retail.queries.statistics import ListBestSellers
from retail.queries.takings import ListTakings
from retail.sales import ProcessSale, SaleLine
from retail.settings import ShopSettings

SALE = ProcessSale(lines=(SaleLine("MUG", 1),), payment="cash", till="T1", sold_at=NOON)


@pytest.fixture
async def shop() -> AsyncIterator[Application]:
    parts = (*MODULES, *PROJECTIONS)
    async with Application(*parts, events="memory://", provide=[ShopSettings()], clock=FixedClock()) as shop:
        mug = CreateProduct(product="MUG", description="mug", price=Decimal(2), opening_stock=9)
        for command in (mug, SALE):
            (await shop.send(command)).unwrap()
        await shop.caught_up()
        yield shop


async def reads_rows(shop: Application, query: Query[Any]) -> bool:
    return bool(await explained(shop, query))


@pytest.mark.parametrize("query", [GetDashboard(NOON.date()), ListBestSellers(), ListTakings()])
async def test_asked_again_it_reads_no_row(shop: Application, query: Query[Any]) -> None:
    first = await shop.ask(query)

    assert not await reads_rows(shop, query)
    assert await shop.ask(query) == first


@pytest.mark.parametrize("query", [GetDashboard(NOON.date()), ListBestSellers()])
async def test_after_a_sale_the_answer_is_new(shop: Application, query: Query[Any]) -> None:
    before = await shop.ask(query)

    sold = await shop.send(SALE)

    assert await shop.ask(query, after=sold) != before


async def test_takings_may_be_as_old_as_they_say_but_not_older_than_a_sale_of_ones_own(shop: Application) -> None:
    before = await shop.ask(ListTakings())
    sold = await shop.send(SALE)
    await shop.caught_up()

    assert await shop.ask(ListTakings()) == before
    assert [day.count for day in await shop.ask(ListTakings(), after=sold)] == [2]
