"""Ordering, event-sourced: an order is loaded, told what to do, and what it records is saved as one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from diptych import Context, DecisionModel, FieldErrors, Module, Repository
from diptych.model.aggregates import model_of
from orders.commands import AddItem, CreateOrder, InvoiceOrder, Item
from orders.events import ItemAdded, OrderCreated, OrderInvoiced
from orders.rules import no_order, refuse_stranger, refuse_taken_id, refuse_unknown
from orders.settings import OrderSettings
from orders.sourced.order import Order, OrderState
from orders.sourced.parties import Customer, Offer, Product

ordering = Module("ordering")
ordering.aggregate(Order)

orders, offers = model_of(Order), model_of(Product)


@ordering.command
async def create_order(  # noqa: PLR0917 (what it needs, one parameter each)
    command: CreateOrder,
    context: Context,
    settings: OrderSettings,
    orders: Repository[Order],
    customers: Repository[Customer],
    products: Repository[Product],
) -> UUID:
    """Begin a draft with its first items; whatever it recorded is saved when this returns."""
    refuse_stranger(settings, context.principal, command.customer)
    refuse_taken_id("order", command.order, taken=await orders.find(command.order) is not None)
    customer, prices = await customers.find(command.customer), await _prices(command.items, products)
    refuse_unknown(command.customer, known=customer is not None, items=command.items, products=prices.keys())
    order = Order()
    order.record(_created(command))
    for item in command.items:
        order.add(command.order, item.product, item.quantity, prices[item.product])
    orders.add(order)
    return command.order


def _created(command: CreateOrder) -> OrderCreated:
    billing = command.billing or command.shipping
    return OrderCreated(command.order, command.customer, command.shipping, billing, command.payment)


async def _prices(items: tuple[Item, ...], products: Repository[Product]) -> dict[UUID, Decimal]:
    found = {item.product: await products.find(item.product) for item in items}
    return {key: product.state.price for key, product in found.items() if product and product.state.price is not None}


@ordering.decides(order=orders.one(lambda command: command.order), product=offers.one(lambda command: command.product))
def add_item(
    command: AddItem, order: OrderState, product: Offer, context: Context, settings: OrderSettings
) -> Generator[ItemAdded, None, None]:
    """Add to a draft at today's price; decided again when somebody else was faster."""
    draft = Order(order)
    draft.owned(command.order, context, settings)
    if product.price is None:
        raise FieldErrors({"product": f"there is no product {command.product}"})
    draft.add(command.order, command.product, command.quantity, product.price)
    yield from draft.recorded


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many invoices there are; their numbers have no gaps, so this is the last one."""

    count: int = 0


def write_down(ledger: Ledger, event: OrderInvoiced) -> Ledger:  # noqa: ARG001 (that it happened is all)
    """Count an invoice."""
    return Ledger(ledger.count + 1)


ledgers = DecisionModel(write_down, initial=Ledger, tag=None)
"""All invoices: decisions that read it go one after another, which is what numbers without gaps cost."""


@ordering.decides(order=orders.one(lambda command: command.order), ledger=ledgers.whole())
def invoice_order(command: InvoiceOrder, order: OrderState, ledger: Ledger) -> Generator[OrderInvoiced, None, int]:
    """Give an order the next number."""
    billed = Order(order)
    if order.customer is None:
        raise no_order(command.order)
    billed.invoice(command.order, ledger.count + 1)
    yield from billed.recorded
    return ledger.count + 1
