"""Processes that project die; what they leave is whole, and another one goes on."""

import asyncio
import contextlib
import random
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from diptych.history.check import check
from diptych.stores.sqlite.events import SqliteEventStore
from tests.read.shop import Closed, Created, GetProduct, Removed, Sold, ask, codec, opened, record, shop
from tests.read.stalls import stalls
from tests.sizes import size

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def projecting(log: Path, rows: Path) -> AsyncIterator[Process]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.read.projecting", str(log), str(rows), stdout=PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    try:
        assert await child.stdout.readline() == b"ready\n"
        yield child
    finally:
        with contextlib.suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def fill(store: SqliteEventStore, count: int, rng: random.Random) -> int:
    position = 0
    for number in range(count):
        code = f"p{rng.randrange(50)}"
        made = [Created(code, f"n{rng.randrange(9)}", Decimal(number)), Sold(number, ((code, 1), ("p1", 2)))]
        rare = [Removed(code)] if rng.random() < 0.1 else [Closed(f"n{rng.randrange(9)}")] if rng.random() < 0.1 else []
        position = await record(store, *made, *rare)
    return position


@pytest.mark.fault
async def test_a_runtime_that_stands_by_takes_over_within_three_seconds_of_a_kill(tmp_path: Path) -> None:
    log, rows = tmp_path / "log.db", tmp_path / "rows.db"
    async with (
        SqliteEventStore(log) as store,
        projecting(log, rows) as child,
        opened(store, [shop(), stalls()], path=rows) as panel,
    ):
        await record(store, Created("a", "Apple", Decimal(1)))
        assert (await ask(panel, GetProduct("a"), after=1)).sold == 0
        assert (await panel.checkpoints())["shop"].epoch == 1
        position = await record(store, Sold(1, (("a", 1),)))

        child.kill()
        killed = time.monotonic()
        last = await record(store, Sold(2, (("a", 1),)))
        await ask(panel, GetProduct("a"), after=last, wait=3)

        assert time.monotonic() - killed < 3
        assert (await ask(panel, GetProduct("a"), after=position)).sold == 2
        assert (await panel.checkpoints())["shop"].epoch == 2
        assert (await check(shop(), store, panel.rows, codec())).is_right


@pytest.mark.fault
async def test_a_runtime_that_slept_through_a_takeover_writes_nothing(tmp_path: Path) -> None:
    log, rows = tmp_path / "log.db", tmp_path / "rows.db"
    async with SqliteEventStore(log) as store, projecting(log, rows) as child:
        await record(store, Created("a", "Apple", Decimal(1)))
        async with opened(store, [shop(), stalls()], path=rows) as panel:
            child.send_signal(signal.SIGSTOP)
            position = await record(store, Sold(1, (("a", 1),)))
            await ask(panel, GetProduct("a"), after=position, wait=3)
            child.send_signal(signal.SIGCONT)
            for number in range(100):
                position = await record(store, Sold(number, (("a", 1),)))
                await ask(panel, GetProduct("a"), after=position)

            assert (await panel.checkpoints())["shop"].epoch == 2
            assert (await ask(panel, GetProduct("a"), after=position)).sold == 101
            assert (await check(shop(), store, panel.rows, codec())).is_right


@pytest.mark.fault
async def test_a_killed_projection_resumes_and_check_finds_nothing(tmp_path: Path) -> None:
    log, rows, rng = tmp_path / "log.db", tmp_path / "rows.db", random.Random(7)
    async with SqliteEventStore(log) as store:
        head = await fill(store, size(400, full=4000), rng)
        for _ in range(size(3, full=20)):
            async with (
                projecting(log, rows) as child,
                opened(store, [shop(), stalls()], path=rows, runs="follow") as panel,
            ):
                stood = (await panel.checkpoints())["shop"].position
                while (await panel.checkpoints())["shop"].position < min(head, stood + rng.randrange(1, 300)):
                    await asyncio.to_thread(time.monotonic)
                child.kill()
        async with opened(store, [shop(), stalls()], path=rows) as panel:
            await panel.caught_up(head)

            reports = [await check(each, store, panel.rows, codec()) for each in (shop(), stalls())]

        assert [report.position for report in reports] == [head, head]
        assert [report.differences for report in reports] == [(), ()]


@pytest.mark.fault
async def test_a_planted_loss_is_caught(tmp_path: Path) -> None:
    """Plant a bug: a checkpoint that runs ahead of its rows."""
    log, rows = tmp_path / "log.db", tmp_path / "rows.db"
    async with SqliteEventStore(log) as store, opened(store, [shop(), stalls()], path=rows) as panel:
        await panel.caught_up(await fill(store, 20, random.Random(1)))
        async with panel.rows.writer() as thief:
            with contextlib.closing(thief._open()) as database, database.write() as connection:
                connection.execute("update diptych_checkpoint set position = position + 1, epoch = 9")
        await record(store, Created("lost", "Lost", Decimal(1)))

        report = await check(shop(), store, panel.rows, codec())

    assert [(each.model, each.key, each.field) for each in report.differences if each.model == "product"] == [
        ("product", ("lost",), "")
    ]
