"""Views that are refreshed by processes which die, and by several at once."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.faults.processes import line, process
from tests.read.sales import Completed, ListDays, ListFolded, shop
from tests.read.shop import record
from tests.sizes import size

REFRESHER = "tests.faults.refresher"
KILLS = size(5, full=200)
SECONDS = size(3, full=60)
DAYS = 3000
MONDAY = date(2001, 1, 1)

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + KILLS * 5 + SECONDS)]


def sale(number: int) -> Completed:
    return Completed(number, MONDAY + timedelta(days=number % DAYS), Decimal(number))


def seen(folder: Path) -> tuple[int, int, int, int]:
    """Return of one snapshot: the position, the rows as told, the rows that are there, the sales that they count."""
    with contextlib.closing(sqlite3.connect(folder / "log-reads.db", timeout=10)) as connection:
        connection.execute("begin")
        told = connection.execute("select position, row_count from diptych_view").fetchone() or (0, 0)
        found = connection.execute('select count(*), coalesce(sum("count"), 0) from sales_by_day').fetchone()
    return (*told, *found)


def tables(folder: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(folder / "log-reads.db")) as connection:
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)
        found = connection.execute("select name from sqlite_master where type = 'table' and name like 'sales_by_day%'")
        return [name for (name,) in found]


def is_whole(folder: Path) -> bool:
    _, told, rows, sales = seen(folder)
    return told == rows == DAYS and sales == DAYS


async def fill(folder: Path) -> None:
    async with shop(folder) as app:
        await record(app.store, *(sale(number) for number in range(DAYS)))
        await app.caught_up()
        await app.refresh("sales_by_day")


async def test_a_kill_in_the_middle_of_a_refresh_leaves_a_whole_view(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(11)
    await fill(tmp_path)

    for _ in range(KILLS):
        async with process(REFRESHER, tmp_path) as child:
            assert await line(child) == "ready"
            assert await line(child) == str(DAYS)
            await asyncio.sleep(rng.random() * 0.05)  # a moment of the refresh that is under way
            child.kill()
            await child.wait()
        assert is_whole(tmp_path)
        assert len(tables(tmp_path)) == 1

    record_property("kills", KILLS)
    async with shop(tmp_path) as app:
        await app.refresh("sales_by_day")
        days, folded = await app.ask(ListDays()), await app.ask(ListFolded())
        assert [(each.day, each.total) for each in days.items] == [(each.day, each.total) for each in folded.items]


async def test_a_swap_in_two_transactions_would_be_noticed(tmp_path: Path) -> None:
    await fill(tmp_path)

    async with process(REFRESHER, tmp_path, "torn") as child:
        await child.wait()

    assert not is_whole(tmp_path)


async def test_two_processes_refresh_one_view_and_it_never_goes_back(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    await fill(tmp_path)
    seconds, last, looks, number = asyncio.get_running_loop().time() + SECONDS, 0, 0, DAYS

    async with (
        process(REFRESHER, tmp_path) as first,
        process(REFRESHER, tmp_path) as second,
        shop(tmp_path, projections="follow") as app,
    ):
        assert await line(first) == await line(second) == "ready"
        told = [asyncio.ensure_future(_drain(each)) for each in (first, second)]
        while asyncio.get_running_loop().time() < seconds:
            await record(app.store, *(sale(number + each) for each in range(5)))
            number += 5
            for _ in range(5):
                position, rows_told, rows, sales = await asyncio.to_thread(seen, tmp_path)
                assert rows == rows_told
                assert sales == position >= last  # every event up to the position is a sale, and each is counted once
                last, looks = position, looks + 1
        first.kill()
        second.kill()
        refreshed = await asyncio.gather(*told)

    record_property("looks", looks)
    record_property("refreshes", sum(refreshed))
    assert last > DAYS
    assert all(refreshed)


async def _drain(child: asyncio.subprocess.Process) -> int:
    assert child.stdout is not None
    return len((await child.stdout.read()).splitlines())
