"""Raw code to compare with: one connection of asyncpg, one row per commit, as durable as Diptych."""

from __future__ import annotations

from time import perf_counter, time_ns
from typing import Any

import asyncpg

from benchmarks.logs import history
from benchmarks.orders import LineAdded, Order, OrderPlaced, evolve
from benchmarks.timing import per_second
from diptych.codec import decoder, encode
from diptych.model.messages import event_type

_SCHEMA = """
create table raw_events (
    position bigint generated always as identity primary key,
    name text not null,
    tag text not null,
    data bytea not null,
    recorded_at bigint not null
);
create index raw_events_by_tag on raw_events (tag, position);
"""
_INSERT = "insert into raw_events (name, tag, data, recorded_at) values ($1, $2, $3, $4)"
_LOAD = "select name, data from raw_events where tag = $1 order by position"
_COLUMNS = ("name", "tag", "data", "recorded_at")


async def make(url: str, events: int, *, each: int) -> str:
    """Fill a database with the events of a log."""
    connection = await asyncpg.connect(url)
    await connection.execute(_SCHEMA)
    rows = (
        (event_type(type(event)).name, f"order:{event.order}", encode(event), 0)
        for event in history(events // each, each)
    )
    await connection.copy_records_to_table("raw_events", records=rows, columns=_COLUMNS)
    await connection.execute("vacuum (analyze, freeze) raw_events")
    await connection.close()
    return url


async def commits_per_second(url: str, count: int) -> float:
    """Insert one encoded event per commit; return commits per second."""
    connection = await asyncpg.connect(url)
    try:
        insert = await connection.prepare(_INSERT)
        events = [LineAdded(order, f"P{order % 997:05d}", 1, 100) for order in range(count)]
        started = perf_counter()
        for event in events:
            await insert.fetch("order.line_added", f"order:{event.order}", encode(event), time_ns() // 1000)
        return per_second(count, started)
    finally:
        await connection.close()


async def microseconds_per_load(url: str, orders: int, count: int) -> float:
    """Select, decode and fold the events of one order; return microseconds per order."""
    connection = await asyncpg.connect(url)
    try:
        load = await connection.prepare(_LOAD)
        started = perf_counter()
        for turn in range(count):
            await fold(load, turn % orders)
        return (perf_counter() - started) / count * 1e6
    finally:
        await connection.close()


async def fold(load: Any, order: int) -> Order:
    """Return the state of an order."""
    placed, line = decoder(OrderPlaced), decoder(LineAdded)
    state = Order()
    for name, data in await load.fetch(f"order:{order}"):
        state = evolve(state, line(data) if name == "order.line_added" else placed(data))
    return state
