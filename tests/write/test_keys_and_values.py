"""Keys of a decision model that depend on settings, and decisions that return what their command promises."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.errors import WiringError
from diptych.injection import per_message
from diptych.model.decisions import DecisionModel
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.module import Module

BoxId = Annotated[str, Tag("box")]


@dataclass(frozen=True)
class Strict:
    on: bool


@event("box.filled")
@dataclass(frozen=True, slots=True)
class Filled:
    box: BoxId


@dataclass(frozen=True, slots=True)
class Fill(Command[int]):
    box: BoxId


def count(known: int, event: Filled) -> int:
    return known + 1


def nothing() -> int:
    return 0


fillings = DecisionModel(count, initial=nothing, tag="box")


def watched(command: Fill, strict: Strict) -> Iterable[str]:
    return (command.box,) if strict.on else ()


boxes = Module("boxes")


@boxes.decides(known=fillings.of(watched))
def fill(command: Fill, known: Mapping[str, int]) -> Generator[Filled, None, int]:
    yield Filled(command.box)
    return known.get(command.box, -1)


@pytest.mark.parametrize(("on", "known"), [(True, 1), (False, -1)])
async def test_an_injected_setting_says_which_entities_a_decision_reads(on: bool, known: int) -> None:
    async with Application(boxes, provide=[Strict(on)]) as app:
        await app.send(Fill("a"))

        again = await app.send(Fill("a"))

        assert again.value == known


def test_keys_that_take_what_nobody_provides_are_refused_at_start() -> None:
    with pytest.raises(WiringError, match="nobody provides strict: Strict of watched"):
        Application(boxes)


def test_keys_that_would_differ_from_message_to_message_are_refused_at_start() -> None:
    def made() -> Strict:
        return Strict(on=True)

    with pytest.raises(WiringError, match="differs from message to message"):
        Application(boxes, provide=[per_message(made)])


@dataclass(frozen=True, slots=True)
class Promise(Command[UUID]):
    box: BoxId


def test_a_decision_that_never_returns_what_its_command_promises_is_refused_at_start() -> None:
    silent = Module("silent")

    @silent.decides(known=fillings.one(lambda command: command.box))
    def promise(command: Promise, known: int) -> Iterator[Filled]:
        yield Filled(command.box)

    with pytest.raises(WiringError, match=r"promises a UUID, and .*promise returns no value"):
        Application(silent)
