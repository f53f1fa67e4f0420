"""A small shop as it was first written: its log is in golden/first.json, and new_shop.py reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from diptych import Command, Decider, Module, Scale, Tag, event

Order = Annotated[str, Tag("order")]
Product = Annotated[str, Tag("product")]
Money = Annotated[Decimal, Scale(2)]


@event("order.placed")
@dataclass(frozen=True, slots=True)
class Placed:
    order: Order
    buyer: str
    total: Money


@event("order.confirmed")
@dataclass(frozen=True, slots=True)
class Confirmed:
    order: Order
    paid: Money
    method: str


@event("order.noted")
@dataclass(frozen=True, slots=True)
class Noted:
    order: Order
    text: str


@event("stock.moved")
@dataclass(frozen=True, slots=True)
class Moved:
    product: Product
    by: int


@event("cart.viewed")
@dataclass(frozen=True, slots=True)
class Viewed:
    order: Order


@dataclass(frozen=True, slots=True)
class Place(Command[None]):
    order: Order
    buyer: str
    total: Money


@dataclass(frozen=True, slots=True)
class Confirm(Command[None]):
    order: Order
    paid: Money
    method: str


@dataclass(frozen=True, slots=True)
class Note(Command[None]):
    order: Order
    text: str


@dataclass(frozen=True, slots=True)
class Move(Command[None]):
    product: Product
    by: int


Sales = Placed | Confirmed | Noted | Viewed


def decide(command: Place | Confirm | Note, placed: bool) -> Iterator[Sales]:
    match command:
        case Place():
            yield Viewed(command.order)
            yield Placed(command.order, command.buyer, command.total)
        case Confirm():
            yield Confirmed(command.order, command.paid, command.method)
        case Note():
            yield Noted(command.order, command.text)


def evolve(placed: bool, event: Sales) -> bool:
    return True


def decide_move(command: Move, stock: int) -> Iterator[Moved]:
    yield Moved(command.product, command.by)


def evolve_stock(stock: int, event: Moved) -> int:
    return stock + event.by


shop = Module("shop")
shop.decider(Decider(decide, evolve, initial=bool))
shop.decider(Decider(decide_move, evolve_stock, initial=int))
