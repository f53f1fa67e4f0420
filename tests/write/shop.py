"""A normalised shop for the tests of units of work: orders and their items in tables, and events of them in the log."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Never
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from diptych.application import Application
from diptych.errors import Refusal
from diptych.model.criteria import Criteria
from diptych.model.decisions import Decider
from diptych.model.marks import Bounds, Tag
from diptych.model.messages import Command, event
from diptych.module import Module
from diptych.write.units import UnitOfWork

OrderId = Annotated[UUID, Tag("order")]


class Base(DeclarativeBase):
    pass


class OrderRow(Base):
    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    items: Mapped[int] = mapped_column(default=0)


class ItemRow(Base):
    __tablename__ = "order_items"

    order: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[str]


@event("order.created")
@dataclass(frozen=True, slots=True)
class OrderCreated:
    order: OrderId


@event("order.item_added")
@dataclass(frozen=True, slots=True)
class ItemAdded:
    order: OrderId
    number: int
    product: str


@dataclass(frozen=True, slots=True)
class CreateOrder(Command[UUID]):
    order: OrderId


@dataclass(frozen=True, slots=True)
class AddItem(Command[int]):
    order: OrderId
    product: str


@dataclass(frozen=True, slots=True)
class Count(Command[int]):
    """Add one item to the count of an order, which was read in the turn, or else before it."""

    order: OrderId
    in_turn: bool


@dataclass(frozen=True, slots=True)
class Tidy(Command[int]):
    """Delete the orders without items."""


@dataclass(frozen=True, slots=True)
class Hold(Command[None]):
    """Hold the turn for some seconds."""

    seconds: Annotated[float, Bounds(ge=0)]


@dataclass(frozen=True, slots=True)
class Forward(Command[None]):
    """Send another command while holding the turn, which nobody should."""

    order: OrderId


@dataclass(frozen=True, slots=True)
class Note(Command[None]):
    """Be an ordinary command, decided without tables."""

    order: OrderId


@event("order.noted")
@dataclass(frozen=True, slots=True)
class Noted:
    order: OrderId


class TooManyItems(Refusal):
    """An order has three items at most."""


class Outside:
    """What a handler does beside its unit of work: each step can be made to wait, or to fail."""

    def __init__(self) -> None:
        self.calls = 0
        self.failure: Exception | None = None
        self.app: Application | None = None

    def call(self) -> None:
        self.calls += 1
        if self.failure is not None:
            raise self.failure


orders = Module("orders", tables=Base.metadata)
notes = Module("notes")


@orders.command
async def create(command: CreateOrder, work: UnitOfWork[OrderCreated], outside: Outside) -> UUID:
    work.session.add(OrderRow(id=command.order))
    work.record(OrderCreated(command.order))
    await work.session.flush()
    outside.call()
    return command.order


@orders.command
async def add_item(command: AddItem, work: UnitOfWork[ItemAdded], outside: Outside) -> int:
    work.expect(Criteria.tagged(f"order:{command.order}"))
    order = await work.session.get_one(OrderRow, command.order)
    outside.call()
    order.items += 1
    if order.items > 3:
        raise TooManyItems("an order has three items at most", items=3)
    work.session.add(ItemRow(order=order.id, number=order.items, product=command.product))
    await work.session.flush()
    work.record(ItemAdded(order.id, order.items, command.product))
    return order.items


@orders.command
async def count(command: Count, work: UnitOfWork[ItemAdded]) -> int:
    if command.in_turn:
        await work.begin()
    order = await work.session.get_one(OrderRow, command.order)
    order.items += 1
    work.session.add(ItemRow(order=order.id, number=order.items, product="counted"))
    work.record(ItemAdded(order.id, order.items, "counted"))
    return order.items


@orders.command
async def tidy(command: Tidy, work: UnitOfWork[Never]) -> int:
    await work.begin()
    empty = (await work.session.scalars(sa.select(OrderRow).where(OrderRow.items == 0))).all()
    for order in empty:
        await work.session.delete(order)
    return len(empty)


@orders.command
async def hold(command: Hold, work: UnitOfWork[Never]) -> None:
    await work.begin()
    await asyncio.sleep(command.seconds)  # what holds a turn: a slow statement, a call to somebody


@orders.command
async def forward(command: Forward, work: UnitOfWork[Never], outside: Outside) -> None:
    await work.begin()
    assert outside.app is not None
    await outside.app.send(Note(command.order))


def decide_note(command: Note, noted: int) -> list[Noted]:
    return [Noted(command.order)]


def count_notes(noted: int, _: Noted) -> int:
    return noted + 1


notes.decider(Decider(decide_note, count_notes, initial=int))


def shop(place: Path | str, outside: Outside | None = None, **settings: Any) -> Application:
    """Build the shop over the files of a folder, or over the log of a URL."""
    events = place if isinstance(place, str) else f"sqlite:///{place}/shop.db"
    return Application(orders, notes, events=events, provide=[outside or Outside()], **settings)
