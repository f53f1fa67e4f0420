"""The projection runtime stops when it is told to, whatever it is at."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import FoldError
from diptych.model.projections import Projection
from diptych.read import runtime
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from tests.read.shop import Created, opened, record, shop

EVENTS = 60
BATCH = 20


class Gate:
    """Hold whoever passes through, and tell that somebody is there."""

    def __init__(self) -> None:
        self.reached, self.open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.reached.set()
        self.open.wait()


@dataclass(frozen=True)
class Passed:
    code: str


def gated(gate: Gate) -> Projection:
    projection = shop()

    @projection.read_model(Passed, key="code").on
    def passed(row: Passed | None, event: Created) -> Passed:
        gate()
        return Passed(event.code)

    return projection


async def position(path: Path) -> int:
    async with SqliteRowStore(path) as rows, rows.reader() as reader:
        return (await reader.checkpoints())["shop"].position


async def test_a_runtime_that_is_behind_stops_between_two_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "BATCH", BATCH)
    store, gate = MemoryEventStore(), Gate()
    await record(store, *[Created(f"p{number}", "Pear", Decimal(1)) for number in range(EVENTS)])
    async with opened(store, [gated(gate)], path=tmp_path / "rows.db") as panel:
        await asyncio.to_thread(gate.reached.wait)
        closing = asyncio.create_task(panel.__aexit__(None, None, None))
        await asyncio.sleep(0)
        gate.open.set()
        await closing

    assert await position(tmp_path / "rows.db") == BATCH


async def test_a_fold_whose_error_says_no_text_stops_its_projection_and_no_other(tmp_path: Path) -> None:
    broken = Projection("broken")

    @broken.read_model(Passed, key="code").on
    def passed(row: Passed | None, event: Created) -> Passed:
        raise ValueError("caf\udce9")

    store = MemoryEventStore()
    async with opened(store, [shop(), broken], path=tmp_path / "reads.db") as panel:
        await record(store, Created("p1", "Pear", Decimal(1)))
        await panel.reach.reach(("shop",), 1, timeout=10)
        with pytest.raises(FoldError, match=r"ValueError: caf\\udce9"):
            await panel.reach.reach(("broken",), 1, timeout=10)

        assert panel.ownership.failure is None


async def test_a_start_that_is_cancelled_before_the_thread_runs_leaves_nothing_running(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate, run = Gate(), asyncio.run

    def held(coroutine: Coroutine[Any, Any, None]) -> None:
        gate()
        run(coroutine)

    monkeypatch.setattr(runtime.asyncio, "run", held)
    opening = asyncio.create_task(opened(MemoryEventStore(), [shop()]).__aenter__())
    await asyncio.to_thread(gate.reached.wait)
    opening.cancel()
    await asyncio.sleep(0)  # the cancellation is on its way to the thread
    gate.open.set()

    done, _ = await asyncio.wait([opening], timeout=5)

    assert done
    assert opening.cancelled()
