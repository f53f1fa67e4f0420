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
from collections.abc import Callable, Coroutine, Generator, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from diptych.application import Application
from diptych.model.criteria import Criteria
from diptych.model.results import Accepted
from diptych.stores.postgres.unit import PostgresUnit
from diptych.stores.sqlite.unit import SqliteUnit
from diptych.testing.contract.material import appending
from tests.clusters import NEWEST, Database
from tests.faults.processes import line, process, rest
from tests.faults.stock import SHARED
from tests.sizes import size
from tests.stores.unit_stores import ClusterOf
from tests.write.shop import AddItem, Count, CreateOrder, Hold, Note, OrderRow, Outside, shop

STOCK = "tests.faults.stock"
SELECT_ITEMS = 'select "order", count(*) from order_items group by 1'
KILLS = size(5, full=300)
SECONDS = size(3, full=60)
ROUNDS = size(5, full=300)
P99_MS = size(500, full=120)  # what is promised; a machine that others use too may be slower

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + KILLS * 5 + SECONDS * 3)]

Property = Callable[[str, object], None]
Place = Path | str


class Broken(Exception):
    """A bug of the user's."""


@pytest.fixture(params=["sqlite", NEWEST])
def place(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> Iterator[Place]:
    """Give a place for a log: a folder, or the URL of a database."""
    if request.param == "sqlite":
        yield tmp_path
        return
    database = cluster_of(request.param).database()
    yield database.url
    database.drop()


async def agree(place: Place) -> bool:
    """Say whether tables, log and records tell the same; fail when the log itself is damaged."""
    await quiet(place)
    async with shop(place, projections="follow") as app:
        assert [position async for position in app.store.verify()][-1] == await app.head()  # type: ignore[attr-defined]  # of the SQLite store
        events = (await app.store.read(Criteria.all(), limit=1_000_000)).events
        records = (await app.store.describe())["records"]  # type: ignore[attr-defined]  # the same
    orders, items = await tables(place)
    told = Counter(each.tags[0].removeprefix("order:") for each in events if each.name == "order.item_added")
    created = {each.tags[0].removeprefix("order:") for each in events if each.name == "order.created"}
    return (
        created == orders.keys()
        and {order: told[order] for order in orders} == orders == {order: items[order] for order in orders}
        and records == len(events)  # each command records one event
    )


async def quiet(place: Place) -> None:
    """Wait until the server has ended the sessions of those who were killed."""
    others = "select 1 from pg_stat_activity where datname = current_database() and application_name like 'diptych%'"
    while isinstance(place, str) and (await selected(place, others))[0]:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(0.01)


async def tables(place: Place) -> tuple[dict[str, int], Counter[str]]:
    """Return the items that each order counts, and those that it has."""
    counted, held = await selected(place, "select id, items from orders", SELECT_ITEMS)
    orders = {str(UUID(str(order))): items for order, items in counted}
    return orders, Counter({str(UUID(str(order))): many for order, many in held})


async def selected(place: Place, *statements: str) -> list[list[Any]]:
    """Return the rows of statements, read by somebody who knows nothing of Diptych."""
    if isinstance(place, Path):
        with contextlib.closing(sqlite3.connect(place / "shop.db", timeout=10)) as other:
            assert other.execute("pragma integrity_check").fetchone() == ("ok",)
            return [other.execute(each).fetchall() for each in statements]
    connection = await asyncpg.connect(place)
    try:
        return [await connection.fetch(each) for each in statements]
    finally:
        await connection.close()


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
    place: Place, record_property: Property
) -> None:
    numbers = itertools.count(1)
    awaits = 0
    async with shop(place) as app:
        for _ in range(ROUNDS):
            creating = await each_await_cancelled(app, lambda: CreateOrder(UUID(int=next(numbers))))
            order = (await app.send(CreateOrder(UUID(int=next(numbers))))).unwrap()
            adding = await each_await_cancelled(app, lambda: Count(order, in_turn=True))  # noqa: B023 (called at once)
            assert creating > 4
            assert adding > 4
            awaits += creating + adding

    record_property("cancelled", awaits)
    assert await agree(place)


async def test_a_command_that_raises_after_its_flush_leaves_nothing(place: Place) -> None:
    outside = Outside()
    outside.failure = Broken()
    async with shop(place, outside) as app:
        for number in range(20):
            with pytest.raises(Broken):
                await app.send(CreateOrder(UUID(int=number)))
        outside.failure = None
        await app.send(CreateOrder(UUID(int=1)))

    assert await agree(place)
    assert len((await tables(place))[0]) == 1


async def test_a_process_that_is_killed_leaves_tables_log_and_records_that_agree(
    place: Place, record_property: Property
) -> None:
    drawn = random.Random(3)
    acknowledged = set()

    for _ in range(KILLS):
        async with process(STOCK, "write", place) as child:
            for _ in range(drawn.randrange(1, 12)):
                acknowledged.add((await line(child)).removeprefix("ack "))
            await asyncio.sleep(drawn.random() * 0.02)  # a moment of the commands that are under way
            child.kill()
            await child.wait()
        assert await agree(place)

    orders, _ = await tables(place)
    assert acknowledged <= {order for order, items in orders.items() if items == 3}
    record_property("kills", KILLS)
    record_property("orders", len(orders))


async def test_tables_that_are_committed_apart_from_the_log_are_caught(place: Place) -> None:
    async with process(STOCK, "torn", place) as child:
        await child.wait()

    assert not await agree(place)


async def counted(place: Place, in_turn: bool) -> tuple[int, int]:
    """Let two processes count on one row; return how often they were accepted, and what the row counts."""
    async with shop(place) as app:
        await app.send(CreateOrder(SHARED))
    async with process(STOCK, "count", place, in_turn) as first, process(STOCK, "count", place, in_turn) as second:
        assert await line(first) == await line(second) == "ready"
        await asyncio.sleep(SECONDS)  # they count
        accepted = sum([int((await rest(each))[-1]) for each in (first, second)])
    assert await agree(place)
    return accepted, (await tables(place))[0][str(SHARED)]


@pytest.mark.parametrize("in_turn", [True, False])
async def test_two_processes_that_count_on_one_row_lose_no_count(
    place: Place, record_property: Property, in_turn: bool
) -> None:
    accepted, items = await counted(place, in_turn)

    assert accepted == items > 0
    record_property("counted", items)


async def test_rows_that_are_not_compared_before_they_are_written_are_caught(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plant a bug: what was loaded before the turn is written without a look at what it is now."""
    for kind in (SqliteUnit, PostgresUnit):
        monkeypatch.setattr(kind, "_prove", lambda *_: None)

    async with shop(place) as app:
        await app.send(CreateOrder(SHARED))
        async with app.store.unit(limit=30) as slow:  # type: ignore[attr-defined]  # of the SQLite store
            order = await slow.session.get_one(OrderRow, SHARED)
            await app.send(AddItem(SHARED, "tea"))
            order.items = 5
            await slow.append(appending())

    assert not await agree(place)


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


async def test_on_postgresql_a_unit_that_has_begun_delays_no_command_without_a_unit(
    postgres: Database, record_property: Property
) -> None:
    async with shop(postgres.url) as app, process(STOCK, "hold", postgres.url, 1.0) as child:
        assert await line(child) == "ready"
        found = await delays(app)

    record_property("p99 in ms", round(statistics.quantiles(found, n=100)[98], 1))
    assert statistics.median(found) < 200
