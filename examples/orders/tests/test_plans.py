"""Plans: every list of orders is answered by an index, and only totals read one from end to end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from diptych import Application, Query
from diptych.testing import Plan, explained
from orders.app import build
from orders.clerk import Clerk
from orders.place import Place
from orders.queries.customers import FindCustomers, GetCustomerAnalytics, GetCustomerOrders, ListSegment
from orders.queries.orders import GetOrder, ListOrders, ScrollOrders, SearchOrders
from orders.queries.products import FindProducts, ListPopularProducts, ListProductSales, ListSalesEntries

ADA, DAY = UUID(int=1), date(2026, 1, 1)
QUERIES: tuple[Query[Any], ...] = (
    GetOrder(ADA),
    ListOrders(ADA),
    ScrollOrders(ADA),
    SearchOrders(),
    SearchOrders(customer=ADA),
    SearchOrders(status="placed"),
    SearchOrders(first=DAY, last=DAY),
    SearchOrders(minimum=Decimal(10), sort="-total"),
    SearchOrders(sort="customer_name"),
    GetCustomerOrders(ADA),
    GetCustomerAnalytics(ADA),
    ListSegment("loyal"),
    FindCustomers(),
    FindProducts(),
    FindProducts(category="kitchen"),
    ListProductSales(first=DAY),
    ListProductSales(ADA),
    ListSalesEntries(),
)


@pytest.fixture
async def application(home: Place) -> AsyncIterator[Application]:
    """Return an application with some orders, none of which is cached."""
    async with build(home) as application:
        clerk = Clerk(application)
        customers = [await clerk.customer(f"Customer {number}") for number in range(4)]
        mug = await clerk.product("mug", "kitchen", "2.50")
        for number in range(20):
            await clerk.placed(customers[number % 4], {mug: number + 1})
        await application.caught_up()
        yield application


async def test_every_list_is_in_the_order_of_an_index_and_only_totals_read_all(application: Application) -> None:
    plans = {query: await explained(application, query, principal="staff") for query in QUERIES}

    assert [query for query, found in plans.items() if not found] == []
    assert [str(plan) for found in plans.values() for plan in found if plan.scans and not is_total(plan)] == []
    assert [query for query, found in plans.items() if any(plan.sorts for plan in found)] == []


async def test_popular_products_are_added_up_from_the_days_asked_for(application: Application) -> None:
    plans = await explained(application, ListPopularProducts(days=7))

    asked = [plan for plan in plans if "FROM product_day" in plan.statement]
    assert len(asked) == 1
    assert not asked[0].scans


def is_total(plan: Plan) -> bool:
    """Say whether a statement counts the rows of a list, which is what the totals of pages cost."""
    return plan.statement.startswith("SELECT count(*)")
