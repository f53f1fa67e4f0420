"""Load an aggregate: read, decode and fold its events. A command that is always refused does that and nothing else."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks import raw
from benchmarks.logs import Logs, url
from benchmarks.orders import CloseOrder, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved
from diptych import Application, Refused

_ORDERS = 10


async def load(size: Size, logs: Logs) -> list[Row]:
    """Measure the load of orders of 10, 1,000 and 10,000 events."""
    rows = []
    for each in (10, 1_000, 10_000):
        count = max(_ORDERS, min(size.of(2_000), size.of(300_000) // each))
        log, beside = await logs.copy(each * _ORDERS, each=each), logs.folder / f"raw-load-{each}.db"
        raw.make(beside, each * _ORDERS, each=each)
        sides = {"raw": partial(_raw, beside, each, count), "ours": partial(_ours, log, each, count)}
        found = await interleaved(sides, size.rounds)
        goal = Goal("<=", 1.5) if each > 10 else None
        rows.append(
            Row(
                "load",
                f"load an aggregate of {each:,} events",
                "us/event",
                found["ours"],
                found["raw"],
                "sqlite3: select, decode, fold",
                goal,
                absolute=True,
            )
        )
        shutil.rmtree(log.parent)
    return rows


async def _raw(path: Path, each: int, count: int) -> float:
    return raw.microseconds_per_load(path, _ORDERS, count) / each


async def _ours(log: Path, each: int, count: int) -> float:
    async with Application(orders, events=url(log), reads="memory://", state_bytes=0) as app:
        for order in range(_ORDERS):
            refused = await app.send(CloseOrder(order))
            assert isinstance(refused, Refused)
            assert refused.data == {"lines": each - 1}
        started = perf_counter()
        for turn in range(count):
            await app.send(CloseOrder(turn % _ORDERS))
        return (perf_counter() - started) / count * 1e6 / each
