"""Orders in a list, with the name of their customer."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from diptych import Index, Meta, change, fields, parameter
from orders.events import ItemAdded, OrderCreated, OrderInvoiced, OrderPlaced, StatusUpdated
from orders.values import ZERO, Money, Payment, Status
from orders.views.parties import CustomerView, customers, sales

UNCOUNTED: Final[frozenset[Status]] = frozenset({"draft", "cancelled"})


class OrderSummary(msgspec.Struct, frozen=True):
    """An order as a list shows it; `items` counts its entries, `units` what they hold."""

    order: UUID
    customer: UUID
    customer_name: str
    created: datetime
    payment: Payment
    status: Status = "draft"
    items: int = 0
    units: int = 0
    total: Money = ZERO
    placed: datetime | None = None
    invoice: int | None = None


_its = fields(OrderSummary)
of_customer = _its.customer == parameter("customer")
of_status = _its.status == parameter("status")
at_least = _its.total >= parameter("minimum")
at_most = _its.total <= parameter("maximum")
since = _its.created >= parameter("first")
before = _its.created < parameter("end")

summaries = sales.read_model(
    OrderSummary,
    key="order",
    history=True,
    indexes=[
        Index("-created", "order"),
        Index("customer", "-created", "order"),
        Index("status", "-created", "order"),
        Index("total", "order"),
        Index("customer_name", "order"),
    ],
)


def counts(row: OrderSummary) -> bool:
    """Say whether the order counts in figures: once it is placed, until it is cancelled."""
    return row.status not in UNCOUNTED


@summaries.on(customer=customers["customer"])
def created(_: OrderSummary | None, event: OrderCreated, customer: CustomerView, meta: Meta) -> OrderSummary:
    """Show a draft, with the name of the customer."""
    return OrderSummary(event.order, event.customer, customer.name, meta.recorded_at, event.payment)


@summaries.on
def item_added(row: OrderSummary, event: ItemAdded) -> OrderSummary:
    """Add what was ordered."""
    return change(row, items=row.items + 1, units=row.units + event.quantity, total=row.total + event.amount)


@summaries.on
def placed(row: OrderSummary, event: OrderPlaced, meta: Meta) -> OrderSummary:  # noqa: ARG001 (keyed by it)
    """Show that the draft became an order."""
    return change(row, status="placed", placed=meta.recorded_at)


@summaries.on
def moved_on(row: OrderSummary, event: StatusUpdated | OrderInvoiced) -> OrderSummary:
    """Show the new status, or the number of the invoice."""
    match event:
        case StatusUpdated():
            return change(row, status=event.status)
        case OrderInvoiced():
            return change(row, invoice=event.number)
