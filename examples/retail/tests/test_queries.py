"""Queries: what the shop answers after a day at the till."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from diptych import Application
from diptych.testing import NOON, FixedClock
from diptych.testing.plugin import OpenApplication
from retail.app import MODULES, PROJECTIONS
from retail.customers import RegisterCustomer
from retail.departments import OpenDepartment, RenameDepartment
from retail.products import ChangePrice, CreateProduct, DiscontinueProduct, MoveProduct
from retail.queries.customers import FindCustomers, GetCustomer
from retail.queries.dashboard import GetDashboard
from retail.queries.departments import ListDepartments, ListUnits
from retail.queries.documents import CountDocuments, GetDocument
from retail.queries.products import (
    FindProducts,
    GetInventory,
    GetProduct,
    GetProductForEdit,
    ListLowStock,
    ListProducts,
    ScrollProducts,
)
from retail.queries.reports import GetSalesReport
from retail.queries.sales import (
    FindSales,
    GetCustomerHistory,
    GetSale,
    GetSaleDetail,
    ScrollCustomerHistory,
    ScrollSales,
)
from retail.queries.statistics import GetProductSales, ListBestSellers, ListPrices
from retail.queries.takings import DayTakings, ListTakings
from retail.returns import AcceptReturn, ReturnLine
from retail.sales import CancelSale, ProcessSale, SaleLine
from retail.settings import ShopSettings
from retail.units import OpenUnit
from retail.views.customers import Purchase
from retail.views.documents import DocumentDay
from retail.views.drafts import ProductForEdit
from retail.views.sales import SalesDay, SoldLine
from tests.clusters import NEWEST, Cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

TODAY = NOON.date()
COMMANDS = (
    OpenDepartment("K", "Kitchen"),
    OpenDepartment("C", "China"),
    OpenUnit("PC", "piece"),
    CreateProduct(
        product="MUG",
        description="red mug",
        price=Decimal("2.50"),
        cost=Decimal(1),
        minimum_stock=8,
        opening_stock=10,
        department="K",
        unit="PC",
    ),
    CreateProduct(
        product="CUP", description="blue cup", price=Decimal(4), cost=Decimal(2), opening_stock=5, department="K"
    ),
    CreateProduct(product="100%", description="50%_off sign", price=Decimal(1)),
    RegisterCustomer(customer="17850", name="Ada", credit_limit=Decimal(100)),
    RegisterCustomer(customer="14646", name="Grace"),
    ProcessSale(lines=(SaleLine("MUG", 4),), payment="cash", customer="17850", till="T1", sold_at=NOON),
    ProcessSale(
        lines=(SaleLine("CUP", 1), SaleLine("MUG", 1)),
        payment="credit",
        customer="17850",
        till="T1",
        sold_at=NOON - timedelta(days=1),
    ),
    ProcessSale(lines=(SaleLine("CUP", 2),), payment="cash", customer="14646", till="T2", sold_at=NOON),
    AcceptReturn(lines=(ReturnLine("MUG", 1, Decimal("2.50")),), refund="cash", customer="17850", till="T2"),
    CancelSale("T2-000001", "mistake"),
    ChangePrice("MUG", Decimal(3)),
    DiscontinueProduct("100%"),
    MoveProduct("CUP", "C"),
    RenameDepartment("K", "Cooking"),
)


STORES = ["memory", "sqlite", "postgres"]


@asynccontextmanager
async def after_the_day(store: str, folder: Path, cluster_of: Callable[[str], Cluster]) -> AsyncIterator[Application]:
    """Open a shop in which all that has happened."""
    url = {"memory": "memory://", "sqlite": f"sqlite:///{folder}/shop.db"}.get(store)
    url = url or cluster_of(NEWEST).database().url
    shop = Application(*MODULES, *PROJECTIONS, events=url, provide=[ShopSettings()], clock=FixedClock())
    async with shop:
        for command in COMMANDS:
            (await shop.send(command, principal="ada")).unwrap()
        await shop.caught_up()
        yield shop


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=STORES)
async def shop(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    cluster_of: Callable[[str], Cluster],
) -> AsyncIterator[Application]:
    """Return a shop that all tests ask, and none changes."""
    async with after_the_day(request.param, tmp_path_factory.mktemp("shop"), cluster_of) as shop:
        yield shop


@pytest_asyncio.fixture(loop_scope="module", params=STORES)
async def own_shop(
    request: pytest.FixtureRequest, tmp_path: Path, cluster_of: Callable[[str], Cluster]
) -> AsyncIterator[Application]:
    """Return a shop that a test may change."""
    async with after_the_day(request.param, tmp_path, cluster_of) as shop:
        yield shop


async def test_products_are_found_by_code_and_for_edit(shop: Application) -> None:
    mug = await shop.ask(GetProduct("MUG"))

    assert mug is not None
    assert (mug.in_stock, mug.price, mug.is_low_stock, mug.stock_value) == (6, Decimal(3), True, Decimal(6))
    assert (mug.created_by, mug.created) == ("ada", NOON)
    assert (mug.department, mug.department_name, mug.unit, mug.unit_name) == ("K", "Cooking", "PC", "piece")
    assert await shop.ask(GetProductForEdit("MUG")) == ProductForEdit(
        "MUG", "red mug", "K", "PC", Decimal(3), Decimal(1), 8
    )
    assert await shop.ask(GetProduct("mug")) is None
    assert await shop.ask(GetProductForEdit("?")) is None


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (FindProducts(), ["CUP", "MUG"]),
        (FindProducts(text="RED"), ["MUG"]),
        (FindProducts(text="cu"), ["CUP"]),
        (FindProducts(text="mu"), ["MUG"]),
        (FindProducts(text="cooking red"), ["MUG"]),
        (FindProducts(text="cup mug"), []),
        (FindProducts(text=" "), ["CUP", "MUG"]),
        (FindProducts(text="%", discontinued=True), []),
        (FindProducts(text="50%_", discontinued=True), ["100%"]),
        (FindProducts(text="50% off"), []),
        (FindProducts(text="cup", in_stock=True, limit=1), ["CUP"]),
        (FindProducts(discontinued=True, in_stock=True), ["CUP", "MUG"]),
        (FindProducts(department="K"), ["MUG"]),
        (FindProducts(department="C", text="cup"), ["CUP"]),
        (FindProducts(department="?"), []),
        (FindProducts(limit=1, offset=1), ["MUG"]),
        (FindProducts(offset=9), []),
    ],
)
async def test_products_are_searched(shop: Application, query: FindProducts, codes: list[str]) -> None:
    assert [item.product for item in await shop.ask(query)] == codes


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        (ListProducts(), ["CUP", "MUG"]),
        (ListProducts(department="C"), ["CUP"]),
        (ListProducts(in_stock=True, limit=1), ["CUP"]),
        (ListProducts(offset=1), ["MUG"]),
    ],
)
async def test_products_that_are_sold_are_listed(shop: Application, query: ListProducts, codes: list[str]) -> None:
    assert [item.product for item in await shop.ask(query)] == codes


async def test_products_and_sales_are_scrolled_by_cursors_to_the_same_end(shop: Application) -> None:
    first = await shop.ask(ScrollProducts(limit=1))
    second = await shop.ask(ScrollProducts(limit=1, cursor=first.next))

    assert [row.product for row in (*first, *second)] == [row.product for row in await shop.ask(ListProducts())]
    assert second.next is None
    numbers, cursor = [], None
    for _ in range(3):
        page = await shop.ask(ScrollSales(limit=1, cursor=cursor))
        numbers += [sale.sale for sale in page]
        cursor = page.next
    assert (numbers, cursor) == ([sale.sale for sale in await shop.ask(FindSales())], None)


async def test_a_sale_made_between_two_pages_moves_no_page(own_shop: Application) -> None:
    first = await own_shop.ask(ScrollSales(limit=1))
    later = NOON + timedelta(hours=1)
    sale = ProcessSale(lines=(SaleLine("CUP", 1),), payment="cash", till="T3", sold_at=later)
    made = await own_shop.send(sale)

    second = await own_shop.ask(ScrollSales(limit=1, cursor=first.next), after=made)

    assert [row.sale for row in (*first, *second)] == ["T1-000001", "T2-000001"]


async def test_a_customers_history_is_scrolled_as_it_is_paged(shop: Application) -> None:
    first = await shop.ask(ScrollCustomerHistory("17850", limit=2))
    rest = await shop.ask(ScrollCustomerHistory("17850", limit=2, cursor=first.next))

    assert (*first, *rest) == (await shop.ask(GetCustomerHistory("17850"))).items


async def test_departments_and_units_are_listed_by_name(shop: Application) -> None:
    assert [row.name for row in await shop.ask(ListDepartments())] == ["China", "Cooking"]
    assert [row.name for row in await shop.ask(ListUnits())] == ["piece"]


async def test_low_stock_best_sellers_prices_and_inventory_are_listed(shop: Application) -> None:
    low = await shop.ask(ListLowStock())
    best = await shop.ask(ListBestSellers())
    prices = await shop.ask(ListPrices("MUG"))
    inventory = await shop.ask(GetInventory())

    assert [row.product for row in low] == ["MUG"]
    assert [(row.product, row.net_units, row.net_revenue) for row in best][:2] == [
        ("MUG", 4, Decimal("10.00")),
        ("CUP", 1, Decimal(4)),
    ]
    assert [(row.price, row.by) for row in prices] == [(Decimal(3), "ada"), (Decimal("2.50"), "ada")]
    assert (inventory.products, inventory.units, inventory.value, inventory.low_stock) == (3, 10, Decimal(14), 1)
    assert (await shop.ask(GetProductSales("MUG"))) == best.items[0]


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        (FindSales(), ["T1-000001", "T2-000001", "T1-000002"]),
        (FindSales(customer="17850"), ["T1-000001", "T1-000002"]),
        (FindSales(payment="credit"), ["T1-000002"]),
        (FindSales(status="cancelled"), ["T2-000001"]),
        (FindSales(minimum=Decimal(10)), ["T1-000001"]),
        (FindSales(last=TODAY - timedelta(days=1)), ["T1-000002"]),
        (FindSales(first=TODAY, limit=1), ["T1-000001"]),
    ],
)
async def test_sales_are_searched_newest_first(shop: Application, query: FindSales, numbers: list[str]) -> None:
    assert [sale.sale for sale in await shop.ask(query)] == numbers


async def test_a_sale_is_found_by_its_number_with_buyer_seller_and_lines(shop: Application) -> None:
    sale = await shop.ask(GetSale("T1-000002"))
    detail = await shop.ask(GetSaleDetail("T1-000002"))

    assert sale is not None
    assert (sale.customer_name, sale.seller, sale.total) == ("Ada", "ada", Decimal("6.50"))
    assert detail is not None
    assert detail.sale == sale
    assert detail.lines == (
        SoldLine("T1-000002", "CUP", "blue cup", 1, Decimal(4)),
        SoldLine("T1-000002", "MUG", "red mug", 1, Decimal("2.50")),
    )
    assert await shop.ask(GetSaleDetail("?")) is None


async def test_a_customers_history_tells_sales_cancellations_and_returns(shop: Application) -> None:
    ada, grace = await shop.ask(GetCustomerHistory("17850")), await shop.ask(GetCustomerHistory("14646"))

    assert {(row.number, row.kind, row.units, row.total) for row in ada} == {
        ("T1-000001", "sale", 4, Decimal(10)),
        ("T1-000002", "sale", 2, Decimal("6.50")),
        ("T2-000002", "return", -1, Decimal("-2.50")),
    }
    assert ada.items[-1].number == "T1-000002"
    assert {(row.kind, row.total) for row in grace} == {("sale", Decimal(8)), ("cancellation", Decimal(-8))}
    assert grace.items[0] == Purchase("14646", "T2-000001", "cancellation", NOON, TODAY, -2, Decimal(-8), "ada")


async def test_the_seller_and_whoever_cancelled_a_sale_are_named(shop: Application) -> None:
    cancelled = await shop.ask(GetSale("T2-000001"))

    assert cancelled is not None
    assert (cancelled.status, cancelled.seller, cancelled.cancelled_by) == ("cancelled", "ada", "ada")


async def test_the_report_adds_up_days_and_payments(shop: Application) -> None:
    everything = await shop.ask(GetSalesReport())
    today = await shop.ask(GetSalesReport(first=TODAY, last=TODAY))
    credit = await shop.ask(GetSalesReport(payment="credit"))

    assert (everything.count, everything.lines, everything.total) == (2, 3, Decimal("16.50"))
    assert everything.average == Decimal("8.25")
    assert [day.day for day in everything.days] == [TODAY - timedelta(days=1), TODAY]
    assert (today.count, today.total) == (1, Decimal(10))
    assert (credit.count, credit.total) == (1, Decimal("6.50"))


async def test_takings_computed_by_sql_are_those_that_were_folded(own_shop: Application) -> None:
    refreshed = await own_shop.refresh("takings")
    computed = await own_shop.ask(ListTakings())
    folded = (await own_shop.ask(GetSalesReport())).days

    assert refreshed.rows == 2
    assert [takings_of(day) for day in reversed(folded)] == [takings_of(day) for day in computed]
    assert [day.day for day in await own_shop.ask(ListTakings(last=TODAY - timedelta(days=1)))] == [folded[0].day]


def takings_of(day: SalesDay | DayTakings) -> tuple[object, ...]:
    return day.day, day.count, day.lines, day.units, day.total, day.cash_count, day.cash, day.average


async def test_customers_are_found_by_id_text_debt_and_worth(shop: Application) -> None:
    ada = await shop.ask(GetCustomer("17850"))

    assert ada is not None
    assert (ada.balance, ada.spent, ada.net, ada.average_sale) == (
        Decimal("6.50"),
        Decimal("16.50"),
        Decimal(14),
        Decimal("8.25"),
    )
    assert [row.name for row in await shop.ask(FindCustomers())] == ["Ada", "Grace"]
    assert [row.name for row in await shop.ask(FindCustomers(text="146"))] == ["Grace"]
    assert [row.name for row in await shop.ask(FindCustomers(owing=True))] == ["Ada"]
    assert [row.name for row in await shop.ask(FindCustomers(order="-net", limit=1))] == ["Ada"]


async def test_documents_are_counted_per_day_and_kind(shop: Application) -> None:
    counts = await shop.ask(CountDocuments(first=TODAY))

    assert counts == (
        DocumentDay(TODAY, "return", 1, -1, Decimal("-2.50")),
        DocumentDay(TODAY, "sale", 2, 4, Decimal(10)),
    )
    until_today = await shop.ask(CountDocuments(last=TODAY))
    assert len(until_today) == 3
    document = await shop.ask(GetDocument("T2-000001"))
    assert document is not None
    assert (document.cancelled, document.by) == (True, "ada")


async def test_the_dashboard_shows_a_day_and_the_week_that_ends_with_it(shop: Application) -> None:
    board = await shop.ask(GetDashboard(TODAY))

    assert (board.today.count, board.today.total) == (1, Decimal(10))
    assert (board.week.count, board.week.total, board.week.average) == (2, Decimal("16.50"), Decimal("8.25"))
    assert (board.inventory_value, board.low_stock) == (Decimal(14), 1)
    assert [sale.sale for sale in board.recent] == ["T1-000001", "T2-000001", "T1-000002"]


@pytest.mark.asyncio(loop_scope="function")
async def test_an_empty_shop_answers_too(application: OpenApplication) -> None:
    shop = await application(*MODULES, *PROJECTIONS, provide=[ShopSettings()])

    board = await shop.ask(GetDashboard(date(2011, 1, 1)))

    assert (board.today.count, board.inventory_value, len(board.recent)) == (0, Decimal(0), 0)
    assert (await shop.ask(GetSalesReport())).days == ()
    assert (await shop.ask(GetInventory())).products == 0
    assert await shop.ask(CountDocuments()) == ()
