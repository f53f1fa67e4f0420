"""What customers did: their orders in sum, and what can be said of them as customers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from diptych import Index, RowChange, change, computed
from orders.events import CustomerRegistered
from orders.values import ZERO, Money, Segment, average
from orders.views.parties import sales
from orders.views.products import OrderedProduct, ordered
from orders.views.summaries import OrderSummary, counts, summaries

_REGULAR, _LOYAL = 2, 5
Sign = Literal[1, -1]


class CustomerOrders(msgspec.Struct, frozen=True):
    """A customer's orders in sum; cancelled ones do not count, first and last are of orders ever placed."""

    customer: UUID
    name: str
    orders: int = 0
    spent: Money = ZERO
    first: datetime | None = None
    last: datetime | None = None

    @computed
    def average(self) -> Money:
        """Return what an order came to on average, in cents, halves to even."""
        return average(self.spent, self.orders)


class CategoryUnits(msgspec.Struct, frozen=True):
    """How many units of a category a customer bought."""

    category: str
    units: int


class CustomerAnalytics(msgspec.Struct, frozen=True):
    """What can be said of a customer, from orders that were not cancelled."""

    customer: UUID
    name: str
    orders: int = 0
    spent: Money = ZERO
    last_order: datetime | None = None
    categories: tuple[CategoryUnits, ...] = ()

    @computed
    def average(self) -> Money:
        """Return what an order came to on average, in cents, halves to even."""
        return average(self.spent, self.orders)

    @computed
    def favourite_category(self) -> str | None:
        """Return the category of which most units were bought; of equal ones the first by name."""
        best = min(self.categories, key=lambda each: (-each.units, each.category), default=None)
        return None if best is None else best.category

    @computed
    def segment(self) -> Segment:
        """Return new, regular (2 orders or more) or loyal (5 or more)."""
        return "new" if self.orders < _REGULAR else "regular" if self.orders < _LOYAL else "loyal"


customer_orders = sales.read_model(CustomerOrders, key="customer", indexes=[Index("-spent", "customer")])
analytics = sales.read_model(CustomerAnalytics, key="customer", indexes=[Index("segment", "-spent", "customer")])


@customer_orders.on
def registered(_: CustomerOrders | None, event: CustomerRegistered) -> CustomerOrders:
    """Begin to count."""
    return CustomerOrders(event.customer, event.name)


@analytics.on
def known(_: CustomerAnalytics | None, event: CustomerRegistered) -> CustomerAnalytics:
    """Begin to count."""
    return CustomerAnalytics(event.customer, event.name)


def buyer(row: OrderSummary) -> UUID | None:
    """Return the customer for whom the order counts, or None."""
    return row.customer if counts(row) else None


@customer_orders.rollup(summaries, key=buyer)
def counted(row: CustomerOrders, change: RowChange[OrderSummary]) -> CustomerOrders:
    """Take out what the order was and put in what it is."""
    for sign, order in _signed(change):
        row = _with_order(row, order, sign)
    return row


@analytics.rollup(summaries, key=buyer)
def ordered_by(row: CustomerAnalytics, change: RowChange[OrderSummary]) -> CustomerAnalytics:
    """Take out what the order was and put in what it is."""
    for sign, order in _signed(change):
        row = _analysed(row, order, sign)
    return row


@analytics.rollup(ordered, key=lambda item: item.customer if item.counts else None)
def bought(row: CustomerAnalytics, change: RowChange[OrderedProduct]) -> CustomerAnalytics:
    """Count units by category."""
    units = {each.category: each.units for each in row.categories}
    for sign, item in ((-1, change.before), (1, change.after)):
        if item is not None:
            units[item.category] = units.get(item.category, 0) + sign * item.units
    return _with_units(row, units)


def _signed(change: RowChange[OrderSummary]) -> tuple[tuple[Sign, OrderSummary], ...]:
    parts: tuple[tuple[Sign, OrderSummary | None], ...] = ((-1, change.before), (1, change.after))
    return tuple((sign, order) for sign, order in parts if order is not None)


def _with_order(row: CustomerOrders, order: OrderSummary, sign: Sign) -> CustomerOrders:
    return change(
        row,
        orders=row.orders + sign,
        spent=row.spent + sign * order.total,
        first=row.first or order.placed,
        last=_later(row.last, order.placed),
    )


def _analysed(row: CustomerAnalytics, order: OrderSummary, sign: Sign) -> CustomerAnalytics:
    return change(
        row,
        orders=row.orders + sign,
        spent=row.spent + sign * order.total,
        last_order=_later(row.last_order, order.placed),
    )


def _with_units(row: CustomerAnalytics, units: dict[str, int]) -> CustomerAnalytics:
    return change(row, categories=tuple(CategoryUnits(name, units[name]) for name in sorted(units) if units[name]))


def _later(known: datetime | None, other: datetime | None) -> datetime | None:
    return other if known is None or (other is not None and other > known) else known
