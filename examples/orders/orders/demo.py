"""The demo: a few orders, and one command traced from who sent it to the rows that it changed."""

from __future__ import annotations

import tempfile
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.table import Table

from diptych import Accepted
from diptych.cli.tracing import show_trace
from orders.app import build
from orders.clerk import Clerk
from orders.place import Place, shown
from orders.queries.customers import ListSegment
from orders.queries.products import ListPopularProducts
from orders.settings import OrderSettings


async def show(data: Place | None, settings: OrderSettings) -> None:
    """Run the demo over a place, or over a folder that is gone afterwards."""
    if data is None:
        with tempfile.TemporaryDirectory(prefix="orders-") as folder:
            await show(Path(folder), settings)
        return
    async with build(data, settings, subscribers="run") as application:
        clerk, console = Clerk(application, next(iter(sorted(settings.staff)), "staff")), Console()
        console.print(f"[bold]Order management[/], {settings.write} write model, in {shown(data)}\n", soft_wrap=True)
        last = await _ordered(clerk)
        await application.caught_up()
        await application.reacted()
        console.print("What the last command came to, step by step:")
        show_trace(await application.trace(last))
        console.print(await _popular(clerk), await _customers(clerk))


async def _ordered(clerk: Clerk) -> UUID:
    """Do some business; return the id of the last command."""
    tag = f"{await clerk.application.head()}"  # the demo may be run again over the same folder
    ada, grace = [await clerk.customer(name, f"{name.lower()}.{tag}@example.org") for name in ("Ada", "Grace")]
    mug, novel = await clerk.product("mug", "kitchen", "2.50"), await clerk.product("novel", "books", "12.00")
    for _ in range(2):
        await clerk.placed(ada, {mug: 4, novel: 1}, "paid", "shipped", "delivered")
    order = await clerk.placed(grace, {mug: 2}, "paid")
    (await clerk.orders.invoice(order)).unwrap()
    cancelled = await clerk.orders.update_status(order, "cancelled", "found it cheaper")
    cancelled.unwrap()
    assert isinstance(cancelled, Accepted)  # noqa: S101 (it was unwrapped)
    return cancelled.command_id


async def _popular(clerk: Clerk) -> Table:
    table = Table("product", "category", "units", "revenue", title="Popular in the last 30 days")
    for row in await clerk.application.ask(ListPopularProducts(limit=5), principal=clerk.name):
        table.add_row(row.name, row.category, str(row.units), str(row.revenue))
    return table


async def _customers(clerk: Clerk) -> Table:
    table = Table("customer", "orders", "spent", "average", "favourite", title="Regular customers")
    for row in await clerk.application.ask(ListSegment("regular", limit=5), principal=clerk.name):
        table.add_row(row.name, str(row.orders), str(row.spent), str(row.average), row.favourite_category or "")
    return table
