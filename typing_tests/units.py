"""Units of work keep their types: what they record, and the session that they lend."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Never, assert_type

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from diptych import Application, Command, Criteria, Module, Result, Tag, UnitOfWork, event

OrderId = Annotated[str, Tag("order")]


class OrmBase(DeclarativeBase):
    pass


class OrderRow(OrmBase):
    __tablename__ = "orders"
    id: Mapped[str] = mapped_column(primary_key=True)


@event("order.created")
@dataclass(frozen=True, slots=True)
class OrderCreated:
    order: OrderId


@event("order.paid")
@dataclass(frozen=True, slots=True)
class OrderPaid:
    order: OrderId


@event("order.lost")
@dataclass(frozen=True, slots=True)
class OrderLost:
    order: OrderId


@dataclass(frozen=True, slots=True)
class Create(Command[str]):
    order: OrderId


@dataclass(frozen=True, slots=True)
class Tidy(Command[None]):
    order: OrderId


orders = Module("orders", tables=OrmBase.metadata)


@orders.command
async def create(command: Create, work: UnitOfWork[OrderCreated | OrderPaid]) -> str:
    assert_type(work.session, AsyncSession)
    assert_type(await work.session.get(OrderRow, command.order), OrderRow | None)
    assert_type(await work.begin(), None)
    work.expect(Criteria.tagged(f"order:{command.order}"))
    work.record(OrderCreated(command.order), OrderPaid(command.order))
    work.record(OrderLost(command.order))  # type: ignore[arg-type]
    return command.order


@orders.command
async def tidy(command: Tidy, work: UnitOfWork[Never]) -> None:
    work.record(OrderLost(command.order))  # type: ignore[arg-type]


async def send() -> None:
    async with Application(orders, events="sqlite:///orders.db", uow_limit=1.5) as app:
        assert_type(await app.send(Create("a1")), Result[str])
