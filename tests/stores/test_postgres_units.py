"""Units of work on PostgreSQL: beside each other, whole whatever is lost, and bounded by the server too."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from asyncpg.transaction import Transaction
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from diptych.errors import (
    ContentionError,
    OutcomeUnknownError,
    StaleRowError,
    StoreError,
    TurnHeldError,
    UnitError,
)
from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, Recorded, Unit
from diptych.stores.postgres import unit_commit
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.testing.contract.material import appending, event, guard, record, soon
from tests.clusters import Database
from tests.stores.ledger import Account, Draft, Entry, Ledger
from tests.stores.unit_stores import LONG, holds, open_account, rows, set_balance

INSERT = "insert into accounts (id, owner, balance, notes, remark) values (1, 'ada', 0, '{}', '')"
SLEEPING = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)' and state = 'active'"
WAITING = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"


class Zoo(DeclarativeBase):
    pass


class Animal(Zoo):
    __tablename__ = "animals"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str] = mapped_column(default="")
    weight: Mapped[float] = mapped_column(default=0.0)
    worth: Mapped[Decimal] = mapped_column(default=Decimal(0))
    seen: Mapped[datetime | None] = mapped_column(sa.DateTime(timezone=True))
    tags: Mapped[list[str]] = mapped_column(sa.ARRAY(sa.String), default=list)

    __mapper_args__ = {  # noqa: RUF012 (as SQLAlchemy declares it)
        "polymorphic_on": "kind",
        "polymorphic_identity": "animal",
        "with_polymorphic": "*",
    }


class Lion(Animal):
    __tablename__ = "lions"

    id: Mapped[int] = mapped_column(sa.ForeignKey("animals.id"), primary_key=True)
    teeth: Mapped[int] = mapped_column(default=30)

    __mapper_args__ = {"polymorphic_identity": "lion"}  # noqa: RUF012 (as SQLAlchemy declares it)


@pytest.fixture
async def store(postgres: Database) -> AsyncIterator[PostgresEventStore]:
    store = PostgresEventStore(Address.of(postgres.url, schema="diptych"))
    store.declare([Ledger.metadata, Zoo.metadata])
    async with store:
        yield store


async def waiting(store: PostgresEventStore, many: int = 1) -> None:
    """Wait until so many sessions wait for locks."""
    while (await rows(store, WAITING))[0][0] < many:  # noqa: ASYNC110 (the server tells nobody)
        await asyncio.sleep(0.01)


async def meanwhile(store: PostgresEventStore) -> None:
    """Be sure that nobody holds up who appends."""
    assert isinstance(await soon(store.append(appending(event()))), Appended)


def in_a_thread(work: Callable[[], Any]) -> float:
    """Run something in a thread and its loop, and hold this one meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        found: float = thread.submit(asyncio.run, work()).result(LONG)
    return found


async def raw_of(unit: Unit) -> Any:
    return (await (await unit.session.connection()).get_raw_connection()).driver_connection


async def test_units_that_write_other_rows_run_beside_each_other_and_beside_appends(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as first, store.unit(limit=LONG) as second:
        first.session.add(Account(id=1, owner="ada"))
        await first.session.flush()
        second.session.add(Account(id=2, owner="bob"))
        await second.session.flush()
        await meanwhile(store)
        assert isinstance(await second.append(appending(event())), Appended)
        assert isinstance(await first.append(appending(event())), Appended)

    assert [owner for _, owner, _ in await rows(store)] == ["ada", "bob"]
    assert await store.head() == 3


async def test_a_unit_that_has_begun_is_alone_among_units_and_holds_up_no_append(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as first:
        await first.begin()
        other = asyncio.create_task(open_account(store))
        await waiting(store)
        await meanwhile(store)
        assert (await first.session.execute(sa.select(sa.func.count(Account.id)))).scalar_one() == 0
        await first.append(appending())
    await other

    assert await rows(store) == [(1, "owner 1", 0)]


async def test_who_begins_waits_for_those_who_write_and_sees_what_they_wrote(store: PostgresEventStore) -> None:
    async def counted() -> int:
        async with store.unit(limit=LONG) as unit:
            await unit.begin()
            return (await unit.session.execute(sa.select(sa.func.count(Account.id)))).scalar_one()

    async with store.unit(limit=LONG) as writing:
        writing.session.add(Account(id=1, owner="ada"))
        await writing.session.flush()
        counting = asyncio.create_task(counted())
        await waiting(store)
        await writing.append(appending())

    assert await counting == 1


async def test_a_row_that_is_loaded_for_update_waits_for_nobody_else_and_may_change_in_place(
    store: PostgresEventStore,
) -> None:
    await open_account(store, notes={"a": 1})

    async with store.unit(limit=LONG) as unit:
        account = await unit.session.get_one(Account, 1, with_for_update=True)
        other = asyncio.create_task(set_balance(store, 7))
        await waiting(store)
        account.notes["b"] = 2
        account.balance = 1
        await unit.append(appending())
    await other

    assert await rows(store, "select balance, notes::text from accounts") == [(7, '{"a": 1, "b": 2}')]


@pytest.mark.parametrize("strength", [{"read": True, "key_share": True}, {"of": Account}])
async def test_a_lock_that_lets_others_change_the_row_is_not_trusted(
    store: PostgresEventStore, strength: dict[str, Any]
) -> None:
    await open_account(store, notes={"a": 1})

    with pytest.raises(UnitError, match="was changed in place"):
        async with store.unit(limit=LONG) as unit:
            account = (await unit.session.scalars(sa.select(Account).with_for_update(**strength))).one()
            account.notes["b"] = 2
            await unit.append(appending())


async def test_a_row_that_changed_is_compared_though_the_unit_wrote_before_it_was_loaded(
    store: PostgresEventStore,
) -> None:
    await open_account(store)

    with pytest.raises(StaleRowError, match=r"\(balance\)"):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=2, owner="bob"))
            await unit.session.flush()
            account = await unit.session.get_one(Account, 1)
            await set_balance(store, 10)
            account.balance += 1
            await unit.append(appending())

    assert await rows(store) == [(1, "owner 1", 10)]


