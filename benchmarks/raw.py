"""Raw code to compare with: Python's own sqlite3, one row per commit, as durable as Diptych (WAL, synchronous=FULL)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from time import perf_counter, time_ns

from benchmarks.logs import history
from benchmarks.orders import EVENTS, LineAdded, Order, OrderPlaced, evolve
from benchmarks.timing import per_second
from diptych.codec import decoder, encode
from diptych.model.messages import event_type

_SCHEMA = """
create table events (
    position integer primary key,
    name text not null,
    tag text not null,
    data blob not null,
    recorded_at integer not null
);
create index events_by_tag on events (tag, position);
"""
_INSERT = "insert into events (name, tag, data, recorded_at) values (?, ?, ?, ?)"
_LOAD = "select name, data from events where tag = ? order by position"


def make(path: Path, events: int, *, each: int = EVENTS) -> Path:
    """Fill a file with the events of a log."""
    connection = connect(path)
    connection.executescript(_SCHEMA)
    connection.execute("begin")
    connection.executemany(
        _INSERT,
        (
            (event_type(type(event)).name, f"order:{event.order}", encode(event), 0)
            for event in history(events // each, each)
        ),
    )
    connection.execute("commit")
    connection.close()
    return path


def connect(path: Path) -> sqlite3.Connection:
    """Open a file in WAL mode with synchronous=FULL: a commit is on disk when it returns."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = full")
    return connection


def commits_per_second(path: Path, count: int) -> float:
    """Insert one encoded event per commit; return commits per second."""
    connection = connect(path)
    try:
        events = [LineAdded(order, f"P{order % 997:05d}", 1, 100) for order in range(count)]
        started = perf_counter()
        for event in events:
            connection.execute(_INSERT, ("order.line_added", f"order:{event.order}", encode(event), time_ns() // 1000))
        return per_second(count, started)
    finally:
        connection.close()


def microseconds_per_load(path: Path, orders: int, count: int) -> float:
    """Select, decode and fold the events of one order; return microseconds per order."""
    connection = connect(path)
    try:
        started = perf_counter()
        for turn in range(count):
            fold(connection, turn % orders)
        return (perf_counter() - started) / count * 1e6
    finally:
        connection.close()


def fold(connection: sqlite3.Connection, order: int) -> Order:
    """Return the state of an order."""
    placed, line = decoder(OrderPlaced), decoder(LineAdded)
    state = Order()
    for name, data in connection.execute(_LOAD, (f"order:{order}",)):
        state = evolve(state, line(data) if name == "order.line_added" else placed(data))
    return state
