"""What is measured: orders with lines. Ten events of one tag make an order; a command adds a line to one."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated

import msgspec

from diptych import Command, Decider, Module, Projection, Query, Refusal, Rows, Tag, event

OrderId = Annotated[int, Tag("order")]
LINES = 9
EVENTS = LINES + 1


@event("order.placed")
class OrderPlaced(msgspec.Struct, frozen=True, gc=False):
    """An order was placed."""

    order: OrderId
    customer: str


@event("order.line_added")
class LineAdded(msgspec.Struct, frozen=True, gc=False):
    """A line was added to an order."""

    order: OrderId
    product: str
    quantity: int
    price: int


class AddLine(msgspec.Struct, Command[int], frozen=True):
    """Add a line to an order."""

    order: OrderId
    product: str
    quantity: int
    price: int


class CloseOrder(msgspec.Struct, Command[None], frozen=True):
    """Ask for what is always refused, so that only loading and folding are measured."""

    order: OrderId


class Order(msgspec.Struct, frozen=True, gc=False):
    """What a decision must know of an order."""

    placed: bool = False
    lines: int = 0
    total: int = 0


class StillOpen(Refusal):
    """Say no."""


def evolve(order: Order, event: OrderPlaced | LineAdded) -> Order:
    """Fold an order's events."""
    if type(event) is LineAdded:
        return Order(order.placed, order.lines + 1, order.total + event.quantity * event.price)
    return Order(placed=True)


def decide(command: AddLine | CloseOrder, order: Order) -> Generator[LineAdded, None, int]:
    """Decide on an order."""
    if type(command) is AddLine and order.placed:
        yield LineAdded(command.order, command.product, command.quantity, command.price)
        return order.lines + 1
    raise StillOpen(lines=order.lines)


class OrderView(msgspec.Struct, frozen=True, gc=False):
    """A row of eight fields for each order."""

    order: int
    customer: str
    lines: int
    units: int
    total: int
    last_product: str
    largest: int
    is_big: bool


class GetOrder(msgspec.Struct, Query[OrderView | None], frozen=True):
    """Ask for an order."""

    order: int


orders = Module("orders")
orders.decider(Decider(decide, evolve, initial=Order))

listing = Projection("listing")
views = listing.read_model(OrderView, key="order")


@views.on
def placed(_: OrderView | None, event: OrderPlaced) -> OrderView:
    """Begin the row of an order."""
    return OrderView(event.order, event.customer, 0, 0, 0, "", 0, is_big=False)


@views.on
def line_added(row: OrderView, event: LineAdded) -> OrderView:
    """Add a line to the row of its order."""
    amount = event.quantity * event.price
    total = row.total + amount
    return OrderView(
        row.order,
        row.customer,
        row.lines + 1,
        row.units + event.quantity,
        total,
        event.product,
        max(row.largest, amount),
        total > 100_000,
    )


questions = Module("questions")


@questions.query
async def get_order(query: GetOrder, rows: Rows[OrderView]) -> OrderView | None:
    """Return the row of an order."""
    return await rows.get(query.order)


def line_for(order: int) -> AddLine:
    """Return a command for an order."""
    return AddLine(order, f"P{order % 997:05d}", 1 + order % 7, 100 + order % 1900)


SEEN = (questions, listing)
"""What an application has beside `orders` when its read model is measured, too."""
