"""How products sell: every item of every order, and what they come to by product and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from diptych import Index, Indexed, Meta, RowChange, change
from orders.events import ItemAdded, OrderPlaced, StatusUpdated
from orders.values import ZERO, Money
from orders.views.parties import ProductView, products, sales
from orders.views.summaries import UNCOUNTED, OrderSummary, summaries


class OrderedProduct(msgspec.Struct, frozen=True):
    """A product in an order; `day` is when the order was placed (UTC), and only what `counts` is sold."""

    order: UUID
    product: UUID
    customer: UUID
    name: str
    category: Annotated[str, Indexed()]
    units: int = 0
    amount: Money = ZERO
    day: date | None = None
    counts: bool = False


class ProductDay(msgspec.Struct, frozen=True):
    """What was sold of a product on a day, in orders that were not cancelled."""

    product: UUID
    day: date
    name: str
    category: str
    orders: int = 0
    units: int = 0
    revenue: Money = ZERO


ordered = sales.read_model(OrderedProduct, key=("order", "product"))
product_days = sales.read_model(
    ProductDay,
    key=("product", "day"),
    indexes=[Index("-day", "product", covering=("name", "category", "units", "revenue"))],
)


@ordered.on(summary=summaries["order"], listed=products["product"])
def item_added(
    row: OrderedProduct | None, event: ItemAdded, summary: OrderSummary, listed: ProductView
) -> OrderedProduct:
    """Add what was ordered; more of the same product goes with it."""
    row = row or OrderedProduct(event.order, event.product, summary.customer, listed.name, listed.category)
    return change(row, units=row.units + event.quantity, amount=row.amount + event.amount)


@ordered.where(order="order").on
def placed(row: OrderedProduct, event: OrderPlaced, meta: Meta) -> OrderedProduct:  # noqa: ARG001 (found by it)
    """Count it from the day on which the order was placed."""
    return change(row, day=meta.recorded_at.date(), counts=True)


@ordered.where(order="order").on
def moved_on(row: OrderedProduct, event: StatusUpdated) -> OrderedProduct:
    """Count it no longer once the order is cancelled."""
    return change(row, counts=False) if event.status in UNCOUNTED else row


def sold(row: OrderedProduct) -> tuple[UUID, date] | None:
    """Return the product and the day for which an item counts, or None."""
    return (row.product, row.day) if row.counts and row.day is not None else None


@product_days.rollup(ordered, key=sold)
def counted(row: ProductDay | None, change: RowChange[OrderedProduct]) -> ProductDay | None:
    """Take out what the item was and put in what it is; a day on which nothing was sold has no row."""
    if change.before is not None:
        row = _with(row, change.before, -1)
    if change.after is not None:
        row = _with(row, change.after, 1)
    return row if row is not None and row.orders else None


def _with(row: ProductDay | None, item: OrderedProduct, sign: Literal[1, -1]) -> ProductDay:
    day = item.day
    assert day is not None  # noqa: S101 (what counts has a day)
    row = row or ProductDay(item.product, day, item.name, item.category)
    return change(
        row,
        orders=row.orders + sign,
        units=row.units + sign * item.units,
        revenue=row.revenue + Decimal(sign) * item.amount,
    )
