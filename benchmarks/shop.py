"""A whole shop: the log of a retail year in small, folded into every read model of `examples/retail`."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import islice
from pathlib import Path
from time import perf_counter, time_ns
from typing import Any

from benchmarks.databases import Databases, databases
from benchmarks.logs import Logs
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second
from diptych import Application, Projection
from diptych.codec import encode
from diptych.ports import Append, EventStore, Metadata, Record
from diptych.read.plan import Fanning, Step, steps_of
from diptych.recorded import writer_of
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.system import RandomIds
from retail.app import PROJECTIONS, build
from retail.customers import CustomerRegistered
from retail.departments import DepartmentOpened
from retail.place import Place
from retail.products import ProductCreated
from retail.sales import ItemAdded, SaleCompleted, SaleStarted
from retail.stock import InventoryAdjusted

_PRODUCTS, _CUSTOMERS, _DEPARTMENTS, _LINES = 2_000, 500, 20, 24
_START = datetime(2011, 1, 4, 9, tzinfo=UTC)
_BATCH = 500


async def shop(size: Size, logs: Logs) -> list[Row]:
    """Measure from the opening of the shop to the last event in all of its read models."""
    folder, sales = logs.folder / "shop", size.of(5_000)
    folder.mkdir()
    async with SqliteEventStore(folder / "shop.db") as store:
        events = await _fill(store, sales)
    folds = sum(_folds(projection, events) for projection in PROJECTIONS)
    with databases() as server:
        log = await _filled(server, sales)
        sides = {
            "ours": partial(_caught_up, logs.folder, folder, len(events)),
            "postgres": partial(_caught_up_in_postgres, server, log, len(events)),
        }
        found = await interleaved(sides, size.rounds)
    name, many = "catch-up of all retail projections", f"{len(events):,} events"
    per_fold = [1e6 * len(events) / rate / folds for rate in found["ours"]]
    return [
        Row("shop", f"{name}, {many}", "events/s", found["ours"], goal=Goal(">=", 25_000), more={"row_folds": folds}),
        Row(
            "shop",
            f"the same, per row fold ({folds / len(events):.1f} to an event)",
            "us",
            per_fold,
            goal=Goal("<=", 5),
        ),
        Row("shop", f"{name}, PostgreSQL, {many}", "events/s", found["postgres"], goal=Goal(">=", 20_000)),
    ]


async def _caught_up(folder: Path, log: Path, events: int) -> float:
    copy = folder / "shop-copy"
    shutil.copytree(log, copy)
    rate = await _folded(copy, events)
    shutil.rmtree(copy)
    return rate


async def _caught_up_in_postgres(server: Databases, log: str, events: int) -> float:
    copy = await server.copy_of(log)
    rate = await _folded(copy, events)
    await server.drop(copy)
    return rate


async def _folded(place: Place, events: int) -> float:
    started = perf_counter()
    async with build(place) as app:
        await app.caught_up(timeout=600)
        return per_second(events, started)


def _folds(projection: Projection, events: Sequence[Any]) -> int:
    """Count the calls of folds, one for each row; those of fan-outs are not foreseen and not counted."""
    steps, count = steps_of(projection), 0
    for event in events:
        for step in steps.get(type(event), ()):
            count += len(tuple(step.keys(event))) if isinstance(step, Step) else not isinstance(step, Fanning)
    return count


async def _filled(server: Databases, sales: int) -> str:
    url = server.empty()
    async with Application(events=url, reads="memory://") as app:
        await _fill(app.store, sales)
    await server.settle(url)
    return url


async def _fill(store: EventStore, sales: int) -> list[Any]:
    events: list[Any] = []
    ids, source = RandomIds(), _commands(sales)
    while batch := list(islice(source, _BATCH)):
        events += [event for command in batch for event in command]
        await asyncio.gather(*[store.append(_append(command, ids)) for command in batch])
    return events


def _append(events: Sequence[Any], ids: RandomIds) -> Append:
    command, now = ids.new(), time_ns() // 1000
    metadata = encode(Metadata(command))
    new = tuple(writer_of(type(event))(event, metadata) for event in events)
    return Append(new, (), Record(command, "Any", b"", b"1", 0, now), metadata, now)


def _commands(sales: int) -> Iterator[list[Any]]:
    """Yield the events of one command after the other: what there is to sell, to whom, and the sales."""
    rng = random.Random(2011)
    for number in range(_DEPARTMENTS):
        yield [DepartmentOpened(f"d{number}", f"department {number}")]
    for number in range(_PRODUCTS):
        price = Decimal(rng.randrange(25, 2_000)) / 100
        created = ProductCreated(_product(number), f"thing {number}", price, price / 2, 5, f"d{number % _DEPARTMENTS}")
        yield [created, InventoryAdjusted(_product(number), 10_000, "opening", _product(number))]
    for number in range(_CUSTOMERS):
        yield [CustomerRegistered(f"c{number}", f"customer {number}", Decimal(1_000))]
    for number in range(sales):
        yield list(_sale(number, rng))


def _product(number: int) -> str:
    return f"p{number:05d}"


def _sale(number: int, rng: random.Random) -> Iterator[Any]:
    sale, sold_at = f"T1-{number:06d}", _START + timedelta(minutes=5 * number)
    customer = f"c{rng.randrange(_CUSTOMERS)}"
    yield SaleStarted(sale, "cash", sold_at, customer, "T1")
    total, units = Decimal(0), 0
    for _ in range(_LINES):
        # As in a shop: some things are sold all the time, most of them seldom.
        product, quantity = _product(int(_PRODUCTS * rng.random() ** 3)), rng.randrange(1, 6)
        price = Decimal(rng.randrange(25, 2_000)) / 100
        total, units = total + quantity * price, units + quantity
        yield ItemAdded(sale, product, quantity, price)
        yield InventoryAdjusted(product, -quantity, "sale", sale)
    day: date = sold_at.date()
    yield SaleCompleted(sale, day, sold_at, "cash", _LINES, units, total, total, customer, "T1")
