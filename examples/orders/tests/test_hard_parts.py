"""What this pattern is known to be hard at: stale reads, wrong read models, and finding out what happened."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from diptych import Accepted, Application, Forbidden, Module, Query, UnknownMessageError, WiringError
from diptych.cli import main as diptych
from diptych.history.traced import Trace
from diptych.testing import NOON, FixedClock
from orders.app import QUERIES, READ_MODELS, WRITE_MODELS, build
from orders.clerk import Clerk
from orders.cli import main as orders
from orders.commands import ListProduct, RegisterCustomer
from orders.place import Place
from orders.queries.customers import GetCustomer
from orders.queries.orders import GetOrder, order_queries
from orders.settings import OrderSettings, WriteModel

NOWHERE = "sqlite:///never-opened.db"
BOTH: tuple[WriteModel, ...] = ("sourced", "normalised")


async def test_every_write_is_seen_by_the_read_that_asks_for_it(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.draft(ada, {mug: 1})

    for count in range(2, 22):
        added = await clerk.orders.add_item(order, mug, 1)
        shown = await clerk.seeing(added).get(order)
        assert shown is not None
        assert len(shown.items) == count


@pytest.mark.parametrize("write", BOTH)
async def test_a_row_that_somebody_spoiled_is_found_and_a_rebuild_repairs_it(home: Place, write: WriteModel) -> None:
    async with build(home, OrderSettings(write)) as application:
        clerk = Clerk(application)
        order = await clerk.placed(await clerk.customer("Ada"), {await clerk.product("mug", "kitchen", "2.50"): 2})
        await application.caught_up()
        await _spoil(home)
        spoiled = await application.check("sales")
    await _remove_rows(home)

    async with build(home, OrderSettings(write)) as application:
        await application.caught_up()
        rebuilt = await application.check("sales")

    assert [str(difference) for difference in spoiled.differences] == [
        f"order_summary {(order,)} status: stored 'delivered', expected 'placed'"
    ]
    assert not rebuilt.differences


_TABLE = "select tablename from pg_tables where schemaname = 'diptych_reads' and tablename ~ '^order_summary__g[0-9]+$'"


async def _spoil(home: Place) -> None:
    """Change a row behind the back of everybody."""
    if isinstance(home, str):
        (table,) = await _told(home, _TABLE)
        await _told(home, f"update diptych_reads.{table} set status = 'delivered'")  # noqa: S608 (its name is ours)
        return
    with closing(sqlite3.connect(home / "orders-reads.db")) as connection, connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        table = next(name for name in names if name.startswith("order_summary__g"))
        connection.execute(f"update {table} set status = 'delivered'")  # noqa: S608 (its name is ours)


async def _remove_rows(home: Place) -> None:
    """Remove all read models: they are made anew from the log."""
    if isinstance(home, str):
        await _told(home, "drop schema diptych_reads cascade")
        return
    for file in home.glob("orders-reads.db*"):
        file.unlink()


async def _told(url: str, statement: str) -> list[Any]:
    """Run a statement; return the first column."""
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_a_command_is_traced_to_its_events_and_to_the_rows_that_they_changed(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    placed = await clerk.orders.place(await clerk.draft(ada, {mug: 2}))
    assert isinstance(placed, Accepted)
    await clerk.application.caught_up()

    trace = await clerk.application.trace(placed.command_id)

    assert (trace.command.name, trace.command.principal, trace.command.outcome) == ("PlaceOrder", "staff", "accepted")
    assert [event.name for event in trace.events] == ["order.placed"]
    assert _changed(trace) == {
        "order_summary", "order_detail", "ordered_product", "product_day", "customer_orders", "customer_analytics",
        "sales_entry",
    }  # fmt: skip


def _changed(trace: Trace) -> set[str]:
    return {changed.model for event in trace.events for changed in event.changes if changed.rows}


async def test_who_set_a_field_is_known(clerk: Clerk) -> None:
    ada, mug = await clerk.customer("Ada"), await clerk.product("mug", "kitchen", "2.50")
    order = await clerk.placed(ada, {mug: 2}, "paid")
    await clerk.application.caught_up()

    blame = await clerk.application.history.blame("order_summary", order)

    status = next(each for each in blame.fields if each.field == "status")
    assert (status.value, status.cause.event, status.cause.actor) == ("paid", "order.status_updated", "staff")


async def test_every_command_is_audited_with_who_what_when_and_outcome(clerk: Clerk, clock: FixedClock) -> None:
    await clerk.product("mug", "kitchen", "2.50")
    clock.advance(minutes=1)
    cup = ListProduct(name="cup", category="kitchen", price=Decimal(1))
    refused = await clerk.application.send(cup, principal="mallory")
    await clerk.application.audit.written()

    page = await clerk.application.audit.page()

    assert isinstance(refused, Forbidden)
    assert [(sent.name, sent.principal, sent.outcome, sent.at) for sent in page.commands] == [
        ("ListProduct", "mallory", "forbidden", NOON + timedelta(minutes=1)),
        ("ListProduct", "staff", "accepted", NOON),
    ]


async def test_a_message_that_nobody_handles_is_named(clerk: Clerk) -> None:
    class Unheard(Query[None]):
        """A query that no module knows."""

    with pytest.raises(UnknownMessageError, match="Unheard"):
        await clerk.application.ask(Unheard())


@pytest.mark.parametrize("write", BOTH)
def test_a_second_handler_of_a_message_is_refused_at_start(write: WriteModel) -> None:
    second = Module("second")

    @second.query
    async def get_order(query: GetOrder) -> None:
        """Answer nothing."""

    with pytest.raises(WiringError, match="GetOrder"):
        Application(*WRITE_MODELS[write], *QUERIES, second, *READ_MODELS, provide=[OrderSettings()], events=NOWHERE)
    with pytest.raises(WiringError, match="GetOrder has two handlers"):
        order_queries.query(get_order)


@pytest.mark.parametrize("write", BOTH)
def test_code_without_async_sends_and_asks_as_well(home: Place, write: WriteModel) -> None:
    with build(home, OrderSettings(write)).blocking() as shop:
        result = shop.send(RegisterCustomer(name="Ada", email="ada@example.org"), principal="staff")
        shown = shop.ask(GetCustomer(result.unwrap()), after=result, principal="staff")

    assert shown is not None
    assert shown.name == "Ada"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which some orders were placed, as the current one."""
    done = CliRunner().invoke(orders, ["demo", "--data", str(tmp_path)])
    assert done.exit_code == 0, done.output
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_are_listed_and_traced_on_the_command_line(data: Path) -> None:
    listed = CliRunner().invoke(diptych, ["commands", "list", "--app", "orders.app:app", "--json"])
    last = json.loads(listed.stdout)["commands"][0]
    traced = CliRunner().invoke(diptych, ["commands", "trace", last["command_id"], "--app", "orders.app:app"])

    assert listed.exit_code == 0, listed.output
    assert (last["command"], last["outcome"], last["principal"]) == ("UpdateStatus", "accepted", "staff")
    assert "order.status_updated@1" in traced.output
