"""From the acknowledgement of a command to its row in a read model, at 100 commands per second."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks.logs import Logs, url
from benchmarks.orders import SEEN, GetOrder, line_for, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, percentile
from diptych import Application

_RATE = 100
_SECONDS = 4
_EVENTS = 10_000


async def visibility(size: Size, logs: Logs) -> list[Row]:
    """Measure how long after its acknowledgement a command's effect is read; folded in this process or in another."""
    count = size.of(_RATE * _SECONDS)
    late: dict[str, list[float]] = {"same": [], "across": []}
    found = await interleaved(
        {
            "same": partial(_same_process, logs, count, late["same"]),
            "across": partial(_across_processes, logs, count, late["across"]),
        },
        size.rounds,
    )
    same, across = _p99(late["same"], size), _p99(late["across"], size)
    name = f"acknowledged -> visible at {_RATE} commands/s"
    return [
        Row("visibility", f"{name}, p50", "ms", found["same"], goal=Goal("<=", 0.5)),
        Row("visibility", f"{name}, p99", "ms", same, goal=Goal("<=", 3)),
        Row("visibility", f"{name}, across processes, p50", "ms", found["across"]),
        Row("visibility", f"{name}, across processes, p99", "ms", across, goal=Goal("<=", 10)),
    ]


def _p99(late: list[float], size: Size) -> list[float]:
    each = len(late) // size.rounds
    return [percentile(late[start : start + each], 0.99) for start in range(0, each * size.rounds, each)]


async def _same_process(logs: Logs, count: int, late: list[float]) -> float:
    log = await logs.copy(_EVENTS)
    async with Application(orders, *SEEN, events=url(log)) as app:
        await app.caught_up()
        found = await paced(app, count)
    logs.drop(log)
    late += found
    return percentile(found, 0.5)


async def _across_processes(logs: Logs, count: int, late: list[float]) -> float:
    log = await logs.copy(_EVENTS)
    async with folded_elsewhere(url(log)), Application(orders, *SEEN, events=url(log), projections="follow") as app:
        await app.caught_up()
        found = await paced(app, count)
    logs.drop(Path(log))
    late += found
    return percentile(found, 0.5)


@asynccontextmanager
async def folded_elsewhere(log: str) -> AsyncIterator[None]:
    """Let another process fold a log."""
    command = (sys.executable, "-m", "benchmarks.folding", log)
    folder = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert folder.stdin is not None
    assert folder.stdout is not None
    assert await folder.stdout.readline() == b"ready\n"
    yield
    folder.stdin.close()
    await folder.wait()


async def paced(app: Application, count: int) -> list[float]:
    """Send at a steady rate; return milliseconds from each acknowledgement to the answer that holds it."""
    found, warm, begin = [], _RATE // 2, perf_counter()
    for turn in range(count + warm):
        await asyncio.sleep(max(0.0, begin + turn / _RATE - perf_counter()))
        order = turn % 1_000
        accepted = await app.send(line_for(order))
        started = perf_counter()
        view = await app.ask(GetOrder(order), after=accepted)
        found.append((perf_counter() - started) * 1000)
        assert view is not None
        assert view.lines == accepted.unwrap()
    return found[warm:]
