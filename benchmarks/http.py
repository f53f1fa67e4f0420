"""HTTP: a durable command over 64 connections beside FastAPI's no-op POST, both under uvicorn in their own process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from functools import partial

from benchmarks.logs import Logs, url
from benchmarks.orders import orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved
from diptych import Application

_CONNECTIONS = 64
_EVENTS = 10_000


async def http(size: Size, logs: Logs) -> list[Row]:
    """Measure requests per second of both, from the same load generator."""
    log, count = await logs.copy(_EVENTS), size.of(20_000)
    more: dict[str, list[float]] = {}
    async with _server("diptych", url(log)) as ours, _server("fastapi") as theirs:
        await _load(ours, size.of(2_000), {}, "ours")
        await _load(theirs, size.of(2_000), {}, "theirs")
        sides = {
            "ours": partial(_load, ours, count, more, "ours"),
            "theirs": partial(_load, theirs, count, more, "theirs"),
        }
        found = await interleaved(sides, size.rounds)
    sent = count * size.rounds + size.of(2_000)
    async with Application(orders, events=url(log), reads="memory://") as app:
        assert await app.head() == _EVENTS + sent, "an acknowledged command is not in the log"
    logs.drop(log)
    return [
        Row(
            "http",
            f"durable command over HTTP, {_CONNECTIONS} connections",
            "requests/s",
            found["ours"],
            found["theirs"],
            "FastAPI no-op POST",
            Goal(">=", 1.1),
            more={name: [round(value, 3) for value in values] for name, values in more.items()},
        )
    ]


@contextlib.asynccontextmanager
async def _server(*arguments: str) -> AsyncIterator[int]:
    command = (sys.executable, "-m", "benchmarks.serving", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        await process.wait()


async def _load(port: int, count: int, more: dict[str, list[float]], side: str) -> float:
    command = (sys.executable, "-m", "benchmarks.generator", str(port), str(_CONNECTIONS), str(count))
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE)
    answer, _ = await process.communicate()
    found: dict[str, float] = json.loads(answer)
    for name in ("p50_ms", "p99_ms"):
        more.setdefault(f"{side}_{name}", []).append(found[name])
    return found["per_second"]
