"""A durable command on SQLite beside a raw one-row commit: load 10 events, fold, decide, append, acknowledge."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks import raw
from benchmarks.logs import Logs, url
from benchmarks.orders import EVENTS, line_for, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second, percentile
from diptych import Application

_COLD, _WARM = 0, 64 * 1024 * 1024
_BESIDE = "sqlite3, one row per commit"


async def durable(size: Size, logs: Logs) -> list[Row]:
    """Measure durable commands of 1 and 64 tasks, their state loaded or in memory."""
    events = max(size.of(100_000) // EVENTS * EVENTS, 1_000)
    few, many = min(size.of(3_000), events // EVENTS), events // EVENTS
    template = raw.make(logs.folder / f"raw-{events}.db", events)
    late: dict[str, list[float]] = {}
    sides = {
        "raw": partial(_raw, logs, template, few),
        "1 task": partial(_ours, logs, events, few, 1, late, warm=False),
        "64 tasks": partial(_ours, logs, events, many, 64, late, warm=False),
        "1 task, state in memory": partial(_ours, logs, events, few, 1, late, warm=True),
        "64 tasks, state in memory": partial(_ours, logs, events, many, 64, late, warm=True),
    }
    found = await interleaved(sides, size.rounds)
    goals = {
        "1 task": Goal(">=", 0.5, 0.6),
        "64 tasks": Goal(">=", 3.5, 5),
        "64 tasks, state in memory": Goal(">=", 7, 10),
    }
    return [
        Row(
            "durable",
            f"durable command, SQLite, log of {events:,}, {name}",
            "commands/s",
            found[name],
            found["raw"],
            _BESIDE,
            goals.get(name),
            more={"p50_ms": round(percentile(late[name], 0.5), 3), "p99_ms": round(percentile(late[name], 0.99), 3)},
        )
        for name in sides
        if name != "raw"
    ]


async def _raw(logs: Logs, template: Path, count: int) -> float:
    copy = logs.folder / "raw-copy.db"
    shutil.copy(template, copy)
    try:
        return raw.commits_per_second(copy, count)
    finally:
        for path in logs.folder.glob("raw-copy.db*"):
            path.unlink()


async def _ours(logs: Logs, events: int, count: int, tasks: int, late: dict[str, list[float]], *, warm: bool) -> float:
    log = await logs.copy(events)
    name = f"{tasks} task{'s' * (tasks > 1)}{', state in memory' * warm}"
    try:
        async with Application(orders, events=url(log), reads="memory://", state_bytes=_WARM if warm else _COLD) as app:
            if warm:
                await send_all(app, range(count), 64)
            before = await app.head()
            started = perf_counter()
            late.setdefault(name, []).extend(await send_all(app, range(count), tasks))
            rate = per_second(count, started)
            assert await app.head() == before + count, "an acknowledged command is not in the log"
    finally:
        logs.drop(log)
    return rate


async def send_all(app: Application, numbers: Iterable[int], tasks: int) -> list[float]:
    """Send a command to each of these orders from so many tasks; return how long each took, in milliseconds."""
    rest, late = iter(numbers), []

    async def work(rest: Iterator[int]) -> None:
        for order in rest:
            command = line_for(order)
            started = perf_counter()
            (await app.send(command)).unwrap()
            late.append((perf_counter() - started) * 1000)

    await asyncio.gather(*[work(rest) for _ in range(tasks)])
    return late
