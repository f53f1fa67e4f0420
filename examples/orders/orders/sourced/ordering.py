"""Ordering, event-sourced, where an order alone does not know enough: products, customers and invoices count too.

What an order decides by itself stands in the aggregate.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from uuid import UUID

from diptych import Context, DecisionModel, FieldErrors, Repository, model_of
from orders.commands import AddItem, CreateOrder, InvoiceOrder, SetShippingAddress
from orders.events import ItemAdded, OrderCreated, OrderInvoiced
from orders.rules import no_order, refuse_stranger, refuse_taken_id, refuse_unknown
from orders.settings import OrderSettings
from orders.sourced.order import Order, OrderState
from orders.sourced.parties import Known, Offer, Product, customers, sourced

sourced.aggregate(Order)

orders, offers = model_of(Order), model_of(Product)


@sourced.decides(
    order=orders.one(lambda command: command.order),
    customer=customers.one(lambda command: command.customer),
    products=offers.of(lambda command: [item.product for item in command.items]),
)
def create_order(  # noqa: PLR0917 (what the decision reads, one parameter each)
    command: CreateOrder,
    order: OrderState,
    customer: Known,
    products: Mapping[UUID, Offer],
    context: Context,
    settings: OrderSettings,
) -> Generator[OrderCreated | ItemAdded, None, UUID]:
    """Begin a draft with its first items."""
    refuse_stranger(settings, context.principal, command.customer)
    refuse_taken_id("order", command.order, taken=order.customer is not None)
    prices = {product: offer.price for product, offer in products.items() if offer.price is not None}
    refuse_unknown(command.customer, known=customer.known, items=command.items, products=prices.keys())
    draft, billing = Order(order), command.billing or command.shipping
    draft.record(OrderCreated(command.order, command.customer, command.shipping, billing, command.payment))
    for item in command.items:
        draft.add(command.order, item.product, item.quantity, prices[item.product])
    yield from draft.recorded
    return command.order


@sourced.decides(order=orders.one(lambda command: command.order), product=offers.one(lambda command: command.product))
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


@sourced.command
async def redirect(
    command: SetShippingAddress, context: Context, settings: OrderSettings, orders: Repository[Order]
) -> None:
    """Send the order elsewhere: it is loaded, told where, and saved when this returns."""
    order = await orders.get(command.order)
    order.owned(command.order, context, settings)
    order.redirect(command.order, command.address)


@dataclass(frozen=True, slots=True)
class Ledger:
    """How many invoices there are; their numbers have no gaps, so this is the last one."""

    count: int = 0


def write_down(ledger: Ledger, event: OrderInvoiced) -> Ledger:  # noqa: ARG001 (that it happened is all)
    """Count an invoice."""
    return Ledger(ledger.count + 1)


ledgers = DecisionModel(write_down, initial=Ledger, tag=None)
"""All invoices: decisions that read it go one after another, which is what numbers without gaps cost."""


@sourced.decides(order=orders.one(lambda command: command.order), ledger=ledgers.whole())
def invoice_order(command: InvoiceOrder, order: OrderState, ledger: Ledger) -> Generator[OrderInvoiced, None, int]:
    """Give an order the next number."""
    billed = Order(order)
    if order.customer is None:
        raise no_order(command.order)
    billed.invoice(command.order, ledger.count + 1)
    yield from billed.recorded
    return ledger.count + 1
