"""Specifications of the shop: one object means the same rows in memory and in SQL, alone and composed."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import combinations
from typing import Any

import pytest

from diptych import Application, Module, Query, Rows, Specification
from diptych.testing import NOON
from retail.app import MODULES, PROJECTIONS
from retail.customers import RegisterCustomer
from retail.departments import OpenDepartment
from retail.products import CreateProduct, DiscontinueProduct
from retail.sales import CancelSale, ProcessSale, SaleLine
from retail.settings import ShopSettings
from retail.views import customers, lists, products, sales, search
from retail.views.customers import CustomerView
from retail.views.lists import ProductListItem
from retail.views.products import ProductView
from retail.views.sales import SaleSummary
from retail.views.search import ProductFound

TODAY = NOON.date()
OF_LISTS = (lists.on_sale, lists.in_stock, lists.in_department.bind(department="D1"))
OF_SEARCH = (search.on_offer, search.available, search.in_department.bind(department="D0"))
OF_PRODUCTS = (products.low_stock,)
OF_CUSTOMERS = (customers.owing,)
OF_SALES = (
    sales.undone,
    sales.on_credit,
    sales.of_customer.bind(customer="C1"),
    sales.at_least.bind(minimum=Decimal("12.5")),
    sales.since.bind(first=TODAY - timedelta(days=3)),
    sales.until.bind(last=TODAY - timedelta(days=1)),
)


def product(number: int, draw: random.Random) -> CreateProduct:
    return CreateProduct(
        product=f"P{number}",
        description=f"thing {draw.randrange(9)}",
        price=Decimal(draw.randrange(1, 900)) / 100,
        minimum_stock=draw.randrange(4),
        opening_stock=draw.choice([0, 1, 5, 90]),
        department=draw.choice([None, "D0", "D1"]),
    )


def sale(number: int, stocked: list[str], draw: random.Random) -> ProcessSale:
    customer = draw.choice([None, "C0", "C1"])
    return ProcessSale(
        lines=(SaleLine(draw.choice(stocked), draw.randrange(1, 3)),),
        payment="cash" if customer is None else draw.choice(["cash", "credit"]),
        customer=customer,
        number=str(number),
        sold_at=NOON - timedelta(days=draw.randrange(6)),
    )


@dataclass(frozen=True)
class Hold(Query[None]):
    """Hold the rows of every type, for the tests to ask them directly."""


HELD: dict[type, Rows[Any]] = {}
probes = Module("probes")


@probes.query
async def hold(  # noqa: PLR0917 (one parameter for each type of row)
    query: Hold,
    items: Rows[ProductListItem],
    found: Rows[ProductFound],
    full: Rows[ProductView],
    buyers: Rows[CustomerView],
    sold: Rows[SaleSummary],
) -> None:
    HELD.update(
        {ProductListItem: items, ProductFound: found, ProductView: full, CustomerView: buyers, SaleSummary: sold}
    )


@pytest.fixture
async def shop() -> AsyncIterator[Application]:
    draw = random.Random(7)
    made = [product(number, draw) for number in range(30)]
    stocked = [each.product for each in made if each.opening_stock > 50]
    async with Application(*MODULES, probes, *PROJECTIONS, events="memory://", provide=[ShopSettings()]) as shop:
        for command in (
            *(OpenDepartment(code, code) for code in ("D0", "D1")),
            *(RegisterCustomer(code, code, Decimal(10_000)) for code in ("C0", "C1", "C2")),
            *made,
            *(sale(number, stocked, draw) for number in range(40)),
            *(CancelSale(str(number), "?") for number in range(0, 40, 7)),
            *(DiscontinueProduct(f"P{number}") for number in range(0, 30, 5)),
        ):
            (await shop.send(command)).unwrap()
        await shop.caught_up()
        yield shop


def composed(parts: tuple[Specification[Any], ...]) -> list[Specification[Any]]:
    pairs = [made for one, other in combinations(parts, 2) for made in (one & other, one | other, one & ~other)]
    return [*parts, *(~part for part in parts), *pairs, *(~pair for pair in pairs)]


@pytest.mark.parametrize(
    ("row", "parts"),
    [
        (ProductListItem, OF_LISTS),
        (ProductFound, OF_SEARCH),
        (ProductView, OF_PRODUCTS),
        (CustomerView, OF_CUSTOMERS),
        (SaleSummary, OF_SALES),
    ],
)
async def test_memory_and_sql_agree_on_every_row(shop: Application, row: type, parts: Any) -> None:
    await shop.ask(Hold())
    rows = HELD[row]
    everything = (await rows.find(limit=100)).items

    for specification in composed(parts):
        in_sql = (await rows.find(specification, limit=100)).items
        assert in_sql == tuple(filter(specification, everything)), str(specification)
    for part in parts:
        assert 0 < await rows.count(part) < len(everything), f"{part} says nothing about these rows"


def test_a_row_is_judged_without_any_store() -> None:
    item = ProductListItem("MUG", "red mug", "K", "Kitchen", Decimal("2.50"), in_stock=3)

    assert (lists.on_sale & lists.in_stock & lists.in_department.bind(department="K"))(item)
    assert not (~lists.in_stock)(item)


def test_a_day_is_within_a_range_with_both_its_ends() -> None:
    day = date(2026, 1, 1)
    summary = SaleSummary("1", day, NOON, None, None, "cash", 1, 1, Decimal(1), Decimal(1), None, None)

    assert (sales.since.bind(first=day) & sales.until.bind(last=day))(summary)
    assert not sales.since.bind(first=day + timedelta(days=1))(summary)