async def test_a_row_that_was_compared_is_locked_until_the_end(store: PostgresEventStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        account = await unit.session.get_one(Account, 1)
        account.balance = 1
        await unit.session.flush()
        other = asyncio.create_task(set_balance(store, 10))
        await waiting(store)
        account.balance = 2
        await unit.append(appending())
    await other

    assert await rows(store) == [(1, "owner 1", 10)]


async def test_a_row_whose_lock_a_savepoint_gave_back_is_compared_again(store: PostgresEventStore) -> None:
    await open_account(store)

    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            savepoint = await unit.session.begin_nested()
            account = await unit.session.get_one(Account, 1, with_for_update=True)
            await savepoint.rollback()
            await set_balance(store, 10)
            account.balance += 1
            await unit.append(appending())


async def test_who_begins_within_a_savepoint_that_is_rolled_back_has_begun_all_the_same(
    store: PostgresEventStore,
) -> None:
    async with store.unit(limit=LONG) as unit:
        savepoint = await unit.session.begin_nested()
        await unit.begin()
        await savepoint.rollback()
        assert (await unit.session.execute(sa.select(sa.func.count(Account.id)))).scalar_one() == 0
        other = asyncio.create_task(open_account(store))
        await waiting(store)
        await unit.append(appending())
    await other


async def test_rows_of_several_tables_are_compared_and_locked(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add_all([Lion(id=1, name="leo"), Animal(id=2, name="ant")])
        await unit.append(appending())
    async with store.unit(limit=LONG) as unit:
        lion, ant = await unit.session.get_one(Animal, 1), await unit.session.get_one(Animal, 2)
        lion.name, ant.name = "leonie", "anton"
        assert isinstance(await unit.append(appending()), Appended)

    with pytest.raises(StaleRowError, match=r"Lion \(1,\) .*\(teeth\)"):
        async with store.unit(limit=LONG) as unit:
            lion = await unit.session.get_one(Lion, 1)
            async with store.unit(limit=LONG) as other:
                await other.session.execute(sa.text("update lions set teeth = 2"))
                await other.append(appending())
            lion.name = "lena"
            await unit.append(appending())


async def test_two_units_that_wait_for_each_other_are_a_contention_for_one(store: PostgresEventStore) -> None:
    await open_account(store, 1)
    await open_account(store, 2)
    met = asyncio.Barrier(2)

    async def change(first: int, second: int) -> bool:
        try:
            async with store.unit(limit=LONG) as unit:
                for number in (first, second):
                    account = await unit.session.get_one(Account, number)
                    account.balance += 1
                    await unit.session.flush()
                    if number == first:
                        await met.wait()
                return isinstance(await unit.append(appending(event())), Appended)
        except ContentionError:
            return False

    found = await soon(asyncio.gather(change(1, 2), change(2, 1)), seconds=LONG)

    assert sorted(found) == [False, True]
    assert [balance for *_, balance in await rows(store)] == [1, 1]
    assert await store.head() == 1


async def test_a_row_that_does_not_come_free_at_once_is_a_contention_where_that_was_asked(
    store: PostgresEventStore,
) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as first:
        await first.session.get_one(Account, 1, with_for_update=True)
        with pytest.raises(ContentionError, match="could not obtain lock"):
            async with store.unit(limit=LONG) as second:
                await second.session.get_one(Account, 1, with_for_update={"nowait": True})


async def test_a_log_whose_end_stays_taken_is_a_contention(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_commit, "_TURN", "100ms")
    async with store.unit(limit=LONG) as holder:
        await (await raw_of(holder)).fetch("select diptych.take_position()")
        with pytest.raises(ContentionError, match="lock timeout"):
            async with store.unit(limit=LONG) as unit:
                unit.session.add(Account(id=1, owner="ada"))
                await unit.append(appending(event()))

    assert await rows(store) == []
    await meanwhile(store)


async def test_what_only_a_function_wrote_is_committed_with_the_events(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text(f"create function open_one() returns void language sql as $${INSERT}$$"))
        await unit.append(appending())

    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text("select open_one()"))
        assert not holds(unit)
        assert await unit.append(appending(event(), condition=guard("x:1"))) == Appended(1, 1, 1700000000000000)
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text("select open_one() where false"))
        assert isinstance(await unit.append(appending(event())), Appended)

    assert await rows(store) == [(1, "ada", 0)]


