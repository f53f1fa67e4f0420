"""The typed sketches run: what type-checks in `typing_tests/shop.py` also works."""

from decimal import Decimal
from uuid import UUID

from diptych.testing import Scenario, generated
from typing_tests.shop import (
    AlreadyPlaced,
    CancelOrder,
    FindOrders,
    Line,
    LineView,
    OrderCancelled,
    OrderPlaced,
    OrderView,
    PlaceOrder,
    ProductSold,
    Sell,
    orders,
    sales,
    views,
)

ORDER = UUID(int=7)
LINES = (Line("A", 2, Decimal("60.5")), Line("B", 1, Decimal(1)))
spec = Scenario(orders, sales, views)


def test_orders_are_placed_once_and_cancelled() -> None:
    placed = OrderPlaced(generated("order"), LINES)

    spec.given().when(PlaceOrder(lines=LINES)).then(placed).then_value(generated("order"))
    spec.given(placed).when(PlaceOrder(order=generated("order"), lines=LINES)).then_refused(AlreadyPlaced)
    spec.given(placed).when(CancelOrder(generated("order"), "late")).then(OrderCancelled(generated("order"), "late"))


def test_a_sale_reads_every_product_that_it_names() -> None:
    sold = [ProductSold("A", 5), ProductSold("C", 9)]

    spec.given(*sold).when(Sell(LINES)).then(ProductSold("A", 2), ProductSold("B", 1)).then_value(5)


def test_rows_follow_the_events() -> None:
    history = spec.given(OrderPlaced(ORDER, LINES), OrderCancelled(ORDER, ""))

    assert history.row(OrderView, ORDER) == OrderView(ORDER, Decimal("122.0"), cancelled=True)
    assert history.row(LineView, 1, 1) == LineView("B", 1)


def test_rows_are_found() -> None:
    large, small = OrderView(ORDER, Decimal(101)), OrderView(UUID(int=8), Decimal(1))

    assert spec.rows(small, large).ask(FindOrders()).items == (large, small)
    assert large.is_large
