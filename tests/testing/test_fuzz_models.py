"""Decisions whose messages are pydantic models are fuzzed as all others: within their constraints, by their names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import pydantic
import pytest
from pydantic import ConfigDict, Field

from diptych.model.decisions import Decider
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.testing import fuzz

Till = Annotated[int, Tag("till")]


class Frozen(pydantic.BaseModel):
    model_config = ConfigDict(frozen=True)


class Part(Frozen):
    weight: int = Field(ge=1, le=5)
    parts: tuple[Part, ...] = ()


class Card(Frozen):
    kind: Literal["card"] = "card"
    digits: str = Field(pattern=r"^[0-9]{4}$")


class Cash(Frozen):
    kind: Literal["cash"] = "cash"
    coins: int = Field(multiple_of=50, gt=0)


class Sell(Frozen, Command[None]):
    till: Till
    part: Part
    paid: Annotated[Card | Cash, Field(discriminator="kind")]
    quantity: int = Field(gt=10, le=20, alias="orderedQuantity")


@event("sold")
class Sold(Frozen):
    till: Till
    part: Part
    quantity: int


def decide(command: Sell, sold: int) -> Iterator[Sold]:
    yield Sold(till=command.till, part=command.part, quantity=command.quantity)


def evolve(sold: int, event: Sold) -> int:
    return sold + event.quantity + event.part.weight


def broken(machine: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        machine.TestCase("runTest").runTest()
    return str(caught.value)


def test_what_breaks_is_shortened_within_the_constraints_of_models() -> None:
    def nobody_sells_forty(sold: int) -> bool:
        return sold < 40

    told = broken(fuzz(Decider(decide, evolve, initial=int), invariants=[nobody_sells_forty]))

    assert told.startswith("nobody_sells_forty does not hold")
    assert told.count("Sold(") <= 4


def test_models_are_made_by_the_names_of_their_fields_within_their_constraints() -> None:
    met: list[Sold] = []

    def is_remembered(before: int, command: Sell, events: tuple[Sold, ...], after: int) -> None:
        met.extend(events)

    fuzz(Decider(decide, evolve, initial=int), invariants=[is_remembered], examples=30).TestCase("runTest").runTest()

    assert met
    assert all(10 < each.quantity <= 20 for each in met)
