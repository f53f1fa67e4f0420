"""Orders that are placed, paid, refunded, shipped and cancelled: a decider that is right, for tests that break it."""

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, assert_never
from uuid import UUID

from diptych.errors import Missing, Refusal
from diptych.model.decisions import Decider
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Scale, Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context

OrderId = Annotated[UUID, Tag("order")]
Product = Annotated[str, NotBlank]
Quantity = Annotated[int, Bounds(gt=0, le=100)]
Price = Annotated[Decimal, Scale(2, gt=0, le=10_000)]
Money = Annotated[Decimal, Scale(2, ge=0)]


class Closed(Refusal):
    """The order was shipped or cancelled."""


class TooMuch(Refusal):
    """More is asked for than there is."""


class Unpaid(Refusal):
    """The order is not paid in full."""


class OtherPrice(Refusal):
    """The product has another price in this order already."""


@dataclass(frozen=True, slots=True)
class Line:
    product: Product
    quantity: Quantity
    price: Price


@event("order.placed")
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: OrderId
    lines: tuple[Line, ...]


@event("order.line_added")
@dataclass(frozen=True, slots=True)
class LineAdded:
    order: OrderId
    line: Line


@event("order.line_reduced")
@dataclass(frozen=True, slots=True)
class LineReduced:
    order: OrderId
    product: Product
    quantity: Quantity


@event("order.paid")
@dataclass(frozen=True, slots=True)
class Paid:
    order: OrderId
    amount: Money
    due: Money


@event("order.refunded")
@dataclass(frozen=True, slots=True)
class Refunded:
    order: OrderId
    amount: Money


@event("order.shipped")
@dataclass(frozen=True, slots=True)
class Shipped:
    order: OrderId
    parcel: UUID
    at: datetime


@event("order.cancelled")
@dataclass(frozen=True, slots=True)
class Cancelled:
    order: OrderId
    refunded: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Command[UUID]):
    order: Annotated[OrderId, Generated] = NEW
    lines: Annotated[tuple[Line, ...], Bounds(min_length=1)]


@dataclass(frozen=True, slots=True)
class AddLine(Command[None]):
    order: OrderId
    line: Line


@dataclass(frozen=True, slots=True)
class ReduceLine(Command[None]):
    order: OrderId
    product: Product
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Pay(Command[None]):
    order: OrderId
    amount: Price


@dataclass(frozen=True, slots=True)
class Refund(Command[None]):
    order: OrderId
    amount: Price


@dataclass(frozen=True, slots=True)
class Ship(Command[None]):
    order: OrderId


@dataclass(frozen=True, slots=True)
class Cancel(Command[None]):
    order: OrderId


OrderCommand = PlaceOrder | AddLine | ReduceLine | Pay | Refund | Ship | Cancel
OrderEvent = OrderPlaced | LineAdded | LineReduced | Paid | Refunded | Shipped | Cancelled


@dataclass(frozen=True, slots=True)
class Order:
    placed: bool = False
    lines: Mapping[str, Line] = field(default_factory=dict)
    paid: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    shipped: bool = False
    cancelled: bool = False

    @property
    def total(self) -> Decimal:
        return sum((line.quantity * line.price for line in self.lines.values()), Decimal(0))

    @property
    def due(self) -> Decimal:
        return self.total - self.paid + self.refunded


def decide(  # noqa: C901, PLR0912 (one case for each command)
    command: OrderCommand, order: Order, context: Context
) -> Generator[OrderEvent, None, UUID | None]:
    if isinstance(command, PlaceOrder):
        refuse_other_prices({}, command.lines)
        if not order.placed:
            yield OrderPlaced(command.order, command.lines)
        return command.order
    if not order.placed:
        raise Missing(f"there is no order {command.order}")
    if order.cancelled:
        raise Closed("the order is cancelled")
    match command:
        case AddLine(line=line):
            refuse_shipped(order)
            refuse_other_prices(order.lines, (line,))
            yield LineAdded(command.order, line)
        case ReduceLine(product=product, quantity=quantity):
            refuse_shipped(order)
            line = order.lines.get(product)
            if line is None or quantity > line.quantity:
                raise TooMuch(f"no {quantity} of {product}")
            if quantity * line.price > order.due:
                raise TooMuch("that is paid for")
            yield LineReduced(command.order, product, quantity)
        case Pay(amount=amount):
            if amount > order.due:
                raise TooMuch(f"{order.due} due, {amount} offered")
            yield Paid(command.order, amount, order.due - amount)
        case Refund(amount=amount):
            if amount > order.paid - order.refunded:
                raise TooMuch("more than was paid")
            yield Refunded(command.order, amount)
        case Ship():
            refuse_shipped(order)
            if order.due > 0:
                raise Unpaid(f"{order.due} due")
            yield Shipped(command.order, context.command_id, context.now)
        case Cancel():
            refuse_shipped(order)
            yield Cancelled(command.order, order.paid - order.refunded)
        case _:
            assert_never(command)
    return None


