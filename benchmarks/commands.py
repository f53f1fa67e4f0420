"""Durable commands on any store: load 10 events, fold, decide, append, acknowledge; beside raw one-row commits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from benchmarks.orders import EVENTS, line_for, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second, percentile
from diptych import Application

_COLD, _WARM = 0, 64 * 1024 * 1024
_ONE, _MANY = "1 task", "64 tasks"
_TASKS = {_ONE: 1, _MANY: 64}


@dataclass(frozen=True, slots=True)
class Measured:
    """Say what is measured: `copy` lends the URL of a fresh log, `raw` commits rows and returns how many per second."""

    part: str
    store: str
    beside: str
    events: int
    few: int
    raw: Callable[[], Awaitable[float]]
    copy: Callable[[], AbstractAsyncContextManager[str]]
    goals: Mapping[str, Goal]


def log_of(size: Size) -> int:
    """Return how many events the log has."""
    return max(size.of(100_000) // EVENTS * EVENTS, 1_000)


async def commands(measured: Measured, size: Size) -> list[Row]:
    """Measure commands of 1 and 64 tasks, their state loaded or in memory."""
    late: dict[str, list[float]] = {}
    sides = {"raw": measured.raw} | {
        f"{tasks}{', state in memory' * (state == _WARM)}": partial(_rate, measured, late, tasks, state)
        for state in (_COLD, _WARM)
        for tasks in _TASKS
    }
    found = await interleaved(sides, size.rounds)
    return [
        Row(
            measured.part,
            f"durable command, {measured.store}, log of {measured.events:,}, {name}",
            "commands/s",
            found[name],
            found["raw"],
            measured.beside,
            measured.goals.get(name),
            more={"p50_ms": round(percentile(late[name], 0.5), 3), "p99_ms": round(percentile(late[name], 0.99), 3)},
        )
        for name in sides
        if name != "raw"
    ]


async def _rate(measured: Measured, late: dict[str, list[float]], tasks: str, state: int) -> float:
    count = measured.few if tasks == _ONE else measured.events // EVENTS
    async with (
        measured.copy() as url,
        Application(orders, events=url, reads="memory://", state_bytes=state) as app,
    ):
        if state:
            await send_all(app, range(count), _TASKS[_MANY])
        before = await app.head()
        started = perf_counter()
        found = await send_all(app, range(count), _TASKS[tasks])
        rate = per_second(count, started)
        assert await app.head() == before + count, "an acknowledged command is not in the log"
    late.setdefault(f"{tasks}{', state in memory' * (state == _WARM)}", []).extend(found)
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
