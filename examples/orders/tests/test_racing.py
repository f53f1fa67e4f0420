"""What must hold when many do the same at once, on either write model."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from diptych import Accepted, Refused
from orders.clerk import Clerk
from orders.commands import RegisterCustomer

TASKS = 16


async def test_of_many_who_want_one_address_one_gets_it(clerk: Clerk) -> None:
    commands = [RegisterCustomer(name=f"Ada {number}", email="ada@example.org") for number in range(TASKS)]

    results = await asyncio.gather(*(clerk.application.send(command, principal="staff") for command in commands))

    assert sum(isinstance(result, Accepted) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Refused)} == {"email-taken"}


async def test_many_who_add_to_one_order_all_succeed(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {})

    results = await asyncio.gather(*(clerk.orders.add_item(order, mug, 1) for _ in range(TASKS)))
    shown = await clerk.seeing(max(result.position or 0 for result in results)).get(order)

    assert all(result.is_success for result in results)
    assert shown is not None
    assert (len(shown.items), shown.total) == (TASKS, TASKS * Decimal("2.50"))


async def test_many_invoices_at_once_leave_no_gap(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    orders = [await clerk.placed(ada, {mug: 1}) for _ in range(TASKS)]

    results = await asyncio.gather(*(clerk.orders.invoice(order) for order in orders))

    assert sorted(result.unwrap() for result in results) == list(range(1, TASKS + 1))


async def test_of_many_who_saw_the_same_order_one_changes_it(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})
    seen = clerk.expecting(await clerk.application.head())

    results = await asyncio.gather(*(seen.add_item(order, mug, 1) for _ in range(TASKS)))

    assert sorted(result.status for result in results) == ["accepted", *["conflict"] * (TASKS - 1)]


async def test_one_command_delivered_many_times_at_once_takes_effect_once(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {})

    results = await asyncio.gather(*(clerk.keyed("once").add_item(order, mug, 1) for _ in range(TASKS)))
    shown = await clerk.seeing(results[0]).get(order)

    assert len({(result.status, result.position) for result in results}) == 1
    assert shown is not None
    assert len(shown.items) == 1
