"""Load an aggregate: read, decode and fold its events, by the loader alone and within a command that is always refused.

Nothing is kept in memory. Such a command does nothing else with the log; beside its load it is sent, dispatched,
decided, answered, and noted in the audit trail.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

from benchmarks import raw
from benchmarks.logs import Logs, url
from benchmarks.orders import CloseOrder, Order, evolve, orders
from benchmarks.rows import Goal, Row, Size
from benchmarks.timing import interleaved
from diptych import Application, Refused
from diptych.model.criteria import Clause
from diptych.model.folds import Fold
from diptych.stores.memory_snapshots import MemorySnapshots
from diptych.write.entities import Entity
from diptych.write.loading import Loader
from diptych.write.snapshots import Snapshotter
from diptych.write.states import StateCache

_ORDERS = 10
_FOLD = Fold(evolve, Order)


async def load(size: Size, logs: Logs) -> list[Row]:
    """Measure the load of orders of 10, 1,000 and 10,000 events."""
    rows = []
    for each in size.aggregates:
        count = max(_ORDERS, min(size.of(2_000), size.of(300_000) // each))
        log, beside = await logs.copy(each * _ORDERS, each=each), logs.folder / f"raw-load-{each}.db"
        raw.make(beside, each * _ORDERS, each=each)
        sides = {
            "raw": partial(_raw, beside, each, count),
            "loads": partial(loads, url(log), each, count),
            "commands": partial(_commands, url(log), each, count),
        }
        found = await interleaved(sides, size.rounds)
        rows += _rows(each, found["loads"], found["commands"], found["raw"])
        shutil.rmtree(log.parent)
    return rows


def _rows(each: int, loads: Sequence[float], commands: Sequence[float], raw: Sequence[float]) -> list[Row]:
    """Return the time per event of a load, which the goal bounds, and that of a whole command."""
    what, beside = f"load an aggregate of {each:,} events", "sqlite3: select, decode, fold"
    goal = Goal("<=", 1.5)
    return [
        Row("load", what, "us/event", loads, raw, beside, goal, absolute=True),
        Row("load", f"{what}, in a command that is refused", "us/event", commands, raw, beside),
    ]


async def _raw(path: Path, each: int, count: int) -> float:
    return raw.microseconds_per_load(path, _ORDERS, count) / each


async def loads(log: str, each: int, count: int) -> float:
    """Return the microseconds per event of a load."""
    async with _application(log, each) as app:
        loader = Loader(app.store, app.codec, StateCache(0), Snapshotter((), store=MemorySnapshots(), log=app.store))
        for order in range(_ORDERS):
            entity = _entity(order)
            await loader.refresh(loader.recall([entity]))
            assert entity.known is not None
            assert entity.known.state.lines == each - 1
        started = perf_counter()
        for turn in range(count):
            await loader.refresh(loader.recall([_entity(turn % _ORDERS)]))
        return (perf_counter() - started) / count * 1e6 / each


async def _commands(log: str, each: int, count: int) -> float:
    """Return the microseconds per event of a command."""
    async with _application(log, each) as app:
        started = perf_counter()
        for turn in range(count):
            await app.send(CloseOrder(turn % _ORDERS))
        return (perf_counter() - started) / count * 1e6 / each


@asynccontextmanager
async def _application(log: str, each: int) -> AsyncIterator[Application]:
    """Open an application that remembers no state; it has read every order once, and found it whole."""
    async with Application(orders, events=log, reads="memory://", state_bytes=0) as app:
        for order in range(_ORDERS):
            refused = await app.send(CloseOrder(order))
            assert isinstance(refused, Refused)
            assert refused.data == {"lines": each - 1}
        yield app


def _entity(order: int) -> Entity:
    clause = Clause(_FOLD.types, (f"order:{order}",))
    return Entity(_FOLD, clause, clause)
