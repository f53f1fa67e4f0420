"""Load an aggregate from a snapshot and from all of its events: a command that is always refused, nothing in memory.

The snapshots are half of their period old, as they are on the average.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.logs import Logs, url
from benchmarks.orders import CloseOrder, Order, decide, evolve, line_for
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved
from diptych import Application, Decider, Module, Refused, Snapshots

_ORDERS = 10
_EVERY = 100


async def snapshots(size: Size, logs: Logs) -> list[Row]:
    """Measure the load of orders of 10, 1,000 and 10,000 events, with snapshots beside without."""
    rows = []
    for each in size.aggregates:
        every = min(_EVERY, each // 2)
        log = await _made(logs, each, every)
        count = max(_ORDERS, min(size.of(2_000), size.of(300_000) // each))
        sides = {"with": partial(_loads, log, each, count, every), "without": partial(_loads, log, each, count, None)}
        found = await interleaved(sides, size.rounds)
        rows += _rows(each, found["with"], found["without"])
        logs.drop(log)
    return rows


def _rows(each: int, ours: list[float], without: list[float]) -> list[Row]:
    """Return the time per event of its history, which the goal bounds, and the time per load."""
    what, beside = f"load an aggregate of {each:,} events", "all events folded"
    per_event, all_per_event = [us / each for us in ours], [us / each for us in without]
    goal = Goal("<=", 1.5) if each > _EVERY else None
    return [
        Row("snapshots", f"{what}, from a snapshot", "us/event", per_event, all_per_event, beside, goal, absolute=True),
        Row("snapshots", f"{what}, from a snapshot, in all", "us", ours, without, beside),
    ]


async def _made(logs: Logs, each: int, every: int) -> Path:
    """Return a log of orders whose states were saved when half a period of events was still to come."""
    later = every // 2
    log = await logs.copy((each - later) * _ORDERS, each=each - later)
    async with _application(log, every) as app:
        for order in range(_ORDERS):
            await app.send(CloseOrder(order))
    async with _application(log, None) as app:
        for order in range(_ORDERS):
            for _ in range(later):
                (await app.send(line_for(order))).unwrap()
    return log


async def _loads(log: Path, each: int, count: int, every: int | None) -> float:
    """Return the microseconds of a load."""
    async with _application(log, every) as app:
        for order in range(_ORDERS):
            refused = await app.send(CloseOrder(order))
            assert isinstance(refused, Refused)
            assert refused.data == {"lines": each - 1}
        started = perf_counter()
        for turn in range(count):
            await app.send(CloseOrder(turn % _ORDERS))
        return (perf_counter() - started) / count * 1e6


def _application(log: Path, every: int | None) -> Application:
    module, kept = Module("orders"), None if every is None else Snapshots(every=every)
    module.decider(Decider(decide, evolve, initial=Order, snapshots=kept))
    return Application(module, events=url(log), reads="memory://", state_bytes=0)
