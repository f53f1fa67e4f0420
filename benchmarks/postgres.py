"""The same on PostgreSQL, beside one connection of asyncpg that commits one row at a time."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import perf_counter

from benchmarks import raw_postgres as raw
from benchmarks.commands import Measured, commands, log_of
from benchmarks.databases import Databases, databases
from benchmarks.loading import loads
from benchmarks.logs import Logs
from benchmarks.orders import EVENTS, SEEN, GetOrder, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved, per_second, percentile
from benchmarks.visibility import folded_elsewhere, paced
from diptych import Application
from diptych.wiring import Runs

_GOALS = {
    "1 task": Goal(">=", 0.45, 0.55),
    "64 tasks": Goal(">=", 3, 5),
    "64 tasks, state in memory": Goal(">=", 7, 12),
}
_ORDERS, _RATE, _SECONDS, _EVENTS = 10, 100, 4, 10_000


async def postgres(size: Size, _: Logs) -> list[Row]:
    """Measure durable commands, loads, catching up and visibility on PostgreSQL."""
    with databases() as server:
        rows = await _durable(size, server)
        rows += await _processes(size, server)
        rows += await _loads(size, server)
        rows += await _catch_up(size, server)
        return rows + await _visibility(size, server)


async def _durable(size: Size, server: Databases) -> list[Row]:
    events = log_of(size)
    few = min(size.of(2_000), events // EVENTS)
    beside = partial(raw.commits_per_second, await raw.make(server.empty(), events, each=EVENTS), few)
    copy, named = partial(_copy, server, events), "asyncpg, one row per commit"
    return await commands(Measured("postgres", "PostgreSQL", named, events, few, beside, copy, _GOALS), size)


@asynccontextmanager
async def _copy(server: Databases, events: int) -> AsyncIterator[str]:
    url = await server.copy(events)
    yield url
    await server.drop(url)


async def _processes(size: Size, server: Databases) -> list[Row]:
    """Measure several processes of 64 tasks each on one log, beside as many raw ones."""
    events, rows = log_of(size), []
    count = events // EVENTS
    for processes in size.processes:
        found = await interleaved(
            {
                "raw": partial(_together, server, events, processes, count // 4, "raw"),
                "cold": partial(_together, server, events, processes, count, "cold"),
                "warm": partial(_together, server, events, processes, count, "warm"),
            },
            size.rounds,
        )
        for state, what in (("cold", ""), ("warm", ", state in memory")):
            name = f"durable command, PostgreSQL, {processes} processes of 64 tasks{what}"
            beside = f"{processes} processes, each with asyncpg, one row per commit"
            rows.append(Row("postgres", name, "commands/s", found[state], found["raw"], beside))
    return rows


async def _together(server: Databases, events: int, processes: int, count: int, side: str) -> float:
    """Return the commands per second of several processes that begin together, from the first start to the last end."""
    url = await server.copy(events)
    if side == "raw":
        await raw.make(url, EVENTS, each=EVENTS)
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.sending",
            url,
            side,
            str(number),
            str(processes),
            str(count),
            stdin=PIPE,
            stdout=PIPE,
        )
        for number in range(processes)
    ]
    for each in started:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    for each in started:
        assert each.stdin is not None
        each.stdin.write(b"go\n")
    spans = [tuple(map(float, (await each.communicate())[0].split())) for each in started]
    await server.drop(url)
    return count / (max(end for _, end in spans) - min(begin for begin, _ in spans))


async def _loads(size: Size, server: Databases) -> list[Row]:
    rows = []
    for each in (10, 1_000):
        count = max(_ORDERS, min(size.of(2_000), size.of(300_000) // each))
        url = await server.copy(each * _ORDERS, each=each)
        await raw.make(url, each * _ORDERS, each=each)
        found = await interleaved(
            {"raw": partial(_raw_loads, url, each, count), "ours": partial(loads, url, each, count)}, size.rounds
        )
        goal = Goal("<=", 1.5) if each > EVENTS else None
        name, beside = f"load an aggregate of {each:,} events, PostgreSQL", "asyncpg: select, decode, fold"
        rows.append(Row("postgres", name, "us/event", found["ours"], found["raw"], beside, goal, absolute=True))
        await server.drop(url)
    return rows


async def _raw_loads(url: str, each: int, count: int) -> float:
    return await raw.microseconds_per_load(url, _ORDERS, count) / each


async def _catch_up(size: Size, server: Databases) -> list[Row]:
    events = size.of(200_000) // EVENTS * EVENTS

    async def caught_up() -> float:
        url = await server.copy(events)
        started = perf_counter()
        async with Application(orders, *SEEN, events=url) as app:
            await app.caught_up(timeout=600)
            rate = per_second(events, started)
            view = await app.ask(GetOrder(events // EVENTS - 1))
            assert view is not None
            assert view.lines == EVENTS - 1
        await server.drop(url)
        return rate

    found = await interleaved({"ours": caught_up}, size.rounds)
    name = f"catch-up of one read model of 8 fields, PostgreSQL, {events:,} events, interleaved keys"
    return [Row("postgres", name, "events/s", found["ours"], goal=Goal(">=", 80_000))]


async def _visibility(size: Size, server: Databases) -> list[Row]:
    count = size.of(_RATE * _SECONDS)
    late: dict[str, list[float]] = {"same": [], "across": []}
    sides = {name: partial(_seen, server, count, late, name) for name in late}
    found = await interleaved(sides, size.rounds)
    p99 = {name: [percentile(values, 0.99)] for name, values in late.items()}
    name = f"acknowledged -> visible at {_RATE} commands/s, PostgreSQL"
    return [
        Row("postgres", f"{name}, p50", "ms", found["same"], goal=Goal("<=", 0.8)),
        Row("postgres", f"{name}, p99", "ms", p99["same"], goal=Goal("<=", 3)),
        Row("postgres", f"{name}, across processes, p50", "ms", found["across"]),
        Row("postgres", f"{name}, across processes, p99", "ms", p99["across"], goal=Goal("<=", 10)),
    ]


async def _seen(server: Databases, count: int, late: dict[str, list[float]], name: str) -> float:
    url = await server.copy(_EVENTS)
    async with AsyncExitStack() as stack:
        if name == "across":
            await stack.enter_async_context(folded_elsewhere(url))
        runs: Runs = "run" if name == "same" else "follow"
        app = await stack.enter_async_context(Application(orders, *SEEN, events=url, projections=runs))
        await app.caught_up()
        found = await paced(app, count)
    await server.drop(url)
    late[name] += found
    return percentile(found, 0.5)
