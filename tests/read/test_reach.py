"""A position that is asked for is looked for in the right log."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import ForeignLogError, OutdatedError, PositionError
from diptych.model.messages import Query
from diptych.ports import Checkpoint, RowReader
from diptych.read.panel import ReadPanel
from diptych.stores.memory import MemoryEventStore
from tests.read.shop import Closed, Created, GetProduct, ask, opened, record, shop


@dataclass(frozen=True)
class Ping(Query[str]):
    pass


@dataclass(frozen=True)
class Busy:
    shop: str


async def pong(query: Ping) -> str:
    return "pong"


async def test_a_position_beyond_the_head_is_refused_by_a_query_without_rows_too() -> None:
    async with opened(MemoryEventStore(), [shop()], handlers=[pong]) as panel:
        assert await ask(panel, Ping()) == "pong"
        with pytest.raises(PositionError):
            await ask(panel, Ping(), after=1)


async def test_a_follower_refuses_rows_that_were_folded_from_another_log(tmp_path: Path) -> None:
    own, other = MemoryEventStore(), MemoryEventStore()
    await record(own, Created("a", "Apple", Decimal(1)))
    await record(other, Created("z", "Zucchini", Decimal(1)))
    async with opened(other, [shop()], path=tmp_path / "rows.db") as panel:
        await panel.caught_up(1)

    async with opened(own, [shop()], path=tmp_path / "rows.db", runs="follow") as panel:
        with pytest.raises(ForeignLogError):
            await ask(panel, GetProduct("z"))


@pytest.mark.fault
async def test_an_owner_that_was_busy_beyond_its_lease_does_not_answer_from_rows_that_other_code_folds(
    tmp_path: Path,
) -> None:
    store, entered, go_on = MemoryEventStore(), threading.Event(), threading.Event()
    one, other = shop(), shop(version=2)

    @one.read_model(Busy, key="shop").on
    def busy(row: Busy | None, event: Closed) -> Busy:
        entered.set()
        go_on.wait()
        return Busy(event.shop)

    async with opened(store, [one], path=tmp_path / "rows.db") as panel:
        await record(store, Created("a", "Apple", Decimal(1)))
        assert (await ask(panel, GetProduct("a"), after=1)).name == "Apple"
        await record(store, Closed("none"))
        await asyncio.to_thread(entered.wait)
        try:
            async with opened(store, [other], path=tmp_path / "rows.db") as newer:
                await newer.caught_up(2)

                with pytest.raises(OutdatedError):
                    await ask(panel, GetProduct("a"), after=1)
        finally:
            go_on.set()


async def test_a_position_that_is_reached_in_the_moment_in_which_time_is_up_is_reached(tmp_path: Path) -> None:
    store, rows = MemoryEventStore(), tmp_path / "rows.db"
    async with opened(store, [shop()], path=rows) as folding:
        await folding.caught_up(0)
    await record(store, Created("a", "Apple", Decimal(1)))
    async with opened(store, [shop()], path=rows, runs="follow") as panel:
        coverage: Any = panel.reach
        coverage._reach._reader = FoldedMeanwhile(panel.reader, lambda: opened(store, [shop()], path=rows))

        await panel.reach.reach(["shop"], 1, timeout=0)


class FoldedMeanwhile:
    """Tell the checkpoints, but let another process fold everything before the first answer arrives."""

    def __init__(self, reader: RowReader, opened: Callable[[], AbstractAsyncContextManager[ReadPanel]]) -> None:
        self._reader, self._opened = reader, [opened]

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        found = await self._reader.checkpoints()
        while self._opened:
            async with self._opened.pop()() as folding:
                await folding.caught_up(1)
        return found
