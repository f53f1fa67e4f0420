"""Handlers with a unit of work: tables, events and record as one, each result a value, each mistake found at start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from diptych.application import Application
from diptych.errors import TurnHeldError, UntriableError, WiringError
from diptych.model.aggregates import Aggregate
from diptych.model.criteria import Criteria
from diptych.model.messages import Command
from diptych.model.methods import evolves
from diptych.model.results import Accepted, Conflict, NotFound, Refused
from diptych.module import Module
from diptych.write.repository import Repository
from diptych.write.units import UnitOfWork, events_recorded
from tests.clusters import NEWEST, Database
from tests.stores.unit_stores import ClusterOf
from tests.stores.unit_stores import rows as committed
from tests.write.shop import (
    AddItem,
    CreateOrder,
    Forward,
    Hold,
    ItemAdded,
    Note,
    Noted,
    OrderCreated,
    OrderRow,
    Outside,
    Tidy,
    add_item,
    shop,
)

ORDER = UUID(int=1)


@pytest.fixture
def outside() -> Outside:
    return Outside()


@pytest.fixture(params=["sqlite", NEWEST])
def place(request: pytest.FixtureRequest, tmp_path: Path, cluster_of: ClusterOf) -> Iterator[Path | str]:
    if request.param == "sqlite":
        yield tmp_path
        return
    with cluster_of(request.param).lent() as database:
        yield database.url


@pytest.fixture
async def app(place: Path | str, outside: Outside) -> AsyncIterator[Application]:
    async with shop(place, outside) as app:
        outside.app = app
        yield app


async def rows(app: Application, statement: str = "select items from orders") -> list[tuple[Any, ...]]:
    return await committed(app.store, statement)  # type: ignore[arg-type]  # of a log with units


async def names(app: Application) -> list[str]:
    return [each.name for each in (await app.store.read(Criteria.all())).events]


async def test_a_handler_writes_tables_and_records_events_as_one(app: Application) -> None:
    await app.send(CreateOrder(ORDER))

    result = await app.send(AddItem(ORDER, "tea"), principal="ada")

    assert result == Accepted(1, 2, result.command_id)  # type: ignore[union-attr]  # it is Accepted
    assert await rows(app) == [(1,)]
    assert await rows(app, "select number, product from order_items") == [(1, "tea")]
    assert await names(app) == ["order.created", "order.item_added"]
    record = await app.outcome(result.command_id)  # type: ignore[union-attr]  # the same
    assert record is not None
    assert (record.position, record.actor) == (2, "ada")


async def test_a_refusal_is_an_answer_and_leaves_nothing(app: Application) -> None:
    await app.send(CreateOrder(ORDER))
    for product in ("tea", "milk", "bread"):
        await app.send(AddItem(ORDER, product))

    result = await app.send(AddItem(ORDER, "salt"))

    assert isinstance(result, Refused)
    assert result.code == "too-many-items"
    assert await rows(app) == [(3,)]
    assert await app.head() == 4


async def test_a_bug_is_an_exception_and_leaves_nothing(app: Application, outside: Outside) -> None:
    outside.failure = ZeroDivisionError()

    with pytest.raises(ZeroDivisionError):
        await app.send(CreateOrder(ORDER))

    assert await rows(app) == []
    assert await app.head() == 0


async def test_a_key_that_came_before_is_answered_without_running_the_handler(
    app: Application, outside: Outside
) -> None:
    first = await app.send(CreateOrder(ORDER), key="k")

    again = await app.send(CreateOrder(ORDER), key="k")

    assert isinstance(first, Accepted)
    assert isinstance(again, Accepted)
    assert (again.value, again.position, again.replayed) == (first.value, first.position, True)
    assert outside.calls == 1


async def test_one_command_delivered_by_many_at_once_takes_effect_once(app: Application) -> None:
    results = await asyncio.gather(*[app.send(CreateOrder(ORDER), key="k") for _ in range(8)])

    assert {(each.value, each.position) for each in results if isinstance(each, Accepted)} == {(ORDER, 1)}
    assert len(results) == 8
    assert all(isinstance(each, Accepted) for each in results)
    assert await rows(app) == [(0,)]


async def test_without_a_key_what_the_database_refuses_is_an_exception(app: Application) -> None:
    await app.send(CreateOrder(ORDER))

    with pytest.raises(IntegrityError):
        await app.send(CreateOrder(ORDER))

    assert await app.head() == 1


async def test_a_row_that_somebody_changed_meanwhile_is_a_conflict(app: Application, outside: Outside) -> None:
    await app.send(CreateOrder(ORDER))
    reached, go_on = asyncio.Event(), asyncio.Event()
    module = Module("slow")

    @module.command
    async def slowly(command: Both, work: UnitOfWork[ItemAdded]) -> int:
        order = await work.session.get_one(OrderRow, command.order)
        reached.set()
        await go_on.wait()
        order.items += 1
        return order.items

    async with Application(module, events=app.urls[0]) as other:
        slow = asyncio.create_task(other.send(Both(ORDER)))
        await reached.wait()
        await app.send(AddItem(ORDER, "tea"))
        go_on.set()
        result = await slow

    assert isinstance(result, Conflict)
    assert "was changed by somebody else" in result.error
    assert await rows(app) == [(1,)]


@pytest.mark.parametrize(("expected", "kind"), [(None, Accepted), (1, Accepted), (0, Conflict)])
async def test_what_a_handler_expects_is_judged_by_the_position_that_the_sender_saw(
    app: Application, expected: int | None, kind: type
) -> None:
    await app.send(CreateOrder(ORDER))
    await app.send(CreateOrder(uuid4()))

    result = await app.send(AddItem(ORDER, "tea"), expected=expected)

    assert isinstance(result, kind)
    assert len(await rows(app, "select * from order_items")) == (1 if kind is Accepted else 0)


async def test_a_conflict_with_what_was_expected_says_where(app: Application) -> None:
    await app.send(CreateOrder(uuid4()))
    await app.send(CreateOrder(ORDER))

    result = await app.send(AddItem(ORDER, "tea"), expected=1)

    assert result == Conflict("changed at position 2, after the expected 1", 2)


async def test_a_unit_without_events_is_committed_with_its_record(app: Application) -> None:
    await app.send(CreateOrder(ORDER))

    result = await app.send(Tidy(), key="k")
    again = await app.send(Tidy(), key="k")

    assert isinstance(result, Accepted)
    assert isinstance(again, Accepted)
    assert (result.value, again.value, again.replayed) == (1, 1, True)
    assert await rows(app) == []
    assert await app.head() == 1


async def test_a_unit_that_holds_its_turn_for_too_long_is_an_error(place: Path | str) -> None:
    async with shop(place, uow_limit=0.05) as app:
        with pytest.raises(TurnHeldError, match=r"0\.05 s"):
            await app.send(Hold(60))

        assert isinstance(await app.send(Note(ORDER)), Accepted)


async def test_a_handler_that_sends_while_it_holds_the_turn_waits_for_itself_and_ends(
    tmp_path: Path, outside: Outside
) -> None:
    async with shop(tmp_path, outside, uow_limit=0.05) as app:
        outside.app = app
        with pytest.raises(TurnHeldError):
            await app.send(Forward(ORDER))

        await app.store.wait(0, 30)
        assert await names(app) == ["order.noted"]


async def test_on_postgresql_a_handler_that_has_begun_may_send_a_command_that_needs_no_unit(
    postgres: Database, outside: Outside
) -> None:
    async with shop(postgres.url, outside) as app:
        outside.app = app

        assert isinstance(await app.send(Forward(ORDER)), Accepted)
        assert await names(app) == ["order.noted"]


async def test_rows_that_two_commands_lock_in_a_ring_are_a_conflict_for_one(postgres: Database) -> None:
    one, two, met = UUID(int=1), UUID(int=2), asyncio.Barrier(2)
    module = Module("ring")

    @module.command
    async def swap(command: Swap, work: UnitOfWork[ItemAdded]) -> None:
        await work.session.get_one(OrderRow, command.first, with_for_update=True)
        await met.wait()
        await work.session.get_one(OrderRow, command.second, with_for_update=True)

    async with shop(postgres.url) as app, Application(module, events=postgres.url, uow_limit=60) as other:
        for order in (one, two):
            await app.send(CreateOrder(order))
        found = await asyncio.gather(other.send(Swap(one, two)), other.send(Swap(two, one)))

    assert {type(each) for each in found} == {Accepted, Conflict}


async def test_a_command_with_a_unit_of_work_cannot_be_tried(app: Application, outside: Outside) -> None:
    with pytest.raises(UntriableError):
        await app.try_(CreateOrder(ORDER))

    assert outside.calls == 0


class Tally(Aggregate[int], tag="order"):
    initial = 0

    def note(self, order: UUID) -> None:
        self.record(Noted(order))

    @evolves
    def noted(self, _: Noted) -> int:
        return self.state + 1


@dataclass(frozen=True)
class Both(Command[int]):
    order: UUID
    fails: bool = False


@dataclass(frozen=True)
class Swap(Command[None]):
    first: UUID
    second: UUID


async def both(command: Both, tallies: Repository[Tally], work: UnitOfWork[ItemAdded | OrderCreated]) -> int | NotFound:
    tally = await tallies.get(command.order)
    work.record(OrderCreated(command.order))
    tally.note(command.order)
    work.session.add(OrderRow(id=command.order))
    work.record(ItemAdded(command.order, 1, "tea"))
    await work.session.flush()
    return NotFound("no") if command.fails else 1


async def test_a_repository_and_a_unit_record_in_one_order_and_are_saved_as_one(place: Path | str) -> None:
    module = Module("both")
    module.command(both)
    async with shop(place) as app:
        await app.send(Note(ORDER))
        async with Application(module, events=app.urls[0]) as other:
            failed = await other.send(Both(ORDER, fails=True))
            head = await other.head()
            result = await other.send(Both(ORDER))

        assert isinstance(failed, NotFound)
        assert head == 1
        assert isinstance(result, Accepted)
        assert await names(app) == ["order.noted", "order.created", "order.noted", "order.item_added"]
        assert await rows(app) == [(0,)]


async def test_a_repository_that_somebody_outran_takes_the_rows_with_it(place: Path | str) -> None:
    module = Module("outrun")

    async with shop(place) as app:
        await app.send(Note(ORDER))

        @module.command
        async def outrun(command: Both, tallies: Repository[Tally], work: UnitOfWork[OrderCreated]) -> int:
            tally = await tallies.get(command.order)
            await app.send(Note(command.order))
            tally.note(command.order)
            work.session.add(OrderRow(id=command.order))
            return 1

        async with Application(module, events=app.urls[0]) as other:
            result = await other.send(Both(ORDER))

        assert isinstance(result, Conflict)
        assert await rows(app) == []
        assert await app.head() == 2


def test_the_events_of_a_unit_are_known_to_the_application(tmp_path: Path) -> None:
    assert list(events_recorded(add_item)) == [ItemAdded]
    assert {"order.created", "order.item_added"} <= shop(tmp_path).events.keys()


def test_a_log_in_memory_has_no_units() -> None:
    module = Module("memory")

    @module.command
    async def handler(command: Tidy, work: UnitOfWork[OrderCreated]) -> int:
        return 0

    with pytest.raises(WiringError, match="a log in memory has no database that both could share"):
        Application(module)


def test_tables_need_a_log_in_a_file() -> None:
    with pytest.raises(WiringError, match="tables writes tables in a unit of work"):
        Application(Module("tables", tables=OrderRow.metadata))


@pytest.mark.parametrize("hint", [UnitOfWork, UnitOfWork[Any], UnitOfWork[int]])
def test_a_unit_of_work_names_its_events(tmp_path: Path, hint: Any) -> None:
    module = Module("untyped")

    async def handler(command: Tidy, work: Any) -> int:
        return 0

    handler.__annotations__["work"] = hint
    module.command(handler)

    with pytest.raises(WiringError):
        Application(module, events=f"sqlite:///{tmp_path}/log.db")


def test_a_decision_takes_no_unit_of_work(tmp_path: Path) -> None:
    module = Module("decides")

    @module.decides()
    def decide(command: Hold, work: UnitOfWork[OrderCreated]) -> Iterator[OrderCreated]:
        yield OrderCreated(ORDER)

    with pytest.raises(WiringError, match="which only handlers of commands may"):
        Application(module, events=f"sqlite:///{tmp_path}/log.db")


@pytest.mark.parametrize("limit", [0, -1.0, float("nan")])
def test_a_limit_is_a_positive_number_of_seconds(tmp_path: Path, limit: float) -> None:
    with pytest.raises(WiringError, match="uow_limit of the application is"):
        shop(tmp_path, uow_limit=limit)


def test_the_limit_is_kept_by_an_application_with_other_settings(tmp_path: Path) -> None:
    again = shop(tmp_path, uow_limit=7.0).configured(mode="dev")

    assert again._wiring.uow_limit == 7.0
