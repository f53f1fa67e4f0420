"""Units of work on every store that has them: rows, events and record in one transaction, or nothing of it."""
# ruff: noqa: PT012 (an error may come at the end of a unit: the block is the unit)

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError, InvalidRequestError

from diptych.errors import StaleRowError, StoreError, TurnHeldError, UnitError
from diptych.model.criteria import Criteria
from diptych.ports import Appended, Conflicted, Record, Recorded
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event, everything, guard, record
from tests.stores.ledger import Account, Draft, Entry, Ledger
from tests.stores.unit_stores import HOMES, LONG, ClusterOf, UnitStore, holds, open_account, opened, rows, set_balance


@pytest.fixture(params=HOMES)
async def store(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> AsyncIterator[UnitStore]:
    async with opened(request.param, [Ledger.metadata], tmp_path, cluster_of) as store:
        yield store


async def test_rows_events_and_record_are_committed_together(store: UnitStore) -> None:
    kept = record()

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada", balance=5))
        outcome = await unit.append(appending(event("opened", "account:1"), event("funded", "account:1"), record=kept))

    assert outcome == Appended(1, 2, outcome.recorded_at)  # type: ignore[union-attr]  # it is Appended
    assert await rows(store) == [(1, "ada", 5)]
    assert [each.name for each in await everything(store)] == ["opened", "funded"]
    found = await store.record(kept.id)
    assert found is not None
    assert found.position == 2


async def test_whoever_waits_for_the_log_is_woken_by_a_unit(store: UnitStore) -> None:
    waiting = asyncio.create_task(store.wait(0, LONG))
    await asyncio.sleep(0)

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.append(appending(event()))

    assert await waiting == 1


async def test_a_unit_that_raises_after_its_flush_leaves_nothing_and_gives_the_turn_back(
    store: UnitStore,
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            raise ZeroDivisionError

    assert await rows(store) == []
    assert isinstance(await store.append(appending(event())), Appended)


async def test_a_unit_that_is_left_without_an_append_leaves_nothing(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.session.flush()

    assert await rows(store) == []


async def test_a_unit_that_was_cancelled_in_its_transaction_leaves_nothing(store: UnitStore) -> None:
    flushed = asyncio.Event()

    async def work() -> None:
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            flushed.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await flushed.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await rows(store) == []
    assert isinstance(await store.append(appending(event())), Appended)


async def test_a_unit_that_was_cancelled_while_it_waited_gives_its_place_up(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as first:
        await first.begin()

        async def work() -> None:
            async with store.unit(limit=LONG) as second:
                await second.begin()

        waiting = asyncio.create_task(work())
        done, _ = await asyncio.wait([waiting], timeout=0.05)
        assert not done
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    await open_account(store)
    assert await rows(store) == [(1, "owner 1", 0)]


async def test_a_unit_reads_what_is_committed_at_each_statement_and_holds_up_nobody(store: UnitStore) -> None:
    await open_account(store)
    balance = sa.select(Account.balance)

    async with store.unit(limit=LONG) as unit:
        before = (await unit.session.execute(balance)).scalar_one()
        await set_balance(store, 7)
        after = (await unit.session.execute(balance)).scalar_one()
        held = holds(unit)

    assert (before, after, held) == (0, 7, False)


@pytest.mark.parametrize(
    "statement",
    [
        sa.insert(Account).values(id=1, owner="ada"),
        sa.text("insert into accounts (id, owner, balance, notes, remark) values (1, 'ada', 0, '{}', '')"),
        sa.text("with one(n) as (select 1) insert into accounts select n, 'ada', 0, '{}', '' from one"),
    ],
)
async def test_every_statement_that_writes_takes_the_turn(store: UnitStore, statement: Any) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(statement)
        assert holds(unit)
        await unit.append(appending())

    assert await rows(store) == [(1, "ada", 0)]


async def test_a_select_for_update_takes_the_turn(store: UnitStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        account = await unit.session.get(Account, 1, with_for_update=True)

        assert account is not None
        assert holds(unit)


async def test_a_select_with_a_common_table_takes_none(store: UnitStore) -> None:
    rich = sa.select(Account.id).where(Account.balance > 100).cte()

    async with store.unit(limit=LONG) as unit:
        assert (await unit.session.execute(sa.select(rich))).all() == []

        assert not holds(unit)


async def test_a_unit_that_wrote_no_row_leaves_its_append_to_the_log(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        assert await unit.session.get(Account, 1) is None
        outcome = await unit.append(appending(event()))
        held = holds(unit)

    assert isinstance(outcome, Appended)
    assert not held


async def test_what_is_read_after_begin_cannot_change_before_the_commit(store: UnitStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        await unit.begin()
        account = await unit.session.get_one(Account, 1)
        other = asyncio.create_task(set_balance(store, 100))
        done, _ = await asyncio.wait([other], timeout=0.05)
        account.balance += 1
        await unit.append(appending())
    await other

    assert not done
    assert await rows(store) == [(1, "owner 1", 100)]


async def test_a_row_that_somebody_changed_after_it_was_loaded_is_not_overwritten(store: UnitStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        account = await unit.session.get_one(Account, 1)
        await set_balance(store, 10)
        account.balance += 1
        with pytest.raises(StaleRowError, match=r"Account \(1,\) was changed by somebody else .* \(balance\)"):
            await unit.session.flush()
        with pytest.raises(StaleRowError):
            await unit.append(appending(event()))

    assert await rows(store) == [(1, "owner 1", 10)]
    assert await store.head() == 0


async def test_a_row_that_somebody_deleted_after_it_was_loaded_is_a_conflict(store: UnitStore) -> None:
    await open_account(store)

    with pytest.raises(StaleRowError, match="was deleted by somebody else"):
        async with store.unit(limit=LONG) as unit:
            account = await unit.session.get_one(Account, 1)
            async with store.unit(limit=LONG) as other:
                await other.session.execute(sa.delete(Account))
                await other.append(appending())
            account.balance += 1
            await unit.append(appending())


async def test_deleting_a_row_that_somebody_changed_is_a_conflict(store: UnitStore) -> None:
    await open_account(store)

    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            await unit.session.delete(await unit.session.get_one(Account, 1))
            await set_balance(store, 10)
            await unit.append(appending())

    assert len(await rows(store)) == 1


async def test_a_row_loaded_before_the_turn_is_compared_at_a_later_flush_too(store: UnitStore) -> None:
    await open_account(store)

    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            account = await unit.session.get_one(Account, 1)
            await set_balance(store, 10)
            await unit.session.execute(sa.insert(Account).values(id=2, owner="bob"))
            account.balance += 1
            await unit.append(appending())

    assert await rows(store) == [(1, "owner 1", 10)]


async def test_rows_that_are_only_read_may_change_unless_begin_is_asked(store: UnitStore) -> None:
    await open_account(store)
    await open_account(store, 2)

    async with store.unit(limit=LONG) as unit:
        read, changed = await unit.session.get_one(Account, 1), await unit.session.get_one(Account, 2)
        await set_balance(store, 10, number=1)
        changed.balance = read.balance + 1
        assert isinstance(await unit.append(appending()), Appended)
    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            held = await unit.session.get_one(Account, 1)
            await set_balance(store, 20, number=1)
            await unit.begin()
    assert held.balance == 10


async def test_a_row_is_compared_by_what_was_loaded_of_it(store: UnitStore) -> None:
    await open_account(store, remark="first")

    async with store.unit(limit=LONG) as unit:
        account = await unit.session.get_one(Account, 1)  # without its remark, which is deferred
        async with store.unit(limit=LONG) as other:
            await other.session.execute(sa.update(Account).values(remark="second"))
            await other.append(appending())
        account.balance += 1
        await unit.append(appending())

    assert await rows(store, "select balance, remark from accounts") == [(1, "second")]


async def test_rows_with_a_key_of_two_columns_are_compared(store: UnitStore) -> None:
    await open_account(store)
    async with store.unit(limit=LONG) as unit:
        unit.session.add_all([Entry(account=1, number=number, amount=number) for number in range(3)])
        await unit.append(appending())

    with pytest.raises(StaleRowError, match=r"Entry \(1, 2\)"):
        async with store.unit(limit=LONG) as unit:
            first, _, third = (await unit.session.scalars(sa.select(Entry).order_by(Entry.number))).all()
            async with store.unit(limit=LONG) as other:
                await other.session.execute(sa.update(Entry).where(Entry.number == 2).values(amount=9))
                await other.append(appending())
            first.amount = third.amount = 7
            await unit.append(appending())

    assert await rows(store, "select amount from entries order by number") == [(0,), (1,), (9,)]


async def test_what_was_changed_in_place_before_the_turn_is_refused_since_nobody_knows_what_it_was(
    store: UnitStore,
) -> None:
    await open_account(store, notes={"a": 1})

    with pytest.raises(UnitError, match=r"Account.notes was changed in place"):
        async with store.unit(limit=LONG) as unit:
            account = await unit.session.get_one(Account, 1)
            account.notes["b"] = 2
            await unit.append(appending())
    async with store.unit(limit=LONG) as unit:
        await unit.begin()
        account = await unit.session.get_one(Account, 1)
        account.notes["b"] = 2
        await unit.append(appending())

    assert await rows(store, "select notes from accounts") == [('{"a": 1, "b": 2}',)]


async def test_a_version_id_guards_what_is_changed_in_place(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Draft(id=1, words={}))
        await unit.append(appending())

    async with store.unit(limit=LONG) as unit:
        draft = await unit.session.get_one(Draft, 1)
        draft.words["a"] = 1
        await unit.append(appending())
    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            draft = await unit.session.get_one(Draft, 1)
            async with store.unit(limit=LONG) as other:
                theirs = await other.session.get_one(Draft, 1)
                theirs.words["b"] = 2
                await other.append(appending())
            draft.words["c"] = 3
            await unit.append(appending())

    assert await rows(store, "select words from drafts") == [('{"a": 1, "b": 2}',)]


async def test_a_detached_row_of_an_old_version_is_a_conflict(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Draft(id=1, words={}))
        await unit.append(appending())

    with pytest.raises(StaleRowError):
        async with store.unit(limit=LONG) as unit:
            await unit.begin()
            await unit.session.merge(Draft(id=1, version=7, words={"a": 1}))
            await unit.append(appending())


async def test_a_condition_that_fails_rolls_the_rows_back(store: UnitStore) -> None:
    await store.append(appending(event("placed", "order:1")))

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        outcome = await unit.append(appending(event(), condition=guard("order:1")))

    assert outcome == Conflicted(1)
    assert await rows(store) == []
    assert await store.head() == 1


async def test_a_command_that_is_recorded_already_rolls_the_rows_back(store: UnitStore) -> None:
    kept = record(version=7)
    await store.append(appending(event(), record=kept))

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        outcome = await unit.append(appending(event(), record=kept))

    assert isinstance(outcome, Recorded)
    assert await rows(store) == []


@pytest.mark.parametrize("version", [4, 7])
async def test_the_log_knows_a_command_that_only_a_unit_recorded(store: UnitStore, version: int) -> None:
    kept: Record = record(version=version)
    await store.append(appending(event()))
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.append(appending(record=kept))

    outcome = await store.append(appending(event(), record=kept))

    assert isinstance(outcome, Recorded)
    assert await store.head() == 1


async def test_the_log_judges_by_what_units_appended(store: UnitStore) -> None:
    await store.append(appending(event("placed", "order:1")))
    assert isinstance(await store.append(appending(event("placed"), condition=guard("order:3"))), Appended)

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.append(appending(event("paid", "order:3"), event("placed", "order:1")))

    assert await store.append(appending(event(), condition=guard("order:3"))) == Conflicted(3)
    assert await store.append(appending(event(), condition=guard(types=("paid",)))) == Conflicted(3)
    assert await store.append(appending(event(), condition=guard("order:1", after=1))) == Conflicted(4)
    assert isinstance(await store.append(appending(event("paid", "order:3"))), Appended)
    assert [each.position for each in (await store.read(Criteria.typed("paid"))).events] == [3, 5]
    assert [position async for position in store.verify()][-1] == 5


async def test_a_log_with_tables_of_others_is_proved_right(store: UnitStore) -> None:
    await open_account(store)
    await store.append(appending(event()))

    assert [position async for position in store.verify()][-1] == 1


async def test_a_turn_held_for_too_long_is_taken_away(store: UnitStore) -> None:
    with pytest.raises(TurnHeldError, match=r"more than 0.05 s"):
        async with store.unit(limit=0.05) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            await asyncio.Event().wait()

    assert await rows(store) == []
    assert isinstance(await store.append(appending(event())), Appended)


async def test_a_task_that_goes_on_after_its_turn_was_taken_away_can_write_nothing(store: UnitStore) -> None:
    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.05) as unit:
            unit.session.add(Account(id=1, owner="ada"))
            await unit.session.flush()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            with pytest.raises(TurnHeldError):
                await unit.session.execute(sa.insert(Account).values(id=2, owner="bob"))
            await unit.append(appending(event()))

    assert await rows(store) == []


async def test_a_statement_that_runs_when_the_turn_ends_is_interrupted(store: UnitStore) -> None:
    counting = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    forever = sa.text(counting if isinstance(store, SqliteEventStore) else "select pg_sleep(60)")

    with pytest.raises(TurnHeldError):
        async with store.unit(limit=0.5) as unit:
            await unit.begin()
            await unit.session.execute(forever)

    await open_account(store)


async def test_the_session_does_not_commit_by_itself(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        with pytest.raises(UnitError, match=r"leave session.commit\(\) out"):
            await unit.session.commit()
        with pytest.raises(UnitError):
            await unit.append(appending(event()))

    assert await rows(store) == []
    assert await store.head() == 0


async def test_a_session_that_was_rolled_back_commits_nothing(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.session.flush()
        await unit.session.rollback()
        with pytest.raises(UnitError, match="was rolled back"):
            await unit.append(appending(event()))

    assert await store.head() == 0


@pytest.mark.parametrize("words", ["commit", "ROLLBACK;", "begin", "end"])
async def test_statements_that_control_the_transaction_are_refused(store: UnitStore, words: str) -> None:
    async with store.unit(limit=LONG) as unit:
        await unit.begin()
        with pytest.raises(UnitError, match="is not for a unit of work"):
            await unit.session.execute(sa.text(words))
        with pytest.raises(UnitError):
            await unit.append(appending(event()))

    assert await store.head() == 0


async def test_what_may_fail_is_written_within_a_savepoint(store: UnitStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=2, owner="bob"))
        with pytest.raises(IntegrityError):
            async with unit.session.begin_nested():
                unit.session.add(Account(id=3, owner="owner 1"))
        await unit.append(appending(event()))

    assert [owner for _, owner, _ in await rows(store)] == ["owner 1", "bob"]


async def test_a_failed_flush_that_is_swallowed_commits_nothing(store: UnitStore) -> None:
    await open_account(store)

    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=2, owner="owner 1"))
        with pytest.raises(IntegrityError):
            await unit.session.flush()
        with pytest.raises(UnitError):
            await unit.append(appending(event()))

    assert await store.head() == 0
    assert len(await rows(store)) == 1


async def test_a_constraint_that_is_judged_at_the_commit_rolls_everything_back(store: UnitStore) -> None:
    with pytest.raises(UnitError, match=r"(?i)foreign key constraint"):
        async with store.unit(limit=LONG) as unit:
            unit.session.add(Entry(account=404, number=1, amount=1))
            await unit.append(appending(event()))

    assert await store.head() == 0
    await open_account(store)


async def test_nothing_can_be_written_after_the_commit(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=1, owner="ada"))
        await unit.append(appending(event()))
        with pytest.raises(UnitError, match="has ended"):
            await unit.session.execute(sa.insert(Account).values(id=2, owner="bob"))

    assert await rows(store) == [(1, "ada", 0)]


async def test_a_session_that_outlives_its_unit_can_do_nothing(store: UnitStore) -> None:
    async with store.unit(limit=LONG) as unit:
        session = unit.session

    with pytest.raises(InvalidRequestError, match="closed"):
        await session.execute(sa.select(Account))


async def test_many_units_at_once_all_get_their_turn(store: UnitStore) -> None:
    await asyncio.gather(*[open_account(store, number) for number in range(100)])

    assert len(await rows(store)) == 100


async def test_too_many_units_at_once_are_told_so(store: UnitStore) -> None:
    async with contextlib.AsyncExitStack() as open_units:
        for _ in range(64 if isinstance(store, SqliteEventStore) else 16):
            unit = await open_units.enter_async_context(store.unit(limit=LONG))
            await unit.session.execute(sa.select(Account))
        unit.session.get_bind().pool._timeout = 0.01  # type: ignore[union-attr]  # an engine's: half a minute is long
        with pytest.raises(StoreError, match="too many units of work at once"):
            async with store.unit(limit=LONG) as late:
                await late.session.execute(sa.select(Account))

    async with store.unit(limit=LONG) as unit:
        assert (await unit.session.execute(sa.select(Account))).all() == []


async def test_units_and_appends_take_turns(store: UnitStore) -> None:
    await asyncio.gather(
        *[open_account(store, number) for number in range(30)],
        *[store.append(appending(event("done", f"n:{number}"))) for number in range(300)],
    )

    assert await store.head() == 300
    assert len(await rows(store)) == 30
    assert [position async for position in store.verify()][-1] == 300


async def test_a_bug_in_a_statement_is_told_as_sqlalchemy_tells_it(store: UnitStore) -> None:
    with pytest.raises(DBAPIError, match=r"no such table|does not exist"):
        async with store.unit(limit=LONG) as unit:
            await unit.session.execute(sa.text("select * from missing"))


async def test_the_next_number_is_given_to_one_at_a_time_who_has_begun(store: UnitStore) -> None:
    async def take() -> None:
        async with store.unit(limit=LONG) as unit:
            await unit.begin()
            last = await unit.session.scalar(sa.select(sa.func.max(Account.id)))
            unit.session.add(Account(id=(last or 0) + 1, owner=f"owner {last}"))
            assert isinstance(await unit.append(appending(event())), Appended)

    await asyncio.gather(*[take() for _ in range(30)])

    assert [number for number, *_ in await rows(store)] == [*range(1, 31)]
