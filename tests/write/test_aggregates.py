"""Aggregates decide as deciders do, and repositories save what their aggregates record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from diptych.application import Application
from diptych.errors import Missing, UntriableError, WiringError
from diptych.model.criteria import Criteria
from diptych.model.meta import Context
from diptych.model.methods import handles
from diptych.model.results import Accepted, Conflict, NotFound, Refused
from diptych.module import Module
from diptych.testing import Scenario
from tests.write.orders import (
    AddItem,
    Empty,
    ItemAdded,
    MergeOrders,
    OpenOrder,
    Order,
    OrderOpened,
    OrderPlaced,
    PlaceOrder,
    ReorderAll,
    Seen,
    shop,
)

ONE, TWO = UUID(int=1), UUID(int=2)
PEN = Decimal("1.50")
spec = Scenario(shop, provide=[Seen()])


@pytest.fixture(params=["memory", "sqlite"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    url = "memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/log.db"
    async with Application(shop, events=url, provide=[Seen()]) as opened:
        yield opened


async def names(app: Application) -> list[str]:
    return [stored.name for stored in (await app.store.read(Criteria.all())).events]


def test_a_method_records_an_event_which_is_folded_at_once() -> None:
    order = Order()

    order.record(OrderOpened(ONE, "ada"), ItemAdded(ONE, "pen", PEN))

    assert (order.state.customer, order.state.items) == ("ada", (("pen", PEN),))
    assert order.recorded == (OrderOpened(ONE, "ada"), ItemAdded(ONE, "pen", PEN))


def test_a_state_is_never_changed_in_place() -> None:
    order = Order()
    before = order.state

    order.record(OrderOpened(ONE, "ada"))

    assert before.customer is None


def test_an_aggregate_is_specified_like_any_decider() -> None:
    opened = spec.given(OrderOpened(ONE, "ada"))

    opened.when(AddItem(ONE, "pen", PEN)).then(ItemAdded(ONE, "pen", PEN)).then_value(1)
    opened.when(PlaceOrder(ONE)).then_refused(Empty)


def test_a_method_may_take_what_is_injected_beside_its_command() -> None:
    filled = spec.given(OrderOpened(ONE, "ada"), ItemAdded(ONE, "pen", PEN))

    filled.when(PlaceOrder(ONE), principal="bob").then(OrderPlaced(ONE, PEN, "bob"))


def test_a_handler_with_a_repository_is_specified_too() -> None:
    filled = spec.given(OrderOpened(ONE, "ada"), ItemAdded(ONE, "pen", PEN))

    filled.when(ReorderAll(ONE, TWO)).then(OrderOpened(TWO, "ada"), ItemAdded(TWO, "pen", PEN)).then_value(1)
    filled.when(ReorderAll(TWO, ONE)).then_refused(Missing)
    assert isinstance(filled.when(ReorderAll(ONE, ONE)).result, Conflict)
    assert isinstance(spec.given(OrderOpened(ONE, "ada")).when(ReorderAll(ONE, TWO)).result, Refused)


async def test_commands_of_an_aggregate_take_effect_and_its_state_is_found_again(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()

    assert (await app.send(AddItem(order, "pen", PEN))).unwrap() == 1
    assert (await app.send(AddItem(order, "ink", PEN))).unwrap() == 2
    assert (await app.send(PlaceOrder(order), principal="bob")).is_success
    refused = await app.send(AddItem(order, "nib", PEN))

    assert isinstance(refused, Refused)
    assert refused.code == "already-placed"
    assert await names(app) == ["order.opened", "order.item_added", "order.item_added", "order.placed"]


async def test_concurrent_commands_on_one_aggregate_are_decided_again_until_all_hold(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()

    counts = await asyncio.gather(*(app.send(AddItem(order, f"pen {n}", PEN)) for n in range(20)))

    assert sorted(result.unwrap() for result in counts) == list(range(1, 21))


async def test_a_dry_run_of_an_aggregates_command_writes_nothing(app: Application) -> None:
    trial = await app.try_(OpenOrder(customer="ada"))

    assert trial.result.is_success
    assert await app.head() == 0


async def test_a_handler_saves_all_that_its_aggregates_recorded_in_one_append(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()
    await app.send(AddItem(order, "pen", PEN))
    again = uuid4()

    result = await app.send(ReorderAll(order, again))

    assert isinstance(result, Accepted)
    assert (result.value, result.position) == (1, 4)
    assert await names(app) == ["order.opened", "order.item_added", "order.opened", "order.item_added"]
    assert (await app.send(AddItem(again, "ink", PEN))).unwrap() == 2


async def test_what_a_handler_records_is_stored_in_the_order_of_recording_across_aggregates(app: Application) -> None:
    one, two = [(await app.send(OpenOrder(customer=name))).unwrap() for name in ("ada", "bob")]
    await app.send(AddItem(two, "pen", PEN))

    assert (await app.send(MergeOrders(one, two))).is_success

    stored = (await app.store.read(Criteria.all(), after=3)).events
    assert [(each.name, each.tags) for each in stored] == [
        ("order.item_added", (f"order:{one}",)),
        ("order.placed", (f"order:{two}",)),
    ]


async def test_one_aggregate_asked_for_twice_is_one_object(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()

    assert (await app.send(MergeOrders(order, order))).is_success
    assert await app.head() == 1


class Polite(Order):
    @handles
    def place(self, command: PlaceOrder, context: Context) -> None:
        super().place(command, context)
        return Refused("late", "it is too late")  # type: ignore[return-value]  # that is the mistake


async def test_a_failure_that_a_method_returns_is_not_taken_for_the_value_of_an_accepted_command() -> None:
    polite = Module("polite")
    polite.aggregate(Polite)

    async with Application(polite) as app:
        order = (await app.send(OpenOrder(customer="ada"))).unwrap()
        await app.send(AddItem(order, "pen", PEN))
        with pytest.raises(WiringError, match=r"Polite on PlaceOrder returned Refused.*\n.*\n.*raise a Refusal"):
            await app.send(PlaceOrder(order))

        assert await names(app) == ["order.opened", "order.item_added"]


async def test_an_aggregate_that_is_not_there_is_not_found(app: Application) -> None:
    assert isinstance(await app.send(ReorderAll(uuid4(), uuid4())), NotFound)
    assert await app.head() == 0


async def test_a_failure_that_a_handler_returns_is_the_result_and_nothing_is_saved(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()

    result = await app.send(ReorderAll(order, uuid4()))

    assert result == Refused("empty", "there is nothing to order again")
    assert await app.head() == 1


async def test_adding_an_aggregate_that_there_is_already_conflicts(app: Application) -> None:
    one, two = [(await app.send(OpenOrder(customer=name))).unwrap() for name in ("ada", "bob")]
    await app.send(AddItem(one, "pen", PEN))

    assert isinstance(await app.send(ReorderAll(one, two)), Conflict)
    assert await app.head() == 3


async def test_what_changed_after_the_expected_position_conflicts(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()
    await app.send(AddItem(order, "pen", PEN))

    assert isinstance(await app.send(AddItem(order, "ink", PEN), expected=1), Conflict)
    assert isinstance(await app.send(ReorderAll(order, uuid4()), expected=1), Conflict)
    assert (await app.send(ReorderAll(order, uuid4()), expected=2)).is_success


async def test_a_keyed_retry_is_answered_from_its_record_and_does_not_run_the_handler(app: Application) -> None:
    order = (await app.send(OpenOrder(customer="ada"))).unwrap()
    await app.send(AddItem(order, "pen", PEN))
    command = ReorderAll(order, uuid4())

    first, again = await app.send(command, key="k"), await app.send(command, key="k")

    assert (first, again.unwrap()) == (again, 1)
    assert await app.head() == 4


async def test_a_handler_is_not_tried_as_it_may_have_effects(app: Application) -> None:
    with pytest.raises(UntriableError):
        await app.try_(ReorderAll(ONE, TWO))


async def test_an_aggregate_that_another_task_changes_meanwhile_conflicts_and_nothing_is_lost(app: Application) -> None:
    orders = [(await app.send(OpenOrder(customer=name))).unwrap() for name in "abcde"]
    for order in orders:
        await app.send(AddItem(order, "pen", PEN))
    head = await app.head()

    results = await asyncio.gather(*(app.send(MergeOrders(orders[0], other)) for other in orders[1:]))

    merged = [each for each in results if isinstance(each, Accepted)]
    assert merged
    assert all(isinstance(each, Accepted | Conflict) for each in results)
    assert await app.head() == head + 2 * len(merged)
    assert (await app.send(AddItem(orders[0], "ink", PEN))).unwrap() == 2 + len(merged)
