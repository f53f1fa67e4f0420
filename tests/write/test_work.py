"""What one handler loaded and recorded: once each, in one order, for its own entities, until it returns."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.errors import Refusal, WiringError
from diptych.model.aggregates import Aggregate, fold_of
from diptych.model.criteria import Clause, Criteria
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.methods import evolves
from diptych.model.results import Accepted, Conflict, NotFound, Refused, Result
from diptych.module import Module
from diptych.ports import Append
from diptych.recorded import writer_of
from diptych.write.entities import Entity, Known
from diptych.write.repository import Repository
from diptych.write.work import Work
from tests.write.orders import ItemAdded, Order, OrderId, OrderOpened, State

ONE, TWO = UUID(int=1), UUID(int=2)
OPENED = OrderOpened(ONE, "ada")
Doing = Callable[[Repository[Order]], Awaitable[Any]]


@dataclass(frozen=True)
class Do(Command[None]):
    """Do what the test says."""


@dataclass(frozen=True)
class First(Command[None]):
    """Open the first order."""


FOLDED: list[OrderOpened] = []


class Counted(Order):
    """An order that tells which of its events were folded."""

    @evolves
    def _opened(self, event: OrderOpened) -> State:
        FOLDED.append(event)
        return super()._opened(event)


def opened(order: UUID = ONE) -> Order:
    made = Order()
    made.record(OrderOpened(order, "ada"))
    return made


async def outcome(*doings: Doing) -> tuple[Sequence[Result[Any]], Sequence[str]]:
    module, told = Module("doing"), iter(doings)

    @module.command
    async def do(_: Do, orders: Repository[Order]) -> None:
        await next(told)(orders)

    async with Application(module) as app:
        results = [await app.send(Do()) for _ in doings]
        return results, [each.name for each in (await app.store.read(Criteria.all())).events]


async def add_one(orders: Repository[Order]) -> None:
    orders.add(opened())


async def test_an_aggregate_added_twice_is_saved_once() -> None:
    async def add_twice(orders: Repository[Order]) -> None:
        order = opened()
        orders.add(order)
        orders.add(order)
        order.record(ItemAdded(ONE, "pen", Decimal(1)))

    results, names = await outcome(add_twice)

    assert isinstance(results[0], Accepted)
    assert names == ["order.opened", "order.item_added"]


async def test_a_loaded_aggregate_that_is_added_stays_what_it_is() -> None:
    async def add_loaded(orders: Repository[Order]) -> None:
        order = await orders.get(ONE)
        orders.add(order)
        order.record(ItemAdded(ONE, "pen", Decimal(1)))
        orders.add(order)

    results, names = await outcome(add_one, add_loaded)

    assert isinstance(results[1], Accepted)
    assert names == ["order.opened", "order.item_added"]


async def test_two_new_aggregates_of_one_key_conflict() -> None:
    async def add_two(orders: Repository[Order]) -> None:
        orders.add(opened())
        orders.add(opened())

    results, names = await outcome(add_two)

    assert results[0] == Conflict(f"there is order:{ONE} already, and it is added", 0)
    assert names == []


async def test_an_aggregate_tells_its_own_events_only() -> None:
    seen: list[Any] = []

    async def add_others(orders: Repository[Order]) -> None:
        one, two = opened(ONE), opened(TWO)
        orders.add(one)
        orders.add(two)
        seen.extend((one.recorded, two.recorded))

    await outcome(add_others)

    assert seen == [(OPENED,), (OrderOpened(TWO, "ada"),)]


async def test_an_event_of_another_entity_is_not_recorded_by_an_aggregate() -> None:
    async def mistake(orders: Repository[Order]) -> None:
        order = await orders.get(ONE)
        with pytest.raises(WiringError, match=f"the aggregate of order:{ONE} records ItemAdded of order:{TWO}"):
            order.record(ItemAdded(TWO, "pen", Decimal(1)))
        assert order.state.items == ()

    results, names = await outcome(add_one, mistake)

    assert isinstance(results[1], Accepted)
    assert names == ["order.opened"]


async def test_what_is_recorded_after_the_handler_returned_is_refused_instead_of_lost() -> None:
    kept: list[Order] = []

    async def keep(orders: Repository[Order]) -> None:
        kept.append(await orders.get(ONE))

    await outcome(add_one, keep)

    with pytest.raises(WiringError, match="after its handler returned"):
        kept[0].record(ItemAdded(ONE, "pen", Decimal(1)))
    assert kept[0].recorded == ()


async def test_an_aggregate_of_another_handler_cannot_be_added() -> None:
    kept = opened()

    async def add_kept(orders: Repository[Order]) -> None:
        orders.add(kept)

    with pytest.raises(WiringError, match="belongs to a handler"):
        await outcome(add_kept, add_kept)


async def test_a_repository_remembers_and_reads_only_what_is_new() -> None:
    module = Module("remembering")

    @module.command
    async def look(_: Do, orders: Repository[Counted]) -> None:
        (await orders.get(ONE)).record(ItemAdded(ONE, "pen", Decimal(1)))

    @module.command
    async def first(_: First, orders: Repository[Counted]) -> None:
        order = Counted()
        order.record(OPENED)
        orders.add(order)

    async with Application(module) as app:
        await app.send(First())
        FOLDED.clear()
        results = [await app.send(Do()) for _ in range(3)]

    assert [each.position for each in results] == [2, 3, 4]
    assert FOLDED == []


async def test_an_aggregate_that_is_loaded_twice_at_once_is_one_object() -> None:
    both = asyncio.Barrier(2)

    async def refresh(entities: Sequence[Entity]) -> bool:
        await both.wait()
        entities[0].known = Known(State("ada"), 1, 1)
        return True

    work, clause = Work(refresh), Clause(("order.opened",), (f"order:{ONE}",))
    one, two = await asyncio.gather(
        *(work.load(Entity(fold_of(Order), clause, clause), Order) for _ in range(2)),
    )

    assert one is two
    assert one is not None
    assert one.state == State("ada")


Code = Annotated[str, Tag("code")]


@event("coupon.printed")
@dataclass(frozen=True)
class Printed:
    code: Code


class Coupon(Aggregate[State], tag="code"):
    @evolves
    def _printed(self, _: Printed) -> State:
        return self.state


async def test_what_is_missing_may_be_found_by_a_tag_named_as_what_refusals_have() -> None:
    module = Module("coupons")

    @module.command
    async def look(_: Do, coupons: Repository[Coupon]) -> None:
        await coupons.get("X1")

    async with Application(module) as app:
        result = await app.send(Do())

    assert result == NotFound("there is no code X1", {"key": "X1"})


@event("order.drafted")
@dataclass(frozen=True)
class Drafted:
    order: OrderId


def undrafted(_: Drafted) -> OrderOpened | None:
    """Forget drafts: an order that was only drafted is none."""
    return None


async def test_an_aggregate_of_dropped_events_can_be_added_by_who_looked_for_it() -> None:
    module = Module("drafts")
    module.upcasts(undrafted)

    @module.command
    async def look(_: Do, orders: Repository[Order]) -> None:
        assert await orders.find(ONE) is None
        orders.add(opened())

    async with Application(module) as app:
        await app.store.append(Append([writer_of(Drafted)(Drafted(ONE), b"{}")], (), None, b"{}", 1))
        result = await app.send(Do())

    assert isinstance(result, Accepted)
    assert result.position == 2


@dataclass
class Changing:
    names: list[str] = field(default_factory=list)


class Changed(Aggregate[Changing], tag="order"):
    @evolves
    def _opened(self, event: OrderOpened) -> Changing:
        self.state.names.append(event.customer)
        return self.state


def test_a_repository_of_aggregates_whose_state_is_mutable_is_refused_at_start() -> None:
    module = Module("changing")

    @module.command
    async def change(_: Do, orders: Repository[Changed]) -> None: ...

    with pytest.raises(WiringError, match=r"the state 'orders' of .*change is mutable .*Changing is not frozen"):
        Application(module)


@dataclass(frozen=True)
class Twice(Command[int]):
    """Be delivered twice at once, under one key."""


class Delivered:
    """Hold the second delivery of a command until the first is accepted."""

    def __init__(self) -> None:
        self.deliveries, self.accepted = 0, asyncio.Event()

    async def arrive(self) -> bool:
        """Return whether it is the second."""
        self.deliveries += 1
        if self.deliveries == 1:
            return False
        await self.accepted.wait()
        return True


async def both_answers(module: Module, told: Delivered) -> list[Result[Any]]:
    async with Application(module, provide=[told]) as app:
        first, second = (asyncio.create_task(app.send(Twice(), key="k")) for _ in range(2))
        await first
        told.accepted.set()
        return [await first, await second]


@pytest.mark.parametrize("wrong", [Refusal("again"), LookupError("again")])
async def test_a_delivery_that_fails_while_the_same_was_accepted_is_answered_from_the_record(wrong: Exception) -> None:
    module = Module("twice")

    @module.command
    async def once(_: Twice, told: Delivered) -> int:
        if await told.arrive():
            raise wrong
        return 7

    first, second = await both_answers(module, Delivered())

    assert (first, second.unwrap()) == (second, 7)


async def test_so_is_one_of_a_handler_that_finds_what_the_other_added() -> None:
    module = Module("twice")

    @module.command
    async def once(_: Twice, orders: Repository[Order], told: Delivered) -> int | Refused:
        await told.arrive()
        if await orders.find(ONE) is not None:
            return Refused("there", "there is one")
        orders.add(opened())
        return 7

    first, second = await both_answers(module, Delivered())

    assert (first, second.unwrap()) == (second, 7)


async def test_so_is_one_of_a_handler_that_was_slower() -> None:
    module = Module("twice")

    @module.command
    async def once(_: Twice, orders: Repository[Order], told: Delivered) -> int:
        orders.add(opened())
        await told.arrive()
        return 7

    first, second = await both_answers(module, Delivered())

    assert (first, second.unwrap()) == (second, 7)
