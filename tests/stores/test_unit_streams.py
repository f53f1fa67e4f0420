"""Units of work whose handler streams rows: what is still open when they end holds up nobody."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncResult

from diptych.errors import StaleRowError, TurnHeldError, UnitError
from diptych.ports import Appended, Unit
from diptych.stores.sqlite.connection import connect_unit
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event
from tests.sizes import size
from tests.stores.ledger import Account, Ledger

LONG = 30.0
MANY = 1000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
    store = SqliteEventStore(tmp_path / "log.db")
    store.declare([Ledger.metadata])
    async with store:
        async with store.unit(limit=LONG) as unit:
            values = [{"id": number, "owner": f"owner {number}"} for number in range(1, MANY + 1)]
            await unit.session.execute(sa.insert(Account), values)
            assert isinstance(await unit.append(appending()), Appended)
        yield store


async def streaming(unit: Unit) -> AsyncResult[Any]:
    """Read the first of many rows, and leave the others unread."""
    found = await unit.session.stream(sa.select(Account.id).execution_options(yield_per=1))
    assert await found.__anext__() is not None
    return found


async def open_account(store: SqliteEventStore, number: int) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=number, owner=f"owner {number}"))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_a_stream_that_is_open_when_the_handler_raises_holds_up_nobody(store: SqliteEventStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.unit(limit=LONG) as unit:
            await unit.begin()
            kept = await streaming(unit)
            raise ZeroDivisionError

    assert isinstance(await store.append(appending(event())), Appended)
    await open_account(store, MANY + 1)
    assert kept is not None


async def test_a_stream_that_is_open_when_the_turn_is_taken_away_holds_up_nobody(store: SqliteEventStore) -> None:
    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.2) as unit:
            await unit.begin()
            kept = await streaming(unit)
            await asyncio.Event().wait()

    assert isinstance(await store.append(appending(event())), Appended)
    await open_account(store, MANY + 1)
    assert kept is not None


async def test_a_stream_that_is_open_at_the_commit_does_not_outlive_it(store: SqliteEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        kept = await streaming(unit)
        unit.session.add(Account(id=MANY + 1, owner="ada"))
        assert isinstance(await unit.append(appending(event())), Appended)

    for number in range(MANY + 2, MANY + 12):  # on the connection of the stream
        await open_account(store, number)
    assert kept is not None


async def test_a_stream_of_a_unit_that_wrote_nothing_does_not_outlive_it(store: SqliteEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        kept = await streaming(unit)

    await store.append(appending(event()))
    await open_account(store, MANY + 1)
    assert kept is not None


async def test_a_write_within_a_stream_is_a_conflict_once_somebody_else_wrote(store: SqliteEventStore) -> None:
    with pytest.raises(StaleRowError, match="is still being read"):
        async with store.unit(limit=LONG) as unit:
            await streaming(unit)
            await store.append(appending(event()))
            unit.session.add(Account(id=MANY + 1, owner="ada"))
            await unit.session.flush()

    await open_account(store, MANY + 1)


@pytest.mark.parametrize("comment", ["/* by ada */ ", "-- by ada\n", " ;", "/* a */-- b\n/* c */"])
@pytest.mark.parametrize("control", ["commit", "attach ':memory:' as other", "pragma query_only = off"])
async def test_a_comment_hides_no_control_of_the_transaction(
    store: SqliteEventStore, comment: str, control: str
) -> None:
    with pytest.raises(UnitError, match="is not for a unit of work"):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=MANY + 1, owner="ada"))
            await unit.session.flush()
            await unit.session.execute(sa.text(comment + control))

    with contextlib.closing(sqlite3.connect(store._path)) as other:
        assert other.execute("select count(*) from accounts").fetchone() == (MANY,)


async def test_a_commented_select_takes_no_turn(store: SqliteEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text("/* by ada */ select 1"))
        assert unit._turn is None  # type: ignore[attr-defined]  # of this store


async def test_a_unit_that_is_cancelled_ends_its_long_query(store: SqliteEventStore) -> None:
    forever = "select count(*) from (with recursive n(i) as (select 1 union all select i + 1 from n) select i from n)"
    started = asyncio.Event()

    async def query() -> None:
        async with store.unit(limit=LONG) as unit:
            await unit.session.execute(sa.text("select 1"))
            started.set()
            await unit.session.execute(sa.text(forever))

    task = asyncio.create_task(query())
    await started.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, LONG)
    await open_account(store, MANY + 1)


async def test_two_that_roll_one_connection_back_at_once_both_succeed(store: SqliteEventStore) -> None:
    connection = connect_unit(store._path)
    with ThreadPoolExecutor(2) as threads, contextlib.closing(connection):
        for _ in range(size(300, full=5000)):
            connection.execute("begin")
            for rolled_back in [threads.submit(connection.rollback) for _ in range(2)]:
                rolled_back.result()
