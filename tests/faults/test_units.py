"""Units of work that are cancelled, killed, held for long and run by several processes: nothing is ever half done."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import sqlite3
import statistics
import time
import types
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.model.criteria import Criteria
from diptych.model.results import Accepted
from diptych.stores.sqlite.unit import SqliteUnit
from diptych.testing.contract.material import appending
from tests.faults.processes import line, process, rest
from tests.faults.stock import SHARED
from tests.sizes import size
from tests.write.shop import AddItem, Count, CreateOrder, Hold, Note, OrderRow, Outside, shop

STOCK = "tests.faults.stock"
KILLS = size(5, full=300)
SECONDS = size(3, full=60)
ROUNDS = size(5, full=300)
P99_MS = size(500, full=120)  # what is promised; a machine that others use too may be slower

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + KILLS * 5 + SECONDS * 3)]

Property = Callable[[str, object], None]


class Broken(Exception):
    """A bug of the user's."""


async def agree(folder: Path) -> bool:
    """Say whether tables, log and records tell the same; fail when the log itself is damaged."""
    async with shop(folder, projections="follow") as app:
        assert [position async for position in app.store.verify()][-1] == await app.head()  # type: ignore[attr-defined]  # of the SQLite store
        events = (await app.store.read(Criteria.all(), limit=1_000_000)).events
        records = (await app.store.describe())["records"]  # type: ignore[attr-defined]  # the same
    orders, items = tables(folder)
    told = Counter(each.tags[0].removeprefix("order:") for each in events if each.name == "order.item_added")
    created = {each.tags[0].removeprefix("order:") for each in events if each.name == "order.created"}
    return (
        created == orders.keys()
        and {order: told[order] for order in orders} == orders == {order: items[order] for order in orders}
        and records == len(events)  # each command records one event
    )


def tables(folder: Path) -> tuple[dict[str, int], Counter[str]]:
    """Return the items that each order counts, and those that it has."""
    with contextlib.closing(sqlite3.connect(folder / "shop.db", timeout=10)) as other:
        assert other.execute("pragma integrity_check").fetchone() == ("ok",)
        orders = {str(UUID(order)): items for order, items in other.execute("select id, items from orders")}
        items = other.execute('select "order", count(*) from order_items group by 1')
        return orders, Counter({str(UUID(order)): many for order, many in items})


@types.coroutine
def stepping(
    whole: Coroutine[Any, Any, Any], at: int, cancel: Callable[[], object]
) -> Generator[Any, Any, tuple[Any, bool]]:
    """Run a coroutine and cancel its task while it waits for the `at`-th time; say whether it came so far."""
    step = 0
    try:
        waited = whole.send(None)
        while True:
            step += 1
            if step == at:
                asyncio.get_running_loop().call_soon(cancel)
            try:
                sent = yield waited
            except BaseException as thrown:  # noqa: BLE001 (the coroutine's to handle)
                waited = whole.throw(thrown)
            else:
                waited = whole.send(sent)
    except StopIteration as done:
        return done.value, step >= at


async def cancelled_at(app: Application, command: Any, at: int) -> bool:
    """Send a command and cancel it at one of its awaits; say whether there was one."""

    async def sending() -> bool:
        _, reached = await stepping(app.send(command), at, task.cancel)
        return reached

    task = asyncio.create_task(sending())
    await asyncio.wait([task])
    return task.cancelled() or task.result()


async def each_await_cancelled(app: Application, command: Callable[[], Any]) -> int:
    """Send commands and cancel each one await later than the one before; return how many awaits there are."""
    for at in itertools.count(1):
        if not await cancelled_at(app, command(), at):
            return at
        assert isinstance(await app.send(Note(SHARED)), Accepted)  # the turn is back
    raise AssertionError


async def test_a_command_that_is_cancelled_at_any_await_is_done_whole_or_not_at_all(
    tmp_path: Path, record_property: Property
) -> None:
    numbers = itertools.count(1)
    awaits = 0
    async with shop(tmp_path) as app:
        for _ in range(ROUNDS):
            creating = await each_await_cancelled(app, lambda: CreateOrder(UUID(int=next(numbers))))
            order = (await app.send(CreateOrder(UUID(int=next(numbers))))).unwrap()
            adding = await each_await_cancelled(app, lambda: Count(order, in_turn=True))  # noqa: B023 (called at once)
            assert creating > 4
            assert adding > 4
            awaits += creating + adding

    record_property("cancelled", awaits)
    assert await agree(tmp_path)


