"""What is on disk is accepted, whatever happens to this process afterwards."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pytest

from diptych.application import Application
from diptych.model.decisions import Decider
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.results import Accepted
from diptych.module import Module

BoxId = Annotated[str, Tag("box")]


@event("box.broken")
@dataclass(frozen=True, slots=True)
class Broken:
    box: BoxId


@dataclass(frozen=True, slots=True)
class Break(Command[None]):
    box: BoxId


def decide(command: Break, state: int) -> Iterator[Broken]:
    yield Broken(command.box)


def evolve(state: int, event: Broken) -> int:
    raise ValueError("this fold has a bug")


async def test_a_command_whose_event_is_recorded_is_accepted_though_its_fold_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = Module("boxes")
    module.decider(Decider(decide, evolve, initial=int))
    async with Application(module) as app:
        result = await app.send(Break("a"))

        assert isinstance(result, Accepted)
        assert await app.head() == result.position
        assert "their fold fails" in caplog.text
        with pytest.raises(ValueError, match="this fold has a bug"):
            await app.send(Break("a"))
