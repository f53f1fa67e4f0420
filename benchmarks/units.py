"""A unit of work beside SQLAlchemy alone: one row of the user, and with it an event and the command's record."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from benchmarks.logs import Logs
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second
from diptych import Application, Command, Module, Tag, UnitOfWork, event

_BESIDE = "SQLAlchemy's AsyncSession over aiosqlite, one row per commit"
OrderId = Annotated[int, Tag("order")]


class Tables(DeclarativeBase):
    """The tables of the user."""


class OrderRow(Tables):
    """An order as a table keeps it."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]


@event("order.made")
class OrderMade(msgspec.Struct, frozen=True, gc=False):
    """An order was made."""

    order: OrderId
    customer: str


class MakeOrder(msgspec.Struct, Command[None], frozen=True):
    """Make an order."""

    order: OrderId
    customer: str


orders = Module("orders", tables=Tables.metadata)


@orders.command
async def make(command: MakeOrder, work: UnitOfWork[OrderMade]) -> None:
    """Write the row and say so."""
    work.session.add(OrderRow(id=command.order, customer=command.customer))
    work.record(OrderMade(command.order, command.customer))


async def units(size: Size, logs: Logs) -> list[Row]:
    """Measure units of work of 1 and 16 tasks."""
    count = size.of(1_500)
    sides = {
        "raw": partial(_raw, logs.folder, count),
        "1 task": partial(_ours, logs.folder, count, 1),
        "16 tasks": partial(_ours, logs.folder, count, 16),
    }
    found = await interleaved(sides, size.rounds)
    goal = {"1 task": Goal(">=", 0.5)}
    return [
        Row("units", f"unit of work, SQLite, {name}", "commands/s", found[name], found["raw"], _BESIDE, goal.get(name))
        for name in sides
        if name != "raw"
    ]


async def _raw(folder: Path, count: int) -> float:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/units-raw.db")
    sa.event.listen(engine.sync_engine, "connect", _durable)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Tables.metadata.create_all)
        started = perf_counter()
        for number in range(count):
            await _one_row(engine, number)
        return per_second(count, started)
    finally:
        await engine.dispose()
        _drop(folder, "units-raw.db")


async def _one_row(engine: AsyncEngine, number: int) -> None:
    async with AsyncSession(engine) as session:
        session.add(OrderRow(id=number, customer="ada"))
        await session.commit()


def _durable(connection: sa.engine.interfaces.DBAPIConnection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("pragma journal_mode = wal")
    cursor.execute("pragma synchronous = full")
    cursor.close()


async def _ours(folder: Path, count: int, tasks: int) -> float:
    try:
        async with Application(orders, events=f"sqlite:///{folder}/units.db", reads="memory://") as app:
            started = perf_counter()
            await asyncio.gather(*[_send(app, range(task, count, tasks)) for task in range(tasks)])
            rate = per_second(count, started)
            assert await app.head() == count, "an acknowledged command is not in the log"
        return rate
    finally:
        _drop(folder, "units")


async def _send(app: Application, numbers: range) -> None:
    for number in numbers:
        (await app.send(MakeOrder(number, "ada"))).unwrap()


def _drop(folder: Path, name: str) -> None:
    for path in folder.glob(f"{name}*"):
        path.unlink()
