"""Aggregates, repositories and decisions with narrower guards stand on upcast events."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from diptych import (
    Accepted,
    Aggregate,
    Application,
    Command,
    Conflict,
    DecisionModel,
    Module,
    Refused,
    Repository,
    evolves,
    handles,
)
from diptych.testing import AsStored, golden_log, write_log
from tests.upcasting.new_shop import Order, OrderConfirmed, PaymentTaken, Unpaid, shop

FIRST = Path(__file__).with_name("golden") / "first.json"
LATE = AsStored("order.confirmed", 1, {"order": "a3", "paid": "3.00", "method": "card"})


@dataclass(frozen=True, slots=True)
class Paid:
    amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Tip(Command[None]):
    order: Order


@dataclass(frozen=True, slots=True)
class Refund(Command[Decimal]):
    order: Order


@dataclass(frozen=True, slots=True)
class Compare(Command[None]):
    one: str
    other: str


class Purse(Aggregate[Paid], tag="order"):
    @handles
    def tip(self, command: Tip) -> None:
        self.record(PaymentTaken(command.order, Decimal("1.00"), "cash"))

    @evolves
    def paid(self, event: PaymentTaken) -> Paid:
        return Paid(self.state.amount + event.amount)


purses = Module("purses")
purses.upcasters.extend(shop.upcasters)
purses.aggregate(Purse)


@purses.command
async def refund(command: Refund, repository: Repository[Purse]) -> Decimal:
    purse = await repository.get(command.order)
    amount = purse.state.amount
    purse.record(PaymentTaken(command.order, -amount, "refund"))
    return amount


def add(paid: Decimal, event: PaymentTaken) -> Decimal:
    return paid + event.amount


both = DecisionModel(add, initial=Decimal, tag="order").of(lambda command: (command.one, command.other))


@purses.decides(paid=both.guarding(PaymentTaken))
def compare(command: Compare, paid: Mapping[str, Decimal]) -> Iterator[OrderConfirmed]:
    if paid[command.one] != paid[command.other]:
        raise Unpaid(f"{paid[command.one]} and {paid[command.other]}")
    yield OrderConfirmed(command.one)


async def test_an_aggregate_folds_what_was_split() -> None:
    async with Application(purses) as app:
        await write_log(app, golden_log(FIRST))

        assert isinstance(await app.send(Tip("a1")), Accepted)
        assert (await app.send(Refund("a1"))).unwrap() == Decimal("13.50")
        assert (await app.send(Refund("a2"))).unwrap() == Decimal("12.00")


async def test_a_repository_finds_and_expects_what_was_split() -> None:
    async with Application(purses) as app:
        await write_log(app, golden_log(FIRST))
        seen = await app.head()
        await write_log(app, [LATE])

        assert isinstance(await app.send(Refund("a3"), expected=seen), Conflict)
        assert isinstance(await app.send(Refund("a3")), Accepted)


async def test_a_decision_over_several_entities_takes_each_its_own() -> None:
    async with Application(purses) as app:
        await write_log(app, golden_log(FIRST))

        assert await app.send(Compare("a1", "a2")) == Refused("unpaid", "12.50 and 12.00", {}, 11)
        await write_log(app, [AsStored("order.confirmed", 1, {"order": "a2", "paid": "0.50", "method": "cash"})])
        assert isinstance(await app.send(Compare("a1", "a2")), Accepted)
