"""A trial tells what a command would do: decided and folded as if it were sent, of which nothing stays."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.dispatch import Handler
from diptych.errors import (
    InvalidMessageError,
    KeyReusedError,
    MalformedError,
    NotAllowed,
    RebuildingError,
    StaleError,
    UnknownMessageError,
    UntriableError,
)
from diptych.history.foreseen import FoldStop, RowDiff, foresee
from diptych.history.trial import Trial, TriedEvent
from diptych.model.meta import Context
from diptych.model.results import Accepted, Conflict, Invalid, NotFound, Refused
from diptych.module import Module
from diptych.ports import StoredEvent
from diptych.read.plan import Learned
from diptych.testing.clock import NOON, FixedClock
from diptych.testing.ids import generated
from diptych.write.lanes import SentOnly, TriedOnly
from diptych.write.requests import Delivery, command_id_of
from diptych.write.withheld import UNSENT
from tests.history.market import (
    Add,
    Break,
    DepartmentView,
    Line,
    Name,
    Named,
    Popular,
    ProductView,
    Remove,
    Reorganise,
    Ring,
    Sell,
    Sold,
    Total,
    market,
    names,
    rung,
    sales,
    shelves,
)

LAMP, SPADE = UUID(int=101), UUID(int=102)


@pytest.fixture
async def app() -> AsyncIterator[Application]:
    """A market with a department and two products in it, at position 3."""
    async with Application(market, shelves(), sales(), clock=FixedClock()) as made:
        await stocked(made)
        yield made


async def stocked(app: Application) -> None:
    await app.send(Name("tools", "Tools"))
    for product, stock in ((LAMP, 5), (SPADE, 2)):
        await app.send(Add(product=product, department="tools", price=Decimal("9.5"), stock=stock))


def rows(trial: Trial[Any]) -> dict[tuple[str, Any], tuple[Any, Any]]:
    return {(each.model, *each.key): (each.before, each.after) for each in trial.changes}


async def test_an_accepted_command_tells_its_result_events_and_rows(app: Application) -> None:
    trial = await app.try_(Sell(((LAMP, 2),)), principal="ada")

    before = ProductView(LAMP, "tools", "Tools", Decimal("9.5"), 5, None)
    after = ProductView(LAMP, "tools", "Tools", Decimal("9.5"), 3, None)
    assert trial == Trial(
        Accepted(2, 4, UNSENT),
        3,
        (TriedEvent(4, "product.sold", 2, (f"product:{LAMP}",), Sold(LAMP, 2)),),
        (
            RowDiff("product_view", (LAMP,), before, after, ("stock", "worth")),
            RowDiff("total", ("tools",), Total("tools", 2, 7), Total("tools", 2, 5), ("stock",)),
            RowDiff("line", (4, 0), None, Line(LAMP, 2, NOON), ("product", "quantity", "at")),
            RowDiff("popular", (LAMP,), None, Popular(LAMP, 1), ("product", "sales")),
        ),
    )
    assert await app.head() == 3
    assert await app.outcome(UNSENT) is None


async def test_several_events_are_folded_one_upon_the_other(app: Application) -> None:
    trial = await app.try_(Sell(((LAMP, 2), (LAMP, 1), (SPADE, 1))))

    assert [each.position for each in trial.events] == [4, 5, 6]
    assert rows(trial)["product_view", LAMP][1].stock == 2
    assert rows(trial)["total", "tools"] == (Total("tools", 2, 7), Total("tools", 2, 3))
    assert rows(trial)["popular", LAMP] == (None, Popular(LAMP, 2))
    assert [key for model, *key in rows(trial) if model == "line"] == [[4, 0], [5, 0], [6, 0]]


async def test_a_deleted_row_has_no_after_and_a_moved_one_changes_both_totals(app: Application) -> None:
    removed = await app.try_(Remove(LAMP))
    moved = await app.try_(Reorganise("garden", "Garden", (SPADE,)))

    assert rows(removed)["product_view", LAMP][1] is None
    assert rows(removed)["total", "tools"][1] == Total("tools", 1, 2)
    assert rows(moved)["total", "tools"][1] == Total("tools", 1, 5)
    assert rows(moved)["total", "garden"] == (None, Total("garden", 1, 2))


async def test_a_fan_out_finds_the_rows_that_an_event_before_it_moved_there(app: Application) -> None:
    trial = await app.try_(Reorganise("garden", "Garden", (SPADE,)))

    assert rows(trial)["product_view", SPADE][1].called == "Garden"
    assert ("product_view", LAMP) not in rows(trial)


async def test_a_fan_out_reaches_more_rows_than_a_page_holds(app: Application) -> None:
    for _ in range(1100):
        await app.send(Add(department="tools", price=Decimal(1), stock=1))

    trial = await app.try_(Name("tools", "Devices"), wait=20)

    assert len(trial.changes) == 1103
    assert {each.fields for each in trial.changes if each.model == "product_view"} == {("called",)}


async def test_a_command_without_events_changes_nothing_and_waits_for_nobody() -> None:
    async with Application(market, shelves(), projections="follow") as app:
        await app.send(Name("tools", "Tools"))

        trial = await app.try_(Name("tools", "Tools"))

    assert trial == Trial(Accepted(None, 1, UNSENT), 1)


async def test_what_is_not_accepted_is_told_as_send_tells_it(app: Application) -> None:
    tries = [
        Sell(((LAMP, 9),)),
        Add(department="nowhere", price=Decimal(1), stock=1),
        Add(department="tools", price=Decimal(1), stock=-1),
    ]

    trials = [await app.try_(command) for command in tries]

    assert [type(each.result) for each in trials] == [Refused, NotFound, Invalid]
    assert [each.result for each in trials] == [await app.send(command) for command in tries]
    assert {(each.head, each.events, each.changes) for each in trials} == {(3, (), ())}


async def test_nothing_that_the_decision_reads_may_lie_after_the_expected_position(app: Application) -> None:
    early = await app.try_(Sell(((LAMP, 1),)), expected=1)
    late = await app.try_(Sell(((LAMP, 1),)), expected=2)

    assert early.result == Conflict("changed at position 2, after the expected 1", 2)
    assert isinstance(late.result, Accepted)


async def test_a_key_that_was_used_gets_the_stored_answer_or_the_error_of_send(app: Application) -> None:
    sent = await app.send(Sell(((LAMP, 1),)), key="k", principal="ada")

    again = await app.try_(Sell(((LAMP, 1),)), key="k", principal="ada")

    assert again == Trial(sent, 4)
    assert getattr(again.result, "replayed", False)
    with pytest.raises(KeyReusedError):
        await app.try_(Sell(((LAMP, 2),)), key="k", principal="ada")


async def test_with_a_key_the_ids_are_those_that_the_command_will_have(app: Application) -> None:
    command = Add(department="tools", price=Decimal(1), stock=1)

    trial, nameless = await app.try_(command, key="k", principal="ada"), await app.try_(command)
    sent = await app.send(command, key="k", principal="ada")

    assert trial.result == sent
    assert getattr(sent, "command_id", None) == command_id_of("ada", "k")
    assert nameless.result == Accepted(generated("product", UNSENT), 4, UNSENT)


async def test_the_body_of_a_request_can_be_tried(app: Application) -> None:
    body = b'{"lines": [["%b", 1]]}' % str(LAMP).encode()

    trial = await app.trials.receive("Sell", body, Delivery(), wait=2)

    assert trial == await app.try_(Sell(((LAMP, 1),)))
    with pytest.raises(MalformedError):
        await app.trials.receive("Sell", b"{", Delivery(), wait=2)


async def test_a_decision_is_made_on_what_another_process_wrote_meanwhile(tmp_path: Path) -> None:
    def market_there(**settings: Any) -> Application:
        return Application(market, shelves(), sales(), events=f"sqlite:///{tmp_path}/market.db", **settings)

    async with market_there() as app, market_there(projections="follow") as other:
        await stocked(app)
        assert (await app.try_(Sell(((LAMP, 5),)))).result.is_success

        await other.send(Sell(((LAMP, 1),)))
        trial = await app.try_(Sell(((LAMP, 4),)))
        too_much = await app.try_(Sell(((LAMP, 5),)))

    assert trial.result == Accepted(4, 5, UNSENT)
    assert rows(trial)["product_view", LAMP][0].stock == 4
    assert isinstance(too_much.result, Refused)


async def test_would_be_states_are_not_remembered(app: Application) -> None:
    await app.try_(Sell(((LAMP, 5),)))

    assert (await app.try_(Sell(((LAMP, 5),)))).result.is_success
    assert (await app.send(Sell(((LAMP, 5),)))).is_success


async def test_times_never_fall_from_the_last_event_on() -> None:
    clock = FixedClock()
    async with Application(market, shelves(), clock=clock) as app:
        await app.send(Name("tools", "Tools"))
        clock.advance(timedelta(hours=-1))

        trial = await app.try_(Name("garden", "Garden"))

    assert rows(trial)["department_view", "garden"][1] == DepartmentView("garden", "Garden", NOON)


async def test_a_handler_with_effects_of_its_own_is_not_tried(app: Application) -> None:
    rung.clear()

    with pytest.raises(UntriableError, match="Ring cannot be tried"):
        await app.try_(Ring(3))
    with pytest.raises(UnknownMessageError):
        await app.try_(Context(NOON, UNSENT))  # type: ignore[arg-type]  # the mistake

    assert rung == []
    sent = await app.send(Ring(3), key="k")
    assert await app.try_(Ring(3), key="k") == Trial(sent, 3)
    assert rung == [3]


async def test_a_projection_that_would_stop_is_named_with_the_event_and_the_reason(app: Application) -> None:
    trial = await app.try_(Break(LAMP))

    assert trial.result.is_success
    assert trial.stops == (FoldStop("shelves", 5, "ZeroDivisionError: integer division or modulo by zero"),)
    assert set(rows(trial)) == {("line", 4, 0), ("popular", LAMP)}


def refuse(principal: str) -> Callable[[Handler], Handler]:
    """Middleware that refuses a principal."""

    def authorise(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            if context.principal == principal:
                raise NotAllowed("not you")
            return await handler(message, context)

        return call

    return authorise


def noting(calls: list[str]) -> Callable[[Handler], Handler]:
    """Middleware that has an effect."""

    def notify(handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            calls.append(type(message).__name__)
            return await handler(message, context)

        return call

    return notify


async def test_middleware_judges_a_trial_too_and_its_effects_can_be_kept_to_what_is_sent() -> None:
    calls: list[str] = []
    async with Application(market, shelves(), middleware=[refuse("mallory"), SentOnly(noting(calls))]) as app:
        with pytest.raises(NotAllowed):
            await app.try_(Name("tools", "Tools"), principal="mallory")
        trial = await app.try_(Name("tools", "Tools"))
        assert calls == []

        assert (await app.send(Name("tools", "Tools"))).position == trial.result.position

    assert calls == ["Name"]


async def test_a_dry_run_can_be_kept_from_those_who_may_send_the_command() -> None:
    async with Application(market, shelves(), middleware=[TriedOnly(refuse("clerk"))]) as app:
        with pytest.raises(NotAllowed):
            await app.try_(Name("tools", "Tools"), principal="clerk")

        assert (await app.try_(Name("tools", "Tools"), principal="boss")).result.is_success
        assert (await app.send(Name("tools", "Tools"), principal="clerk")).is_success


async def test_rows_that_nobody_folds_cannot_be_foreseen(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/market.db"
    async with Application(market, shelves(), events=url, projections="follow") as app:
        with pytest.raises(RebuildingError):
            await app.try_(Name("tools", "Tools"))
    async with Application(market, shelves(), events=url) as app:
        await app.caught_up()
    async with Application(market, shelves(), events=url, projections="follow") as app:
        await app.send(Name("tools", "Tools"))

        with pytest.raises(StaleError):
            await app.try_(Name("garden", "Garden"), wait=0.01)


class Restless:
    """A row store in which something changed at each of the first looks."""

    def __init__(self, store: Any, looks: int) -> None:
        self._store, self.looks = store, looks
        self.table = store.table

    def reader(self) -> Any:
        reader = self._store.reader()

        async def changed(models: Any) -> int:
            self.looks -= 1
            return max(self.looks, 0)

        reader.changed = changed
        return reader


async def test_rows_are_read_between_two_changes(app: Application) -> None:
    stored = StoredEvent(4, "product.sold", 2, (f"product:{LAMP}",), b"{}", b"", 0, b"")
    events, calm = [Learned(stored, (Sold(LAMP, 1),))], Restless(app.rows, looks=6)
    await app.caught_up()

    found = await foresee([shelves()], events, calm, wait=10)  # type: ignore[arg-type]  # what foresee uses of it

    assert calm.looks < 0
    assert [each.model for each in found.changes] == ["product_view", "total"]
    with pytest.raises(StaleError):
        await foresee([shelves()], events, Restless(app.rows, looks=1 << 40), wait=0)  # type: ignore[arg-type]  # same


async def test_an_event_that_could_never_be_read_again_is_an_error() -> None:
    wrong = Module("wrong")

    @wrong.decides(current=names.one(lambda command: command.department))
    def decide(command: Name, current: str) -> Iterator[Named]:
        yield Named(command.department, 7)  # type: ignore[arg-type]  # the mistake

    async with Application(wrong) as app:
        with pytest.raises(InvalidMessageError, match="name: expected `str`, got `int`"):
            await app.try_(Name("tools", "Tools"))
