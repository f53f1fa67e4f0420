"""Units of work on SQLite: one thread takes turns for them, on connections that could write nothing outside of one."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from diptych.errors import OutcomeUnknownError, StaleRowError, TurnHeldError, UnitError
from diptych.ports import Append, AppendOutcome, Transactional
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite import turns
from diptych.stores.sqlite.connection import connect_unit
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.faults import commit_error
from diptych.stores.sqlite.lock import FairLock
from diptych.testing.contract.material import appending, event, record
from tests.sizes import size
from tests.stores.ledger import Account, Ledger
from tests.stores.unit_stores import LONG, open_account, rows


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
    store = SqliteEventStore(tmp_path / "log.db")
    store.declare([Ledger.metadata])
    async with store:
        yield store


def test_the_sqlite_store_has_units_and_the_one_in_memory_has_none(tmp_path: Path) -> None:
    assert isinstance(SqliteEventStore(tmp_path / "log.db"), Transactional)
    assert not isinstance(MemoryEventStore(), Transactional)


async def test_a_commit_that_was_asked_for_goes_on_when_its_caller_is_cancelled(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, reached, go_on, whole = record(), threading.Event(), threading.Event(), turns.Turns._commit

    def waiting(self: turns.Turns, turn: turns.Turn, append: Append) -> AppendOutcome:
        reached.set()
        go_on.wait(LONG)
        return whole(self, turn, append)

    async def work() -> None:
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.append(appending(event(), record=kept))

    monkeypatch.setattr(turns.Turns, "_commit", waiting)
    task = asyncio.create_task(work())
    await asyncio.to_thread(reached.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.record(kept.id) is not None
    assert await rows(store) == [(1, "ada", 0)]


async def test_a_connection_whose_commit_failed_is_not_used_again(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = record()

    def failing(_: sqlite3.Connection, append: Append) -> None:
        raise commit_error(sqlite3.OperationalError("disk I/O error"), append)

    with monkeypatch.context() as broken:
        broken.setattr(turns, "_commit", failing)
        with pytest.raises(OutcomeUnknownError):
            async with store.unit(limit=LONG) as unit:
                suspect = (await (await unit.session.connection()).get_raw_connection()).driver_connection
                unit.session.add(Account(id=1, owner="ada"))
                await unit.append(appending(event(), record=kept))
    async with store.unit(limit=LONG) as unit:
        fresh = (await (await unit.session.connection()).get_raw_connection()).driver_connection

    assert fresh is not suspect
    await open_account(store)
    assert await rows(store) == [(1, "owner 1", 0)]


async def test_a_turn_is_taken_away_from_a_task_that_holds_the_loop_too(store: SqliteEventStore) -> None:
    free = threading.Event()

    def wait_for_the_turn() -> None:
        lock = FairLock(store._path)
        with lock:
            free.set()
        lock.close()

    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.05) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            threading.Thread(target=wait_for_the_turn).start()
            assert free.wait(LONG)
            await unit.append(appending(event()))

    assert await rows(store) == []
    assert await store.head() == 0


async def test_a_connection_outside_its_turn_could_write_nothing(store: SqliteEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        connection = await unit.session.connection()
        raw = (await connection.get_raw_connection()).driver_connection
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await raw.execute("insert into accounts (id, owner, balance, notes) values (1, 'ada', 0, '{}')")  # type: ignore[union-attr]  # it has one


async def test_a_connection_that_closes_frees_the_file_though_somebody_holds_a_statement(
    store: SqliteEventStore,
) -> None:
    raw = connect_unit(store._path)
    raw.execute("pragma query_only = off")
    raw.execute("begin immediate")
    held = raw.execute("select 1 union select 2")

    raw.close()

    with contextlib.closing(connect_unit(store._path)) as other:
        other.execute("pragma query_only = off")
        other.execute("pragma busy_timeout = 0")
        other.execute("begin immediate")
    assert held is not None


async def test_the_write_ahead_log_is_emptied_when_only_units_write(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_CHECKPOINT_PAGES", 40)

    for number in range(100):
        await open_account(store, number)

    assert (await store.describe())["wal_size"] < 100 * 4096  # type: ignore[operator]  # a number


@pytest.mark.parametrize("words", ["pragma query_only = off", "attach 'x' as y"])
async def test_statements_that_change_the_connection_are_refused(store: SqliteEventStore, words: str) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.begin()
        with pytest.raises(UnitError, match="is not for a unit of work"):
            await unit.session.execute(sa.text(words))
        with pytest.raises(UnitError):
            await unit.append(appending(event()))

    assert await store.head() == 0


async def test_a_write_within_a_stream_is_a_conflict_once_somebody_else_wrote(store: SqliteEventStore) -> None:
    await open_account(store, 1)
    await open_account(store, 2)

    with pytest.raises(StaleRowError, match="is still being read"):
        async with store.unit(limit=LONG) as unit:
            found = await unit.session.stream(sa.select(Account.id).execution_options(yield_per=1))
            assert await found.__anext__() is not None
            await store.append(appending(event()))
            unit.session.add(Account(id=3, owner="ada"))
            await unit.session.flush()

    await open_account(store, 4)


async def test_two_that_roll_one_connection_back_at_once_both_succeed(store: SqliteEventStore) -> None:
    connection = connect_unit(store._path)
    with ThreadPoolExecutor(2) as threads, contextlib.closing(connection):
        for _ in range(size(300, full=5000)):
            connection.execute("begin")
            for rolled_back in [threads.submit(connection.rollback) for _ in range(2)]:
                rolled_back.result()
