"""Read models: what their rows say after some events, whoever recorded them."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from diptych.testing import NOON, Scenario
from orders.app import READ_MODELS
from orders.clerk import HOME, WORK
from orders.events import (
    CustomerRegistered,
    ItemAdded,
    OrderCreated,
    OrderInvoiced,
    OrderPlaced,
    ProductListed,
    ShippingAddressSet,
    StatusUpdated,
)
from orders.values import average
from orders.views.customers import CategoryUnits, CustomerAnalytics, CustomerOrders
from orders.views.details import OrderDetail, OrderedItem, StatusChange
from orders.views.entries import SalesEntry
from orders.views.products import OrderedProduct, ProductDay
from orders.views.summaries import OrderSummary

given = Scenario(*READ_MODELS).given

ADA, MUG, ORDER = (UUID(int=number) for number in (1, 2, 3))
DAY = NOON.date()
PAST = (
    CustomerRegistered(ADA, "Ada", "ada@example.org"),
    ProductListed(MUG, "mug", "kitchen", Decimal("2.50")),
    OrderCreated(ORDER, ADA, HOME, HOME, "card"),
    ItemAdded(ORDER, MUG, 2, Decimal("2.50")),
)
PLACED = OrderPlaced(ORDER, ADA, 1, Decimal("5.00"))
CANCELLED = StatusUpdated(ORDER, "placed", "cancelled", "too late")


def test_a_summary_says_what_a_list_shows() -> None:
    draft = given(*PAST).row(OrderSummary, ORDER)
    placed = given(*PAST, PLACED, OrderInvoiced(ORDER, 7)).row(OrderSummary, ORDER)

    assert draft == OrderSummary(ORDER, ADA, "Ada", NOON, "card", "draft", 1, 2, Decimal("5.00"))
    assert placed == OrderSummary(ORDER, ADA, "Ada", NOON, "card", "placed", 1, 2, Decimal("5.00"), NOON, 7)


def test_details_have_items_addresses_and_every_step() -> None:
    row = given(*PAST, PLACED, ShippingAddressSet(ORDER, WORK), CANCELLED).row(OrderDetail, ORDER)

    assert row == OrderDetail(
        ORDER,
        ADA,
        "Ada",
        "ada@example.org",
        "card",
        WORK,
        HOME,
        (
            StatusChange("draft", NOON, None),
            StatusChange("placed", NOON, None),
            StatusChange("cancelled", NOON, None, "too late"),
        ),
        "cancelled",
        (OrderedItem(MUG, "mug", "kitchen", 2, Decimal("2.50"), Decimal("5.00")),),
        Decimal("5.00"),
    )


def test_more_of_a_product_is_one_row_of_what_was_ordered() -> None:
    row = given(*PAST, PAST[-1], PLACED).row(OrderedProduct, ORDER, MUG)

    assert row == OrderedProduct(ORDER, MUG, ADA, "mug", "kitchen", 4, Decimal("10.00"), DAY, True)


def test_a_product_is_sold_on_a_day_once_its_order_is_placed_and_until_it_is_cancelled() -> None:
    assert given(*PAST).row(ProductDay, MUG, DAY) is None
    assert given(*PAST, PLACED).row(ProductDay, MUG, DAY) == ProductDay(
        MUG, DAY, "mug", "kitchen", 1, 2, Decimal("5.00")
    )
    assert given(*PAST, PLACED, CANCELLED).row(ProductDay, MUG, DAY) is None


def test_a_cancelled_order_leaves_a_customers_figures_but_not_the_dates() -> None:
    placed, cancelled = given(*PAST, PLACED), given(*PAST, PLACED, CANCELLED)

    assert placed.row(CustomerOrders, ADA) == CustomerOrders(ADA, "Ada", 1, Decimal("5.00"), NOON, NOON)
    assert cancelled.row(CustomerOrders, ADA) == CustomerOrders(ADA, "Ada", 0, Decimal("0.00"), NOON, NOON)
    assert placed.row(CustomerAnalytics, ADA) == CustomerAnalytics(
        ADA, "Ada", 1, Decimal("5.00"), NOON, (CategoryUnits("kitchen", 2),)
    )
    assert cancelled.row(CustomerAnalytics, ADA) == CustomerAnalytics(ADA, "Ada", 0, Decimal("0.00"), NOON)


def test_segments_grow_with_orders() -> None:
    def segment(orders: int) -> str:
        return CustomerAnalytics(ADA, "Ada", orders).segment

    assert [segment(orders) for orders in (0, 1, 2, 4, 5, 50)] == ["new", "new", "regular", "regular", "loyal", "loyal"]


def test_the_favourite_category_is_that_of_most_units_and_of_equal_ones_the_first() -> None:
    units = (CategoryUnits("toys", 2), CategoryUnits("books", 2), CategoryUnits("garden", 1))

    assert CustomerAnalytics(ADA, "Ada", categories=units).favourite_category == "books"
    assert CustomerAnalytics(ADA, "Ada").favourite_category is None


def test_entries_are_added_for_sales_and_for_what_undoes_them() -> None:
    history = given(*PAST, PLACED, StatusUpdated(ORDER, "placed", "paid"), CANCELLED)

    assert history.row(SalesEntry, 5, 0) == SalesEntry(ORDER, ADA, "sale", NOON, DAY, 1, Decimal("5.00"))
    assert history.row(SalesEntry, 6, 0) is None
    assert history.row(SalesEntry, 7, 0) == SalesEntry(ORDER, ADA, "cancellation", NOON, DAY, -1, Decimal("-5.00"))


def test_a_draft_that_is_cancelled_was_never_sold() -> None:
    dropped = StatusUpdated(ORDER, "draft", "cancelled")

    assert given(*PAST, dropped).row(SalesEntry, 5, 0) is None


def test_averages_are_in_cents_and_halves_go_to_the_even_one() -> None:
    assert average(Decimal("0.05"), 2) == Decimal("0.02")
    assert average(Decimal("0.15"), 2) == Decimal("0.08")
    assert average(Decimal(10), 0) == 0
