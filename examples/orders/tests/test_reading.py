"""What the queries answer after some days of orders, on either write model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from diptych import Query
from diptych.testing import NOON, FixedClock
from orders.clerk import Clerk
from orders.queries.aggregates import CategorySales, ListCategorySales, ListSegments, SegmentTotals
from orders.queries.customers import GetCustomerAnalytics, ListSegment
from orders.queries.orders import ListOrders, ScrollOrders, SearchOrders
from orders.queries.products import (
    FindProducts,
    ListPopularProducts,
    ListProductSales,
    ListSalesEntries,
    PopularProduct,
)
from orders.views.customers import CategoryUnits, CustomerAnalytics, CustomerOrders
from orders.views.entries import SalesEntry
from orders.views.products import ProductDay

TODAY = NOON.date()
TOMORROW = TODAY + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Week:
    """Hold what was done: Ada ordered on three days and cancelled once, Grace ordered once, and Ida has a draft."""

    clerk: Clerk
    ada: UUID
    grace: UUID
    mug: UUID
    novel: UUID
    orders: tuple[UUID, ...]

    async def ask(self, query: Query[Any]) -> Any:
        """Ask as the staff."""
        return await self.clerk.application.ask(query, principal="staff")


@pytest.fixture
async def week(clerk: Clerk, clock: FixedClock) -> Week:
    """Return an application in which a few days went by."""
    ada, grace, ida = [await clerk.customer(name) for name in ("Ada", "Grace", "Ida")]
    mug, novel = await clerk.product("mug", "kitchen", "2.50"), await clerk.product("novel", "books", "10.00")
    orders = [await clerk.placed(ada, {mug: 4}, "paid", "shipped")]
    clock.advance(days=1)
    orders += [await clerk.placed(ada, {novel: 3}), await clerk.placed(grace, {novel: 1, mug: 2}, "paid")]
    clock.advance(days=1)
    orders += [await clerk.placed(ada, {novel: 9}, "cancelled"), await clerk.draft(ida, {mug: 7})]
    await clerk.application.caught_up()
    return Week(clerk, ada, grace, mug, novel, tuple(orders))


async def test_a_customers_orders_come_in_pages_the_newest_first(week: Week) -> None:
    newest = await week.ask(ListOrders(week.ada, limit=2))
    rest = await week.ask(ListOrders(week.ada, limit=2, offset=2))

    assert [row.order for row in newest] == [week.orders[3], week.orders[1]]
    assert [row.order for row in rest] == [week.orders[0]]
    assert newest.total == rest.total == 3
    assert (await week.ask(ListOrders(uuid4()))).total == 0


async def test_a_scroll_goes_on_where_it_was_whatever_was_ordered_meanwhile(week: Week) -> None:
    first = await week.ask(ScrollOrders(week.ada, limit=2))
    await week.clerk.placed(week.ada, {week.mug: 1})
    await week.clerk.application.caught_up()

    second = await week.ask(ScrollOrders(week.ada, limit=2, cursor=first.next))

    assert [row.order for row in (*first, *second)] == [week.orders[3], week.orders[1], week.orders[0]]
    assert second.next is None


SEARCHES: Final[tuple[tuple[dict[str, Any], tuple[int, ...]], ...]] = (
    ({}, (4, 3, 2, 1, 0)),
    ({"status": "placed"}, (1,)),
    ({"minimum": Decimal(15)}, (4, 3, 2, 1)),
    ({"minimum": Decimal(15), "maximum": Decimal(30)}, (4, 2, 1)),
    ({"first": TOMORROW}, (4, 3, 2, 1)),
    ({"last": TODAY}, (0,)),
    ({"first": TOMORROW, "last": TOMORROW, "status": "paid"}, (2,)),
    ({"last": date.max}, (4, 3, 2, 1, 0)),
    ({"first": date.max}, ()),
)


async def test_a_search_filters_by_status_amount_and_days_and_shows_the_newest_first(week: Week) -> None:
    for wanted, found in SEARCHES:
        page = await week.ask(SearchOrders(**wanted))

        assert {row.order for row in page} == {week.orders[index] for index in found}, wanted
        assert [row.created for row in page] == sorted((row.created for row in page), reverse=True)
        assert page.total == len(found)


async def test_a_search_sorts_by_amount_and_by_name(week: Week) -> None:
    up, down = await week.ask(SearchOrders(sort="total")), await week.ask(SearchOrders(sort="-total"))
    names = await week.ask(SearchOrders(sort="customer_name"))

    assert [row.order for row in up] == [week.orders[index] for index in (0, 2, 4, 1, 3)]
    assert [row.order for row in down] == [row.order for row in up][::-1]
    assert [row.customer_name for row in names] == ["Ada", "Ada", "Ada", "Grace", "Ida"]


async def test_a_search_counts_pages(week: Week) -> None:
    second = await week.clerk.orders.find(SearchOrders(customer=week.ada, page=2, size=2))

    assert ([row.order for row in second], second.total, second.offset) == ([week.orders[0]], 3, 2)


async def test_products_are_found_by_words_and_category(week: Week) -> None:
    assert [row.name for row in await week.ask(FindProducts("nov"))] == ["novel"]
    assert [row.name for row in await week.ask(FindProducts(category="kitchen"))] == ["mug"]
    assert [row.name for row in await week.ask(FindProducts("mug", "books"))] == []
    assert [row.name for row in await week.ask(FindProducts())] == ["mug", "novel"]


async def test_sales_of_products_are_counted_by_day_without_what_was_cancelled(week: Week) -> None:
    page = await week.ask(ListProductSales())

    assert set(page) == {
        ProductDay(week.mug, TODAY, "mug", "kitchen", 1, 4, Decimal("10.00")),
        ProductDay(week.mug, TOMORROW, "mug", "kitchen", 1, 2, Decimal("5.00")),
        ProductDay(week.novel, TOMORROW, "novel", "books", 2, 4, Decimal("40.00")),
    }
    assert [row.day for row in page] == [TOMORROW, TOMORROW, TODAY]
    assert (await week.ask(ListProductSales(week.mug, first=TOMORROW))).total == 1
    assert (await week.ask(ListProductSales(last=TODAY))).total == 1


async def test_popular_products_are_those_of_the_last_days_and_kept_for_five_minutes(
    week: Week, clock: FixedClock
) -> None:
    mug = PopularProduct(week.mug, "mug", "kitchen", 6, Decimal("15.00"))
    novel = PopularProduct(week.novel, "novel", "books", 4, Decimal("40.00"))

    assert await week.ask(ListPopularProducts()) == (mug, novel)
    assert await week.ask(ListPopularProducts(limit=1)) == (mug,)
    assert [each.units for each in await week.ask(ListPopularProducts(days=2))] == [4, 2]
    assert await week.ask(ListPopularProducts(days=1)) == ()
    await week.clerk.placed(week.ada, {week.novel: 50})
    await week.clerk.application.caught_up()
    assert await week.ask(ListPopularProducts()) == (mug, novel)
    clock.advance(minutes=5, seconds=1)
    assert [each.units for each in await week.ask(ListPopularProducts())] == [54, 6]


async def test_customer_analytics_know_spending_favourite_category_and_segment(week: Week) -> None:
    shown = await week.ask(GetCustomerAnalytics(week.ada))

    assert shown == CustomerAnalytics(
        week.ada,
        "Ada",
        2,
        Decimal("40.00"),
        NOON + timedelta(days=2),
        (CategoryUnits("books", 3), CategoryUnits("kitchen", 4)),
    )
    assert (shown.average, shown.favourite_category, shown.segment) == (Decimal("20.00"), "kitchen", "regular")
    assert [row.name for row in await week.ask(ListSegment("new"))] == ["Grace", "Ida"]


async def test_a_customers_orders_are_summed_up_with_the_newest_of_them(week: Week) -> None:
    shown = await week.clerk.orders.of_customer(week.ada)

    assert shown is not None
    assert shown.totals == CustomerOrders(week.ada, "Ada", 2, Decimal("40.00"), NOON, NOON + timedelta(days=2))
    assert shown.totals.average == Decimal("20.00")
    assert [row.order for row in shown.orders] == [week.orders[3], week.orders[1], week.orders[0]]
    assert await week.clerk.orders.of_customer(uuid4()) is None


async def test_sales_analytics_only_ever_grow(week: Week) -> None:
    page = await week.ask(ListSalesEntries(limit=2))

    later = NOON + timedelta(days=2)
    ninety = Decimal("90.00")
    assert page.items == (
        SalesEntry(week.orders[3], week.ada, "cancellation", later, later.date(), -1, -ninety),
        SalesEntry(week.orders[3], week.ada, "sale", later, later.date(), 1, ninety),
    )
    assert page.total == 5


async def test_aggregate_views_are_rebuilt_when_somebody_asks(week: Week) -> None:
    await week.clerk.application.refresh("category_sales")
    before = await week.ask(ListCategorySales())
    await week.clerk.placed(week.grace, {week.mug: 100})
    await week.clerk.application.caught_up()
    still = await week.ask(ListCategorySales())

    refreshed = await week.clerk.application.refresh("category_sales")

    books = CategorySales("books", 2, 4, Decimal("40.00"))
    assert before.items == still.items == (books, CategorySales("kitchen", 2, 6, Decimal("15.00")))
    assert refreshed.rows == 2
    assert (await week.ask(ListCategorySales())).items == (
        CategorySales("kitchen", 3, 106, Decimal("265.00")),
        books,
    )


async def test_segments_of_customers_add_up(week: Week) -> None:
    await week.clerk.application.refresh("segment_totals")

    assert (await week.ask(ListSegments())).items == (
        SegmentTotals("new", 2, Decimal("15.00")),
        SegmentTotals("regular", 1, Decimal("40.00")),
    )


async def test_lists_of_orders_can_be_asked_for_as_they_were(week: Week) -> None:
    then = await week.clerk.application.ask(
        SearchOrders(status="placed"), as_of=NOON + timedelta(hours=36), principal="staff"
    )

    assert [row.order for row in then] == [week.orders[1]]
