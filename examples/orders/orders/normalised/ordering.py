"""Ordering, normalised: rows are loaded and changed, and what happened is recorded in the same transaction."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from diptych import Context, Criteria, FieldErrors, UnitOfWork
from orders.commands import AddItem, CreateOrder, InvoiceOrder, Item, PlaceOrder, SetShippingAddress, UpdateStatus
from orders.events import ItemAdded, OrderCreated, OrderInvoiced, OrderPlaced, ShippingAddressSet, StatusUpdated
from orders.normalised.parties import normalised
from orders.normalised.tables import CustomerRow, ItemRow, OrderRow, ProductRow, row_of
from orders.rules import (
    no_order,
    refuse_change,
    refuse_empty,
    refuse_invoice,
    refuse_more,
    refuse_redirect,
    refuse_step,
    refuse_stranger,
    refuse_taken_id,
    refuse_unknown,
)
from orders.settings import OrderSettings
from orders.values import ZERO


@normalised.command
async def create_order(
    command: CreateOrder, work: UnitOfWork[OrderCreated | ItemAdded], context: Context, settings: OrderSettings
) -> UUID:
    """Begin a draft with its first items."""
    refuse_stranger(settings, context.principal, command.customer)
    await work.begin()
    session, key = work.session, command.order
    refuse_taken_id("order", key, taken=await session.get(OrderRow, key) is not None)
    known, prices = await session.get(CustomerRow, command.customer), await _prices(command.items, session)
    refuse_unknown(command.customer, known=known is not None, items=command.items, products=prices.keys())
    billing = command.billing or command.shipping
    order = OrderRow(id=key, customer=command.customer, payment=command.payment, status="draft", items=[])
    order.addresses = [row_of(key, "shipping", command.shipping), row_of(key, "billing", billing)]
    session.add(order)
    work.record(OrderCreated(key, command.customer, command.shipping, billing, command.payment))
    for item in command.items:
        work.record(_added(order, item.product, item.quantity, prices[item.product]))
    return key


@normalised.command
async def add_item(command: AddItem, work: UnitOfWork[ItemAdded], context: Context, settings: OrderSettings) -> None:
    """Add to a draft at today's price."""
    order = await _owned(command.order, work, context, settings)
    product = await work.session.get(ProductRow, command.product)
    if product is None:
        raise FieldErrors({"product": f"there is no product {command.product}"})
    refuse_change(order.id, order.status)
    refuse_more(order.id, len(order.items))
    flag_modified(order, "status")  # the next version of the order, though only its items grew
    work.record(_added(order, product.id, command.quantity, product.price))


@normalised.command
async def redirect(
    command: SetShippingAddress, work: UnitOfWork[ShippingAddressSet], context: Context, settings: OrderSettings
) -> None:
    """Send the order elsewhere."""
    order = await _owned(command.order, work, context, settings)
    refuse_redirect(order.id, order.status)
    next(row for row in order.addresses if row.use == "shipping").become(command.address)
    flag_modified(order, "status")
    work.record(ShippingAddressSet(order.id, command.address))


@normalised.command
async def place(command: PlaceOrder, work: UnitOfWork[OrderPlaced], context: Context, settings: OrderSettings) -> None:
    """Make the draft an order."""
    order = await _owned(command.order, work, context, settings)
    refuse_change(order.id, order.status)
    refuse_empty(order.id, len(order.items))
    order.status = "placed"
    total = sum((item.quantity * item.price for item in order.items), ZERO)
    work.record(OrderPlaced(order.id, order.customer, len(order.items), total))


@normalised.command
async def update_status(
    command: UpdateStatus, work: UnitOfWork[StatusUpdated], context: Context, settings: OrderSettings
) -> None:
    """Move the order on."""
    order = await _owned(command.order, work, context, settings)
    before = order.status
    refuse_step(order.id, before, command.status, by_staff=settings.is_staff(context.principal))
    order.status = command.status
    work.record(StatusUpdated(order.id, before, command.status, command.reason))


@normalised.command
async def invoice_order(
    command: InvoiceOrder, work: UnitOfWork[OrderInvoiced], context: Context, settings: OrderSettings
) -> int:
    """Give an order the next number: nobody else writes until this is committed, so there is no gap."""
    order = await _owned(command.order, work, context, settings)
    refuse_invoice(order.id, order.status, order.invoice)
    last = await work.session.scalar(sa.select(sa.func.max(OrderRow.invoice)))
    order.invoice = (last or 0) + 1
    work.record(OrderInvoiced(order.id, order.invoice))
    return order.invoice


async def _owned(
    key: UUID, work: UnitOfWork[Any], context: Context, settings: OrderSettings
) -> OrderRow:  # Any: whatever the handler records
    """Return an order that nobody else can change until the commit, and that the sender saw as it is."""
    work.expect(Criteria.tagged(f"order:{key}"))
    await work.begin()
    order = await work.session.get(OrderRow, key)
    if order is None:
        raise no_order(key)
    refuse_stranger(settings, context.principal, order.customer)
    return order


def _added(order: OrderRow, product: UUID, quantity: int, price: Decimal) -> ItemAdded:
    order.items.append(ItemRow(number=len(order.items) + 1, product=product, quantity=quantity, price=price))
    return ItemAdded(order.id, product, quantity, price)


async def _prices(items: tuple[Item, ...], session: AsyncSession) -> dict[UUID, Decimal]:
    wanted = sa.select(ProductRow.id, ProductRow.price).where(ProductRow.id.in_({item.product for item in items}))
    return {key: price for key, price in await session.execute(wanted)}  # noqa: C416 (rows, typed)
