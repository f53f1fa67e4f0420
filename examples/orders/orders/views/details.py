"""Orders in full: customer, items, addresses, and who moved them on, when and why."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from diptych import Meta, change
from orders.events import ItemAdded, OrderCreated, OrderInvoiced, OrderPlaced, ShippingAddressSet, StatusUpdated
from orders.values import ZERO, Address, Money, Payment, Status
from orders.views.parties import CustomerView, ProductView, customers, products, sales


class OrderedItem(msgspec.Struct, frozen=True):
    """An entry of an order, with name and category that the product had then."""

    product: UUID
    name: str
    category: str
    quantity: int
    price: Money
    amount: Money


class StatusChange(msgspec.Struct, frozen=True):
    """A step in the life of an order: who did it, when and why."""

    status: Status
    at: datetime
    by: str | None
    reason: str | None = None


class OrderDetail(msgspec.Struct, frozen=True):
    """An order with all that is known of it."""

    order: UUID
    customer: UUID
    customer_name: str
    customer_email: str
    payment: Payment
    shipping: Address
    billing: Address
    history: tuple[StatusChange, ...]
    status: Status = "draft"
    items: tuple[OrderedItem, ...] = ()
    total: Money = ZERO
    invoice: int | None = None


details = sales.read_model(OrderDetail, key="order")


@details.on(customer=customers["customer"])
def created(_: OrderDetail | None, event: OrderCreated, customer: CustomerView, meta: Meta) -> OrderDetail:
    """Show a draft."""
    return OrderDetail(
        order=event.order,
        customer=event.customer,
        customer_name=customer.name,
        customer_email=customer.email,
        payment=event.payment,
        shipping=event.shipping,
        billing=event.billing,
        history=(StatusChange("draft", meta.recorded_at, meta.actor),),
    )


@details.on(product=products["product"])
def item_added(row: OrderDetail, event: ItemAdded, product: ProductView) -> OrderDetail:
    """Show what was ordered."""
    item = OrderedItem(event.product, product.name, product.category, event.quantity, event.price, event.amount)
    return change(row, items=(*row.items, item), total=row.total + event.amount)


@details.on
def redirected(row: OrderDetail, event: ShippingAddressSet | OrderInvoiced) -> OrderDetail:
    """Show where the order goes now, or the number of its invoice."""
    match event:
        case ShippingAddressSet():
            return change(row, shipping=event.address)
        case OrderInvoiced():
            return change(row, invoice=event.number)


@details.on
def placed(row: OrderDetail, event: OrderPlaced, meta: Meta) -> OrderDetail:  # noqa: ARG001 (keyed by it)
    """Show who placed the order, and when."""
    return _moved(row, StatusChange("placed", meta.recorded_at, meta.actor))


@details.on
def moved_on(row: OrderDetail, event: StatusUpdated, meta: Meta) -> OrderDetail:
    """Show who moved the order on, when and why."""
    return _moved(row, StatusChange(event.status, meta.recorded_at, meta.actor, event.reason))


def _moved(row: OrderDetail, step: StatusChange) -> OrderDetail:
    return change(row, status=step.status, history=(*row.history, step))