async def leave_by_a_conflict(unit: Unit) -> None:
    assert isinstance(await unit.append(appending(event(), condition=guard("taken:1"))), Conflicted)


async def leave_by_an_error(unit: Unit) -> None:
    raise ZeroDivisionError


async def leave_by_a_failed_row(unit: Unit) -> None:
    unit.session.add(Entry(account=404, number=1, amount=1))
    await unit.append(appending(event()))


async def leave_by_rolling_back(unit: Unit) -> None:
    await unit.session.rollback()


async def leave_without_an_append(unit: Unit) -> None:
    pass


LEAVES: list[Callable[[Unit], Awaitable[None]]] = [
    leave_by_a_conflict, leave_by_an_error, leave_by_a_failed_row, leave_by_rolling_back, leave_without_an_append
]  # fmt: skip


@pytest.mark.parametrize("leave", LEAVES)
async def test_what_the_driver_was_told_before_anybody_else_is_rolled_back_on_every_way_out(
    store: PostgresEventStore, leave: Callable[[Unit], Awaitable[None]]
) -> None:
    """SQLAlchemy begins a transaction no sooner than with its own first statement."""
    await store.append(appending(event("taken", "taken:1")))

    try:
        async with store.unit(limit=LONG) as unit:
            await (await raw_of(unit)).execute(INSERT)
            await leave(unit)
    except (ZeroDivisionError, UnitError):
        pass

    assert await rows(store) == []
    assert await store.head() == 1


async def test_the_driver_is_in_the_transaction_of_a_session_that_runs_in_step(store: PostgresEventStore) -> None:
    def begun(session: Session) -> bool:
        return bool(session.connection().connection.driver_connection.is_in_transaction())  # type: ignore[union-attr]  # of asyncpg

    async with store.unit(limit=LONG) as unit:
        assert await unit.session.run_sync(begun)


@pytest.mark.parametrize(
    "words", ["start transaction", "abort", "prepare transaction 'x'", "set jit = on", "discard all", "reset all"]
)
async def test_statements_that_would_outlive_the_unit_are_refused(store: PostgresEventStore, words: str) -> None:
    async with store.unit(limit=LONG) as unit:
        with pytest.raises(UnitError, match="is not for a unit of work"):
            await unit.session.execute(sa.text(words))


