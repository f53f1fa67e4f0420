"""A small domain for tests of aggregates: orders, as a class that handles commands, and by handlers that load it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from diptych.errors import Refusal
from diptych.model.aggregates import Aggregate
from diptych.model.marks import NEW, Bounds, Generated, Scale, Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.model.methods import evolves, handles
from diptych.model.results import Refused
from diptych.model.rows import change
from diptych.module import Module
from diptych.write.repository import Repository

OrderId = Annotated[UUID, Tag("order")]
Money = Annotated[Decimal, Scale(2, ge=0)]


class AlreadyPlaced(Refusal):
    """A placed order does not change."""


class Empty(Refusal):
    """There is nothing in it."""


@event("order.opened")
@dataclass(frozen=True, slots=True)
class OrderOpened:
    order: OrderId
    customer: str


@event("order.item_added")
@dataclass(frozen=True, slots=True)
class ItemAdded:
    order: OrderId
    product: str
    price: Money


@event("order.placed")
@dataclass(frozen=True, slots=True)
class OrderPlaced:
    order: OrderId
    total: Money
    by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenOrder(Command[UUID]):
    customer: str
    order: Annotated[OrderId, Generated] = NEW


@dataclass(frozen=True, slots=True)
class AddItem(Command[int]):
    order: OrderId
    product: str
    price: Money


@dataclass(frozen=True, slots=True)
class PlaceOrder(Command[None]):
    order: OrderId


@dataclass(frozen=True, slots=True)
class ReorderAll(Command[int]):
    """Open an order like another one, by a handler that loads one and adds one."""

    order: OrderId
    again: OrderId


@dataclass(frozen=True, slots=True)
class MergeOrders(Command[None]):
    """Move the items of the second order into the first."""

    order: OrderId
    other: Annotated[UUID, Bounds()]


@dataclass(frozen=True, slots=True)
class State:
    customer: str | None = None
    items: tuple[tuple[str, Decimal], ...] = ()
    placed: bool = False


class Order(Aggregate[State], tag="order"):
    """An order is open until it is placed."""

    @handles
    def open(self, command: OpenOrder) -> UUID:
        if self.state.customer is None:
            self.record(OrderOpened(command.order, command.customer))
        return command.order

    @handles
    def add(self, command: AddItem) -> int:
        self.put(command.order, command.product, command.price)
        return len(self.state.items)

    @handles
    def place(self, command: PlaceOrder, context: Context) -> None:
        if not self.state.items:
            raise Empty
        if not self.state.placed:
            self.record(
                OrderPlaced(command.order, sum((price for _, price in self.state.items), Decimal()), context.principal)
            )

    def put(self, order: UUID, product: str, price: Decimal) -> None:
        if self.state.placed:
            raise AlreadyPlaced
        self.record(ItemAdded(order, product, price))

    @evolves
    def _opened(self, event: OrderOpened) -> State:
        return change(self.state, customer=event.customer)

    @evolves
    def _filled(self, event: ItemAdded) -> State:
        return change(self.state, items=(*self.state.items, (event.product, event.price)))

    @evolves
    def _placed(self, _: OrderPlaced) -> State:
        return change(self.state, placed=True)


@dataclass
class Seen:
    """What the handlers saw: they run once each."""

    orders: list[UUID] = field(default_factory=list)


shop = Module("shop")
shop.aggregate(Order)


@shop.command
async def reorder(command: ReorderAll, orders: Repository[Order], seen: Seen) -> int | Refused:
    seen.orders.append(command.order)
    old = await orders.get(command.order)
    if not old.state.items:
        return Refused("empty", "there is nothing to order again")
    new = Order()
    new.record(OrderOpened(command.again, old.state.customer or ""))
    orders.add(new)
    for product, price in old.state.items:
        new.put(command.again, product, price)
    return len(new.state.items)


@shop.command
async def merge(command: MergeOrders, orders: Repository[Order]) -> None:
    into, other = await orders.get(command.order), await orders.get(command.other)
    if into is other:
        return
    for product, price in other.state.items:
        into.put(command.order, product, price)
    other.record(OrderPlaced(command.other, Decimal(), "merged"))
