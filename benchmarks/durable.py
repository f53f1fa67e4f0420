"""A durable command on SQLite beside a raw one-row commit."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from benchmarks import raw
from benchmarks.commands import Measured, commands, log_of
from benchmarks.logs import Logs, url
from benchmarks.orders import EVENTS
from benchmarks.rows import Goal, Row, Size

_GOALS = {
    "1 task": Goal(">=", 0.5, 0.6),
    "64 tasks": Goal(">=", 3.5, 5),
    "64 tasks, state in memory": Goal(">=", 7, 10),
}


async def durable(size: Size, logs: Logs) -> list[Row]:
    """Measure durable commands of 1 and 64 tasks, their state loaded or in memory."""
    events = log_of(size)
    few, template = min(size.of(3_000), events // EVENTS), raw.make(logs.folder / f"raw-{events}.db", events)
    beside, copy = partial(_raw, logs, template, few), partial(_copy, logs, events)
    measured = Measured("durable", "SQLite", "sqlite3, one row per commit", events, few, beside, copy, _GOALS)
    return await commands(measured, size)


async def _raw(logs: Logs, template: Path, count: int) -> float:
    copy = logs.folder / "raw-copy.db"
    shutil.copy(template, copy)
    try:
        return raw.commits_per_second(copy, count)
    finally:
        for path in logs.folder.glob("raw-copy.db*"):
            path.unlink()


@asynccontextmanager
async def _copy(logs: Logs, events: int) -> AsyncIterator[str]:
    log = await logs.copy(events)
    try:
        yield url(log)
    finally:
        logs.drop(log)
