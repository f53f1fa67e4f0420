"""A department with thousands of products gets another name while sales go on: every row has it, no sale is lost."""

from __future__ import annotations

import asyncio

import pytest

from diptych import Application
from retail.app import build
from retail.departments import OpenDepartment, RenameDepartment
from retail.place import Place
from retail.products import CreateProduct, MoveProduct
from retail.queries.products import FindProducts, GetInventory, GetProduct, ListProducts
from retail.sales import ProcessSale, SaleLine
from retail.values import ZERO
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.timeout(size(60, full=600))]

PRODUCTS = size(1_500, full=10_000)
SALES = size(200, full=2_000)
AT_ONCE = 64


async def stock(shop: Application) -> None:
    for code in ("K", "G"):
        (await shop.send(OpenDepartment(code, f"{code} before"))).unwrap()
    numbers = iter(range(PRODUCTS + 10))

    async def create() -> None:
        for number in numbers:
            department = "K" if number < PRODUCTS else "G"
            product = CreateProduct(
                product=f"P{number}", description=f"thing {number}", price=ZERO, opening_stock=99, department=department
            )
            (await shop.send(product)).unwrap()

    await asyncio.gather(*(create() for _ in range(AT_ONCE)))


async def sell(shop: Application) -> None:
    for number in range(SALES):
        lines = (SaleLine(f"P{number % PRODUCTS}", 1), SaleLine(f"P{number * 7 % PRODUCTS}", 1))
        (await shop.send(ProcessSale(lines=lines, payment="cash", till="T1"))).unwrap()


async def rename(shop: Application) -> None:
    for name in ("K between", "K after"):
        (await shop.send(RenameDepartment("K", name))).unwrap()
        (await shop.send(MoveProduct(f"P{PRODUCTS}", "K" if name == "K between" else "G"))).unwrap()


async def test_the_name_reaches_every_row_while_sales_go_on(home: Place) -> None:
    async with build(home) as shop:
        await stock(shop)

        await asyncio.gather(sell(shop), rename(shop), sell_elsewhere(shop))
        await shop.caught_up(timeout=300)

        named = await shop.ask(FindProducts(text="after", limit=1))
        stale = [await shop.ask(FindProducts(text=word, department="K")) for word in ("before", "between")]
        listed = await shop.ask(ListProducts(department="K", limit=500))
        moved = await shop.ask(GetProduct(f"P{PRODUCTS}"))
        inventory = await shop.ask(GetInventory())
        report = await shop.check("assortment")

    assert (named.total, [page.total for page in stale]) == (PRODUCTS, [0, 0])
    assert (listed.total, {item.department_name for item in listed}) == (PRODUCTS, {"K after"})
    assert moved is not None
    assert (moved.department, moved.department_name) == ("G", "G before")
    assert inventory.units == (PRODUCTS + 10) * 99 - 2 * SALES - 10
    assert report.differences == ()


async def sell_elsewhere(shop: Application) -> None:
    for number in range(10):
        sale = ProcessSale(lines=(SaleLine(f"P{PRODUCTS + number}", 1),), payment="cash", till="T2")
        (await shop.send(sale)).unwrap()
