"""Rows, versions and checkpoint are stored together: whoever is killed in between leaves no version out, or twice."""

import asyncio
import contextlib
import random
import sqlite3
import sys
from asyncio.subprocess import PIPE
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from diptych.application import Application
from tests.history.shop import Drop, Price, Sell, application
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.timeout(size(120, full=1_800))]

ROOT = Path(__file__).parents[2]
COMMANDS = size(600, full=20_000)
KILLS = size(4, full=60)


async def fill(log: str, drawn: random.Random) -> None:
    async with application(log, projections="follow") as app:
        for number in range(COMMANDS):
            product = f"p{drawn.randrange(12)}"
            command = drawn.choice(
                [Price(product, Decimal(number % 40)), Sell(product, 1), Sell(product, 2), Drop(product)]
            )
            await app.send(command)


async def killed(log: Path, rows: Path, drawn: random.Random) -> None:
    """Fold in a process of its own, and kill it when it is somewhere further on."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.history.projecting", str(log), str(rows), stdout=PIPE, cwd=ROOT
    )
    assert child.stdout is not None
    assert await child.stdout.readline() == b"ready\n"
    async with application(f"sqlite:///{log}", reads=f"sqlite:///{rows}", projections="follow") as app:
        stood = await position(app)
        while await position(app) < min(COMMANDS, stood + drawn.randrange(1, COMMANDS // KILLS)):
            await asyncio.to_thread(int)
    child.kill()
    await child.wait()


async def position(app: Application) -> int:
    found = (await app.checkpoints()).get("kept")
    return 0 if found is None else found.position


async def versions(app: Application) -> list[Any]:
    """Every stored version: each row with the positions from which and to which it held."""
    await app.caught_up()
    table = sa.table("shelves__h", *map(sa.column, ("product", "price", "sold", "_from", "_to")))
    async with app.rows.reader() as reader:
        return list((await reader.select([sa.select(table).order_by(table.c.product, sa.column("_from"))]))[0])


async def test_a_fold_that_is_killed_again_and_again_leaves_the_versions_of_one_that_is_not(tmp_path: Path) -> None:
    log, rows, drawn = tmp_path / "log.db", tmp_path / "rows.db", random.Random(5)
    await fill(f"sqlite:///{log}", drawn)

    for _ in range(KILLS):
        await killed(log, rows, drawn)

    async with application(f"sqlite:///{log}", reads=f"sqlite:///{rows}") as app:
        found = await versions(app)
    async with application(f"sqlite:///{log}", reads="memory://") as app:
        expected = await versions(app)
    assert found == expected
    assert len(found) > COMMANDS // 4


async def test_a_version_that_is_lost_is_caught(tmp_path: Path) -> None:
    """Plant a bug: versions that are stored after their rows, and lost in between."""
    log, rows = f"sqlite:///{tmp_path}/log.db", tmp_path / "rows.db"
    await fill(log, random.Random(6))
    async with application(log, reads="memory://") as app:
        expected = await versions(app)
    async with application(log, reads=f"sqlite:///{rows}") as app:
        assert await versions(app) == expected
    with contextlib.closing(sqlite3.connect(rows)) as connection:
        connection.execute("delete from shelves__g1__h where _from = (select max(_from) from shelves__g1__h)")
        connection.commit()

    async with application(log, reads=f"sqlite:///{rows}") as app:
        assert await versions(app) != expected
