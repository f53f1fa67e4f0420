"""What a sender expects of handlers that have nothing to compare it with: it is said, never passed over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Never
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.model.aggregates import Aggregate
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.methods import evolves
from diptych.model.results import Accepted, Conflict
from diptych.module import Module
from diptych.write.repository import Repository
from diptych.write.units import UnitOfWork
from tests.write.shop import CreateOrder, OrderRow, Outside, orders

ORDER = UUID(int=1)


@event("till.opened")
@dataclass(frozen=True, slots=True)
class TillOpened:
    till: Annotated[int, Tag("till")]


@dataclass(frozen=True, slots=True)
class Till:
    number: int = 0


class TillAggregate(Aggregate[Till], tag="till"):
    @evolves
    def opened(self, event: TillOpened) -> Till:
        return Till(event.till)


@dataclass(frozen=True, slots=True)
class Print(Command[None]):
    """Have an effect, and no state."""


@dataclass(frozen=True, slots=True)
class Touch(Command[None]):
    """Write a table, and say nothing of what it depends on."""


@dataclass(frozen=True, slots=True)
class OpenTill(Command[None]):
    """Load an aggregate, or none."""

    till: int


printed: list[str] = []
till = Module("till")


@till.command
async def print_(command: Print) -> None:
    printed.append("receipt")


@till.command
async def touch(command: Touch, work: UnitOfWork[Never]) -> None:
    work.session.add(OrderRow(id=UUID(int=2)))


@till.command
async def open_till(command: OpenTill, tills: Repository[TillAggregate]) -> None:
    if command.till:
        await tills.find(command.till)


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Application]:
    printed.clear()
    async with Application(orders, till, events=f"sqlite:///{tmp_path}/shop.db", provide=[Outside()]) as app:
        yield app


async def test_a_handler_without_state_does_not_run_for_a_sender_that_expects_one(app: Application) -> None:
    await app.send(CreateOrder(ORDER))

    result = await app.send(Print(), expected=1)

    assert isinstance(result, Conflict)
    assert "Print compares nothing with an expected position" in result.error
    assert printed == []
    assert isinstance(await app.send(Print()), Accepted)
    assert printed == ["receipt"]


async def test_a_unit_that_says_nothing_of_what_is_expected_is_rolled_back(app: Application) -> None:
    result = await app.send(Touch(), expected=0)

    assert isinstance(result, Conflict)
    assert "work.expect" in result.error
    assert isinstance(await app.send(Touch()), Accepted)  # the row of before would be there twice


async def test_a_handler_that_loaded_nothing_compares_nothing(app: Application) -> None:
    assert isinstance(await app.send(OpenTill(0), expected=0), Conflict)
    assert isinstance(await app.send(OpenTill(1), expected=0), Accepted)


async def test_a_command_that_came_before_is_answered_whatever_is_expected(app: Application) -> None:
    first = await app.send(Print(), key="k")

    again = await app.send(Print(), key="k", expected=0)

    assert isinstance(again, Accepted)
    assert again.command_id == first.command_id  # type: ignore[union-attr]  # it is Accepted
