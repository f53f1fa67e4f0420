"""Cost against the size of the log: the same commands and queries on logs of 10^4, 10^5 and 10^6 events."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.commands import send_all
from benchmarks.logs import Logs, url
from benchmarks.orders import EVENTS, SEEN, GetOrder, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved
from diptych import Application

_QUERIES = 5_000
_WITHIN = 1.4


async def growth(size: Size, logs: Logs) -> list[Row]:
    """Measure microseconds per command and per query; the ratio is to the smallest log.

    The same number of orders is used on each log, and in each round again, so that they grow alike.
    """
    kept = {events: await _caught_up(logs, events) for events in size.logs}
    workloads = {
        "durable command, 1 task": lambda log, events: _commands(log, events, size.of(1_000), 1),
        "durable command, 64 tasks": lambda log, events: _commands(log, events, size.of(1_000), 64),
        "query by key": lambda log, events: _queries(log, events, size.of(_QUERIES)),
    }
    rows = []
    for name, work in workloads.items():
        sides = {str(events): partial(work, log, events) for events, log in kept.items()}
        found = await interleaved(sides, size.rounds)
        first = size.logs[0]
        rows += [
            Row(
                "growth",
                f"{name}, log of {events:,}",
                "us",
                found[str(events)],
                found[str(first)] if events != first else (),
                f"the same on a log of {first:,}",
                Goal("<=", _WITHIN) if events != first else None,
            )
            for events in size.logs
        ]
    for log in kept.values():
        logs.drop(log)
    return rows


async def _caught_up(logs: Logs, events: int) -> Path:
    log = await logs.copy(events)
    async with Application(orders, *SEEN, events=url(log)) as app:
        await app.caught_up(timeout=600)
    return log


async def _commands(log: Path, events: int, count: int, tasks: int) -> float:
    orders_there = events // EVENTS
    async with Application(orders, events=url(log), reads="memory://", state_bytes=0) as app:
        await send_all(app, [number * 7919 % orders_there for number in range(64)], tasks)
        spread = [number * 104_729 % orders_there for number in range(count)]
        started = perf_counter()
        await send_all(app, spread, tasks)
        return (perf_counter() - started) / count * 1e6


async def _queries(log: Path, events: int, count: int) -> float:
    orders_there = events // EVENTS
    async with Application(orders, *SEEN, events=url(log)) as app:
        await app.caught_up(timeout=600)
        asked = [GetOrder(number * 104_729 % orders_there) for number in range(count)]
        await app.ask(asked[0])
        started = perf_counter()
        for query in asked:
            await app.ask(query)
        return (perf_counter() - started) / count * 1e6
