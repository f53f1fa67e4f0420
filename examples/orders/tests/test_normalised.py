"""The tables of the normalised write model: they say what the log says, and are committed with it or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from diptych import Application, Command, Conflict, Module, Projection, UnitOfWork
from diptych.testing import FixedClock
from orders.app import QUERIES, READ_MODELS, WRITE_MODELS, build
from orders.clerk import WORK, Clerk
from orders.events import CustomerRegistered
from orders.normalised.tables import CustomerRow
from orders.place import Place, log_at
from orders.queries.orders import SearchOrders
from orders.settings import OrderSettings
from orders.values import Step

SETTINGS, IDA = OrderSettings("normalised"), UUID(int=9)


@pytest.fixture
async def clerk(home: Place) -> AsyncIterator[Clerk]:
    """Return a clerk of an application over tables."""
    async with build(home, SETTINGS, clock=FixedClock()) as application:
        yield Clerk(application)


async def rows(home: Place, select: str) -> list[tuple[Any, ...]]:
    """Return rows of the tables, read by somebody who knows nothing of Diptych; ids as SQLite keeps them, in hex."""
    if isinstance(home, Path):
        with closing(sqlite3.connect(home / "orders.db")) as file:
            return file.execute(select).fetchall()
    connection = await asyncpg.connect(home)
    try:
        found = await connection.fetch(select)
        return [tuple(each.hex if isinstance(each, UUID) else each for each in row) for row in found]
    finally:
        await connection.close()


async def test_an_order_is_a_row_with_items_and_addresses(clerk: Clerk, home: Place) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.placed(ada, {mug: 3}, "paid")

    assert await rows(home, "select id, customer, status, payment from orders") == [
        (order.hex, ada.hex, "paid", "card")
    ]
    assert await rows(home, "select number, product, quantity, price from order_items") == [(1, mug.hex, 3, 250)]
    assert await rows(home, "select use, city from order_addresses order by use") == [
        ("billing", "London"),
        ("shipping", "London"),
    ]


async def test_every_change_is_the_next_version_of_the_order(clerk: Clerk, home: Place) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})
    versions = await rows(home, "select version from orders")

    for change in (clerk.orders.add_item(order, mug, 1), clerk.orders.redirect(order, WORK), clerk.orders.place(order)):
        (await change).unwrap()
        versions += await rows(home, "select version from orders")

    assert versions == [(1,), (2,), (3,), (4,)]


async def test_what_is_refused_leaves_neither_rows_nor_events(clerk: Clerk, home: Place) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order, head = await clerk.placed(ada, {mug: 1}), await clerk.application.head()

    refused = [
        await clerk.orders.add_item(order, mug, 1),
        await clerk.orders.update_status(order, "delivered"),
        await clerk.expecting(1).redirect(order, WORK),
    ]

    assert [result.status for result in refused] == ["refused", "refused", "conflict"]
    assert isinstance(refused[2], Conflict)
    assert await clerk.application.head() == head
    assert await rows(home, "select count(*) from order_items") == [(1,)]
    assert await rows(home, "select distinct city from order_addresses") == [("London",)]


@dataclass(frozen=True, slots=True)
class RegisterAndFail(Command[None]):
    """Write a customer, and then fail."""


failing = Module("failing")


@failing.command
async def register_and_fail(command: RegisterAndFail, work: UnitOfWork[CustomerRegistered]) -> None:
    """Write a row, so that the turn is taken, record the event, and raise."""
    work.session.add(CustomerRow(id=IDA, name="Ida", email="ida@example.org", address="ida@example.org"))
    await work.session.flush()
    work.record(CustomerRegistered(IDA, "Ida", "ida@example.org"))
    raise RuntimeError("a bug")


async def test_a_bug_behind_the_flush_leaves_neither_row_nor_event(home: Place) -> None:
    parts: tuple[Module | Projection, ...] = (*WRITE_MODELS["normalised"], failing, *QUERIES, *READ_MODELS)
    async with Application(*parts, events=log_at(home), provide=[SETTINGS]) as application:
        clerk = Clerk(application)
        await clerk.customer("Ada")

        with pytest.raises(RuntimeError, match="a bug"):
            await application.send(RegisterAndFail(), principal="staff")
        await clerk.customer("Ida")

        assert await application.head() == 2
    assert [name for (name,) in await rows(home, "select name from customers order by name")] == ["Ada", "Ida"]


async def test_tables_and_read_models_say_the_same(clerk: Clerk, home: Place) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    lives: tuple[tuple[Step, ...], ...] = ((), ("paid",), ("cancelled",), ("paid", "shipped", "delivered"))
    for count, steps in enumerate(lives, start=1):
        await clerk.placed(ada, {mug: count}, *steps)
    await clerk.draft(ada, {})
    await clerk.application.caught_up()

    shown = await clerk.orders.find(SearchOrders(size=100))
    total = 'coalesce((select sum(quantity * price) from order_items where "order" = id), 0)'
    stored = await rows(home, f"select id, status, {total} from orders")  # noqa: S608 (all of it is ours)

    assert sorted((row.order.hex, row.status, int(row.total * 100)) for row in shown) == sorted(stored)