async def test_settings_of_the_transaction_are_the_users(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.text("set constraints all immediate"))
        await unit.session.execute(sa.text("set local work_mem = '8MB'"))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_another_isolation_is_refused_before_anything_is_appended(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
        unit.session.add(Account(id=1, owner="ada"))
        with pytest.raises(UnitError, match="READ COMMITTED only"):
            await unit.append(appending(event()))

    assert await rows(store) == []
    await open_account(store)


async def test_a_transaction_that_somebody_ended_by_the_driver_is_told_of(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.session.flush()
        raw = await raw_of(unit)
        await raw.execute("commit")
        await raw.execute("begin")
        with pytest.raises(UnitError, match="may be half done"):
            await unit.append(appending(event()))

    assert await store.head() == 0


async def test_a_version_that_moved_is_a_conflict(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Draft(id=1, words={}))
        await unit.append(appending())

    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            await unit.session.merge(Draft(id=1, version=7, words={"a": 1}))
            await unit.append(appending())


async def test_a_commit_that_was_asked_for_goes_on_when_its_caller_is_cancelled(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, reached, go_on, whole = record(), asyncio.Event(), asyncio.Event(), Transaction.commit

    async def slow(self: Any) -> None:
        reached.set()
        await go_on.wait()
        await whole(self)

    async def work() -> None:
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.append(appending(event(), record=kept))

    monkeypatch.setattr(Transaction, "commit", slow)
    task = asyncio.create_task(work())
    await reached.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.record(kept.id) is not None
    assert await rows(store) == [(1, "ada", 0)]


def losing(monkeypatch: pytest.MonkeyPatch, *, before: bool) -> None:
    """Let each commit of the driver lose its connection, before it is sent or after it was done."""
    whole = Transaction.commit

    async def lost(self: Any) -> None:
        if not before:
            await whole(self)
        self._connection.terminate()
        raise ConnectionResetError

    monkeypatch.setattr(Transaction, "commit", lost)


async def commit_one(store: PostgresEventStore, append: Append) -> AppendOutcome:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        return await unit.append(append)


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_connection_that_is_lost_after_the_commit_loses_nothing(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    losing(monkeypatch, before=False)

    outcome = await commit_one(store, appending(event(), record=record() if recorded else None))

    assert outcome == Appended(1, 1, 1700000000000000)
    assert await rows(store) == [(1, "ada", 0)]
    assert await soon(store.wait(0, LONG)) == 1


@pytest.mark.parametrize("recorded", [True, False])
async def test_a_connection_that_is_lost_before_the_commit_is_a_store_error_and_nothing_is_written(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    with monkeypatch.context() as patched:
        losing(patched, before=True)
        with pytest.raises(StoreError, match="nothing was written"):
            await commit_one(store, appending(event(), record=record() if recorded else None))

    assert await rows(store) == []
    assert isinstance(await commit_one(store, appending(event())), Appended)


async def test_an_outcome_that_nobody_can_tell_is_unknown(
    store: PostgresEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any, **__: Any) -> None:
        raise StoreError("no PostgreSQL answers")

    kept = record()
    with monkeypatch.context() as patched:
        losing(patched, before=False)
        patched.setattr(unit_commit, "connect", refused)
        patched.setattr(unit_commit, "_SEARCH", 0.2)
        with pytest.raises(OutcomeUnknownError) as unknown:
            await commit_one(store, appending(event(), record=kept))

    assert unknown.value.command_id == kept.id
    assert await store.record(kept.id) is not None


async def test_a_connection_that_is_lost_in_the_handler_is_a_store_error(
    store: PostgresEventStore, postgres: Database
) -> None:
    with pytest.raises(StoreError, match="lost"):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            pid = (await raw_of(unit)).get_server_pid()
            postgres.sql(f"select pg_terminate_backend({pid})")
            await unit.session.execute(sa.select(Account))

    assert await rows(store) == []
    await open_account(store)


async def test_a_connection_that_was_lost_in_the_pool_is_not_used_again(
    store: PostgresEventStore, postgres: Database
) -> None:
    async with store.unit(limit=LONG) as unit:
        raw = await raw_of(unit)
    postgres.sql(f"select pg_terminate_backend({raw.get_server_pid()})")
    while not raw.is_closed():  # noqa: ASYNC110 (it tells nobody)
        await asyncio.sleep(0)

    await open_account(store)


async def test_the_server_ends_a_unit_that_holds_the_loop(store: PostgresEventStore) -> None:
    await open_account(store)
    watching = PostgresEventStore(store._address)

    async def change_it() -> float:
        watching.declare([Ledger.metadata])
        async with watching:
            started = time.monotonic()
            await set_balance(watching, 9)
            return time.monotonic() - started

    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.1) as unit:
            await unit.session.get_one(Account, 1, with_for_update=True)
            took = in_a_thread(change_it)
            await unit.append(appending(event()))

    assert took < LONG
    assert await rows(store) == [(1, "owner 1", 9)]
    assert await store.head() == 0


async def test_a_statement_that_goes_on_beyond_the_limit_is_ended(store: PostgresEventStore) -> None:
    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.2) as unit:
            await unit.begin()
            await unit.session.execute(sa.text("select pg_sleep(60)"))

    await open_account(store)


async def test_a_unit_that_only_reads_has_no_limit(store: PostgresEventStore) -> None:
    await open_account(store)

    async with store.unit(limit=0.05) as unit:
        assert await unit.session.get(Account, 1) is not None
        await unit.session.execute(sa.text("select pg_sleep(0.4)"))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_more_units_than_connections_wait_for_one(store: PostgresEventStore) -> None:
    await soon(asyncio.gather(*[open_account(store, number) for number in range(40)]), seconds=LONG)

    assert len(await rows(store)) == 40


async def test_a_unit_wakes_whoever_waits_for_the_log_in_another_process(
    store: PostgresEventStore, postgres: Database
) -> None:
    async with PostgresEventStore(store._address) as other:
        waiting_there = asyncio.create_task(other.wait(0, LONG))
        await asyncio.sleep(0)
        await commit_one(store, appending(event()))

        assert await waiting_there == 1
    assert [each.name for each in (await store.read(Criteria.all())).events] == ["thing.done"]


async def test_a_fresh_id_that_is_taken_all_the_same_rolls_the_rows_back(store: PostgresEventStore) -> None:
    kept = record(version=7)
    await store.append(appending(event(), record=kept))

    outcome = await commit_one(store, appending(event(), record=kept))

    assert isinstance(outcome, Recorded)
    assert await rows(store) == []


async def test_a_session_that_was_rolled_back_after_a_savepoint_was_commits_nothing(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.session.flush()
        await (await unit.session.begin_nested()).rollback()
        await unit.session.rollback()
        with pytest.raises(UnitError, match="was rolled back"):
            await unit.append(appending(event()))

    assert await store.head() == 0


async def test_what_follows_a_failed_statement_is_refused_with_the_way_out(store: PostgresEventStore) -> None:
    with pytest.raises(UnitError, match="a statement of the unit of work failed before"):
        async with store.unit(limit=LONG) as unit:
            with pytest.raises(DBAPIError):
                await unit.session.execute(sa.text("select * from missing"))
            await unit.append(appending(event()))

    assert await store.head() == 0


async def test_a_limit_may_be_longer_than_a_setting_of_the_server(store: PostgresEventStore) -> None:
    async with store.unit(limit=1e9) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        assert isinstance(await unit.append(appending(event())), Appended)


async def test_a_statement_that_a_task_left_running_ends_with_the_unit(store: PostgresEventStore) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.begin()
        forgotten = asyncio.create_task(unit.session.execute(sa.text("select pg_sleep(60)")))
        while await rows(store, SLEEPING) == [(0,)]:  # noqa: ASYNC110 (the server tells nobody)
            await asyncio.sleep(0.01)

    with pytest.raises(DBAPIError):
        await soon(forgotten)
    await soon(open_account(store))


async def test_rows_that_refer_to_a_row_that_somebody_changes_are_written_meanwhile(store: PostgresEventStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as changing:
        account = await changing.session.get_one(Account, 1)
        account.balance = 1
        await changing.session.flush()
        async with store.unit(limit=LONG) as referring:
            referring.session.add(Entry(account=1, number=1, amount=1))
            assert isinstance(await soon(referring.append(appending(event()))), Appended)
        assert isinstance(await changing.append(appending(event())), Appended)

    assert await store.head() == 2


async def test_what_a_constraint_deferred_is_judged_before_the_end_of_the_log_is_locked(
    store: PostgresEventStore,
) -> None:
    async with store.unit(limit=LONG) as holder:
        await (await raw_of(holder)).fetch("select diptych.take_position()")
        with pytest.raises(UnitError, match="foreign key constraint"):
            async with store.unit(limit=LONG) as unit:
                unit.session.add(Entry(account=404, number=1, amount=1))
                await soon(unit.append(appending(event())))


async def test_an_isolation_that_the_database_prefers_keeps_nobody_from_appending(postgres: Database) -> None:
    postgres.sql(f'alter database "{postgres.name}" set default_transaction_isolation = serializable')
    store = PostgresEventStore(Address.of(postgres.url, schema="diptych"))
    store.declare([Ledger.metadata])

    async with store:
        await meanwhile(store)
        await open_account(store)

    assert postgres.sql("select count(*) from accounts") == "1"


@pytest.mark.parametrize("number", ["NaN", "inf", "1.5"])
async def test_a_row_is_equal_to_itself_whatever_its_values_are(store: PostgresEventStore, number: str) -> None:
    async with store.unit(limit=LONG) as unit:
        values = {"weight": float(number), "worth": Decimal(number), "seen": datetime(2026, 1, 1, tzinfo=UTC)}
        unit.session.add(Animal(id=1, name="ant", tags=["a", "b"], **values))
        await unit.append(appending())

    async with store.unit(limit=LONG) as unit:
        (await unit.session.get_one(Animal, 1)).name = "anton"
        assert isinstance(await unit.append(appending()), Appended)