async def test_a_command_that_raises_after_its_flush_leaves_nothing(tmp_path: Path) -> None:
    outside = Outside()
    outside.failure = Broken()
    async with shop(tmp_path, outside) as app:
        for number in range(20):
            with pytest.raises(Broken):
                await app.send(CreateOrder(UUID(int=number)))
        outside.failure = None
        await app.send(CreateOrder(UUID(int=1)))

    assert await agree(tmp_path)
    assert len(tables(tmp_path)[0]) == 1


async def test_a_process_that_is_killed_leaves_tables_log_and_records_that_agree(
    tmp_path: Path, record_property: Property
) -> None:
    drawn = random.Random(3)
    acknowledged = set()

    for _ in range(KILLS):
        async with process(STOCK, "write", tmp_path) as child:
            for _ in range(drawn.randrange(1, 12)):
                acknowledged.add((await line(child)).removeprefix("ack "))
            await asyncio.sleep(drawn.random() * 0.02)  # a moment of the commands that are under way
            child.kill()
            await child.wait()
        assert await agree(tmp_path)

    orders, _ = tables(tmp_path)
    assert acknowledged <= {order for order, items in orders.items() if items == 3}
    record_property("kills", KILLS)
    record_property("orders", len(orders))


async def test_tables_that_are_committed_apart_from_the_log_are_caught(tmp_path: Path) -> None:
    async with process(STOCK, "torn", tmp_path) as child:
        await child.wait()

    assert not await agree(tmp_path)


async def counted(folder: Path, in_turn: bool) -> tuple[int, int]:
    """Let two processes count on one row; return how often they were accepted, and what the row counts."""
    async with shop(folder) as app:
        await app.send(CreateOrder(SHARED))
    async with process(STOCK, "count", folder, in_turn) as first, process(STOCK, "count", folder, in_turn) as second:
        assert await line(first) == await line(second) == "ready"
        await asyncio.sleep(SECONDS)  # they count
        accepted = sum([int((await rest(each))[-1]) for each in (first, second)])
    assert await agree(folder)
    return accepted, tables(folder)[0][str(SHARED)]


@pytest.mark.parametrize("in_turn", [True, False])
async def test_two_processes_that_count_on_one_row_lose_no_count(
    tmp_path: Path, record_property: Property, in_turn: bool
) -> None:
    accepted, items = await counted(tmp_path, in_turn)

    assert accepted == items > 0
    record_property("counted", items)


async def test_rows_that_are_not_compared_before_they_are_written_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant a bug: what was loaded before the turn is written without a look at what it is now."""
    monkeypatch.setattr(SqliteUnit, "_prove", lambda *_: None)

    async with shop(tmp_path) as app:
        await app.send(CreateOrder(SHARED))
        async with app.store.unit(limit=30) as slow:  # type: ignore[attr-defined]  # of the SQLite store
            order = await slow.session.get_one(OrderRow, SHARED)
            await app.send(AddItem(SHARED, "tea"))
            order.items = 5
            await slow.append(appending())

    assert not await agree(tmp_path)


async def delays(app: Application) -> list[float]:
    """Send a command after the other for some seconds; return how long each took, in ms."""
    found, end = [], time.monotonic() + SECONDS
    while time.monotonic() < end:
        started = time.perf_counter()
        assert isinstance(await app.send(Note(SHARED)), Accepted)
        found.append((time.perf_counter() - started) * 1000)
    return found


def told(found: list[float], record_property: Property) -> None:
    p99 = statistics.quantiles(found, n=100)[98]
    record_property("p99 in ms", round(p99, 1))
    assert statistics.median(found) > 50, "nobody was held up, so nothing was shown"
    assert p99 <= P99_MS, f"p99 {p99:.1f} ms"


async def test_a_turn_held_for_100_ms_again_and_again_delays_other_commands_by_hardly_more(
    tmp_path: Path, record_property: Property
) -> None:
    async with shop(tmp_path) as app:

        async def hold() -> None:
            while True:
                await app.send(Hold(0.1))

        holding = asyncio.create_task(hold())
        found = await delays(app)
        holding.cancel()
        await asyncio.wait([holding])

    told(found, record_property)


async def test_a_turn_held_for_100_ms_by_another_process_delays_commands_by_hardly_more(
    tmp_path: Path, record_property: Property
) -> None:
    async with shop(tmp_path) as app, process(STOCK, "hold", tmp_path, 0.1) as child:
        assert await line(child) == "ready"
        found = await delays(app)

    told(found, record_property)
