"""Units of work whose handler streams rows: what is still open when they end holds up nobody."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncResult

from diptych.errors import TurnHeldError, UnitError
from diptych.ports import Appended, Unit
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event
from tests.clusters import OLDEST
from tests.stores.ledger import Account, Ledger
from tests.stores.unit_stores import LONG, ClusterOf, UnitStore, holds, opened, rows

MANY = 1000


@pytest.fixture(params=["sqlite", OLDEST])
async def store(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> AsyncIterator[UnitStore]:
    async with opened(request.param, [Ledger.metadata], tmp_path, cluster_of) as store:
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


async def open_account(store: UnitStore, number: int) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=number, owner=f"owner {number}"))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_a_stream_that_is_open_when_the_handler_raises_holds_up_nobody(store: UnitStore) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.unit(limit=LONG) as unit:
            await unit.begin()
            kept = await streaming(unit)
            raise ZeroDivisionError

    assert isinstance(await store.append(appending(event())), Appended)
    await open_account(store, MANY + 1)
    assert kept is not None


async def test_a_stream_that_is_open_when_the_turn_is_taken_away_holds_up_nobody(store: UnitStore) -> None:
    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.2) as unit:
            await unit.begin()
            kept = await streaming(unit)
            await asyncio.Event().wait()

    assert isinstance(await store.append(appending(event())), Appended)
    await open_account(store, MANY + 1)
    assert kept is not None


async def test_a_stream_that_is_open_at_the_commit_does_not_outlive_it(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        kept = await streaming(unit)
        unit.session.add(Account(id=MANY + 1, owner="ada"))
        assert isinstance(await unit.append(appending(event())), Appended)

    for number in range(MANY + 2, MANY + 12):  # on the connection of the stream
        await open_account(store, number)
    assert kept is not None


async def test_a_stream_of_a_unit_that_wrote_nothing_does_not_outlive_it(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        kept = await streaming(unit)

    await store.append(appending(event()))
    await open_account(store, MANY + 1)
    assert kept is not None


@pytest.mark.parametrize("comment", ["/* by ada */ ", "-- by ada\n", " ;", "/* a */-- b\n/* c */"])
@pytest.mark.parametrize("control", ["commit", "end", "begin"])
async def test_a_comment_hides_no_control_of_the_transaction(store: UnitStore, comment: str, control: str) -> None:
    with pytest.raises(UnitError, match="is not for a unit of work"):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=MANY + 1, owner="ada"))
            await unit.session.flush()
            await unit.session.execute(sa.text(comment + control))

    assert await rows(store, "select count(*) from accounts") == [(MANY,)]


async def test_a_commented_select_takes_no_turn(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text("/* by ada */ select 1"))
        assert not holds(unit)


async def test_a_unit_that_is_cancelled_ends_its_long_query(store: UnitStore) -> None:
    counting = "select count(*) from (with recursive n(i) as (select 1 union all select i + 1 from n) select i from n)"
    forever = counting if isinstance(store, SqliteEventStore) else "select pg_sleep(60)"
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