def refuse_shipped(order: Order) -> None:
    if order.shipped:
        raise Closed("the order is shipped")


def refuse_other_prices(lines: Mapping[str, Line], added: Iterable[Line]) -> None:
    known = {product: line.price for product, line in lines.items()}
    for line in added:
        if known.setdefault(line.product, line.price) != line.price:
            raise OtherPrice(f"{line.product} costs {known[line.product]}")


def evolve(order: Order, happened: OrderEvent) -> Order:
    match happened:
        case OrderPlaced(lines=lines):
            return replace(order, placed=True, lines=merged({}, lines))
        case LineAdded(line=line):
            return replace(order, lines=merged(order.lines, (line,)))
        case LineReduced(product=product, quantity=quantity):
            line = order.lines[product]
            rest = {name: each for name, each in order.lines.items() if name != product}
            if quantity < line.quantity:
                rest[product] = replace(line, quantity=line.quantity - quantity)
            return replace(order, lines=rest)
        case Paid(amount=amount):
            return replace(order, paid=order.paid + amount)
        case Refunded(amount=amount):
            return replace(order, refunded=order.refunded + amount)
        case Shipped():
            return replace(order, shipped=True)
        case Cancelled(refunded=amount):
            return replace(order, cancelled=True, refunded=order.refunded + amount)
        case _:
            assert_never(happened)


def merged(lines: Mapping[str, Line], added: Iterable[Line]) -> Mapping[str, Line]:
    found = dict(lines)
    for line in added:
        held = found[line.product].quantity if line.product in found else 0
        found[line.product] = replace(line, quantity=held + line.quantity)
    return found


orders = Decider(decide, evolve, initial=Order)


def lines_hold_something(order: Order) -> bool:
    return all(line.quantity > 0 for line in order.lines.values())


def nobody_pays_more_than_the_total(order: Order) -> None:
    assert order.cancelled or order.paid - order.refunded <= order.total, f"{order.paid} paid of {order.total}"


def nobody_gets_back_more_than_was_paid(order: Order) -> bool:
    return 0 <= order.refunded <= order.paid


def cancelled_orders_keep_no_money(order: Order) -> bool:
    return not order.cancelled or order.refunded == order.paid


def lines_are_those_of_the_events(order: Order, events: tuple[OrderEvent, ...]) -> bool:
    worth = Decimal(0)
    for each in events:
        added = each.lines if isinstance(each, OrderPlaced) else (each.line,) if isinstance(each, LineAdded) else ()
        worth += sum(line.quantity * line.price for line in added)
    taken = any(isinstance(each, LineReduced) for each in events)
    return order.total < worth if taken else order.total == worth


def money_is_that_of_the_events(order: Order, events: tuple[OrderEvent, ...]) -> None:
    assert order.paid == sum(each.amount for each in events if isinstance(each, Paid))
    back = sum(each.amount for each in events if isinstance(each, Refunded))
    assert order.refunded == back + sum(each.refunded for each in events if isinstance(each, Cancelled))


def what_is_shipped_is_paid(before: Order, command: Ship, events: tuple[OrderEvent, ...], after: Order) -> bool:
    return before.paid - before.refunded == before.total and after.shipped


def closed_orders_stay_as_they_are(
    before: Order, command: OrderCommand, events: tuple[OrderEvent, ...], after: Order
) -> bool:
    if before.cancelled:
        return not events
    return not before.shipped or after.lines == before.lines


def a_reduction_takes_what_it_says(
    before: Order, command: ReduceLine, events: tuple[OrderEvent, ...], after: Order
) -> bool:
    return before.total - after.total == before.lines[command.product].price * command.quantity


INVARIANTS = (
    lines_hold_something,
    nobody_pays_more_than_the_total,
    nobody_gets_back_more_than_was_paid,
    cancelled_orders_keep_no_money,
    lines_are_those_of_the_events,
    money_is_that_of_the_events,
    what_is_shipped_is_paid,
    closed_orders_stay_as_they_are,
    a_reduction_takes_what_it_says,
)
