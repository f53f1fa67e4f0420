"""The aggregate: an order as its own events make it, and what it says to commands."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from diptych import Aggregate, Context, change, evolves, handles
from orders.commands import PlaceOrder, UpdateStatus
from orders.events import ItemAdded, OrderCreated, OrderInvoiced, OrderPlaced, ShippingAddressSet, StatusUpdated
from orders.rules import (
    no_order,
    refuse_change,
    refuse_empty,
    refuse_invoice,
    refuse_more,
    refuse_redirect,
    refuse_step,
    refuse_stranger,
)
from orders.settings import OrderSettings
from orders.values import ZERO, Address, Status


@dataclass(frozen=True, slots=True)
class OrderState:
    """What an order must know of itself to decide; `customer` is None for one that was never created."""

    customer: UUID | None = None
    status: Status = "draft"
    items: int = 0
    total: Decimal = ZERO
    invoice: int | None = None


class Order(Aggregate[OrderState], tag="order"):
    """Decide on one order, and fold its events."""

    @handles
    def place(self, command: PlaceOrder, context: Context, settings: OrderSettings) -> None:
        """Make the draft an order."""
        customer, state = self.owned(command.order, context, settings), self.state
        refuse_change(command.order, state.status)
        refuse_empty(command.order, state.items)
        self.record(OrderPlaced(command.order, customer, state.items, state.total))

    @handles
    def update_status(self, command: UpdateStatus, context: Context, settings: OrderSettings) -> None:
        """Move the order on."""
        self.owned(command.order, context, settings)
        before = self.state.status
        refuse_step(command.order, before, command.status, by_staff=settings.is_staff(context.principal))
        self.record(StatusUpdated(command.order, before, command.status, command.reason))

    def add(self, order: UUID, product: UUID, quantity: int, price: Decimal) -> None:
        """Add so many of a product to the draft."""
        refuse_change(order, self.state.status)
        refuse_more(order, self.state.items)
        self.record(ItemAdded(order, product, quantity, price))

    def redirect(self, order: UUID, address: Address) -> None:
        """Send the order elsewhere."""
        refuse_redirect(order, self.state.status)
        self.record(ShippingAddressSet(order, address))

    def invoice(self, order: UUID, number: int) -> None:
        """Give the order the number of its invoice."""
        refuse_invoice(order, self.state.status, self.state.invoice)
        self.record(OrderInvoiced(order, number))

    def owned(self, order: UUID, context: Context, settings: OrderSettings) -> UUID:
        """Return whose order it is; raise Missing where there is none, NotAllowed where it is none of theirs."""
        customer = self.state.customer
        if customer is None:
            raise no_order(order)
        refuse_stranger(settings, context.principal, customer)
        return customer

    @evolves
    def _created(self, event: OrderCreated) -> OrderState:
        return OrderState(customer=event.customer)

    @evolves
    def _added(self, event: ItemAdded) -> OrderState:
        return change(self.state, items=self.state.items + 1, total=self.state.total + event.amount)

    @evolves
    def _redirected(self, event: ShippingAddressSet) -> OrderState:  # noqa: ARG002 (no decision reads it)
        return self.state

    @evolves
    def _placed(self, event: OrderPlaced) -> OrderState:  # noqa: ARG002 (that it happened is all)
        return change(self.state, status="placed")

    @evolves
    def _moved(self, event: StatusUpdated) -> OrderState:
        return change(self.state, status=event.status)

    @evolves
    def _invoiced(self, event: OrderInvoiced) -> OrderState:
        return change(self.state, invoice=event.number)
