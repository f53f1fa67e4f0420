"""Mistakes that show when something is sent: what was wanted, what was found, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from sqlalchemy.orm import DeclarativeBase

from diptych import (
    Aggregate,
    Application,
    Command,
    Decider,
    DecisionModel,
    Module,
    Query,
    Refusal,
    StoreError,
    Tag,
    UnitOfWork,
    UnknownMessageError,
    WiringError,
    event,
    evolves,
    handles,
)
from diptych.testing import Scenario

JarId = Annotated[str, Tag("jar")]


@event("jar.filled")
@dataclass(frozen=True)
class Filled:
    jar: JarId


@event("jar.emptied")
@dataclass(frozen=True)
class Emptied:
    jar: JarId


@dataclass(frozen=True)
class Unmarked:
    jar: JarId


@dataclass(frozen=True)
class Fill(Command[None]):
    jar: JarId


@dataclass(frozen=True)
class Empty(Command[None]):
    jar: JarId


@dataclass(frozen=True)
class Smash(Command[None]):
    jar: JarId


@dataclass(frozen=True)
class Fil(Command[None]):
    jar: JarId


@dataclass(frozen=True)
class GetJar(Query[int]):
    jar: str


def count(filled: int, happened: Filled | Emptied) -> int:
    following: dict[type, int] = {Filled: filled + 1}  # and nothing for the other
    return following.get(type(happened))  # type: ignore[return-value]  # the mistake


def decide(command: Fill | Empty, filled: int) -> Iterator[Filled | Emptied]:
    yield Filled(command.jar) if isinstance(command, Fill) else Emptied(command.jar)


def smash(command: Smash) -> Iterator[Any]:
    yield Unmarked(command.jar)


model = DecisionModel(count, initial=int, tag="jar")
jars = Module("jars")
jars.decider(Decider(decide, count, initial=int))
jars.decides()(smash)


@jars.query
def get(query: GetJar) -> int:
    return 0


@dataclass(frozen=True)
class State:
    filled: bool = False


class Jar(Aggregate[State], tag="jar"):
    @handles
    def fill(self, command: Fill) -> None:
        self.record(Emptied(command.jar))

    @evolves
    def _filled(self, happened: Filled) -> State:
        return State(filled=bool(happened.jar))


async def test_a_fold_that_forgets_a_state_is_named_with_its_event() -> None:
    async with Application(jars) as app:
        await app.send(Empty("a"))
        with pytest.raises(WiringError, match="count returned None for Emptied, and its type promises a state"):
            await app.send(Fill("a"))


def test_a_fold_that_forgets_a_state_is_named_in_a_scenario() -> None:
    with pytest.raises(WiringError, match="count returned None for Emptied"):
        Scenario(jars).given(Emptied("a")).when(Fill("a"))


async def test_an_event_without_a_stored_name_is_told_to_get_one() -> None:
    async with Application(jars) as app:
        with pytest.raises(WiringError, match=r"Unmarked is used as an event and has no stored name"):
            await app.send(Smash("a"))


def test_an_event_that_no_method_folds_is_told_where_to_be_folded() -> None:
    with pytest.raises(WiringError, match=r"no @evolves method of Jar folds Emptied(.|\n)*fix  write @evolves"):
        Jar().record(Emptied("a"))


def filled_at_once(command: Fill, filled: int) -> Filled:
    return Filled(command.jar)


def refused_softly(command: Fill, filled: int) -> Refusal:
    return Refusal("it is full")


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (filled_at_once, r"filled_at_once returned a Filled for Fill(.|\n)*fix  yield the event"),
        (refused_softly, r"refused_softly on Fill returned Refusal(.|\n)*fix  raise a Refusal"),
    ],
)
async def test_a_decision_that_returns_what_it_should_give_otherwise_is_told_how(decision: Any, told: str) -> None:
    wrong = Module("wrong")
    wrong.decider(Decider(decision, count, initial=int))
    async with Application(wrong) as app:
        with pytest.raises(WiringError, match=told):
            await app.send(Fill("a"))
        assert await app.head() == 0


async def test_a_handler_that_returns_a_refusal_is_told_to_raise_it() -> None:
    wrong = Module("wrong")

    @wrong.command
    async def fill(command: Fill) -> None:
        return Refusal("it is full")  # type: ignore[return-value]  # the mistake

    async with Application(wrong) as app:
        with pytest.raises(WiringError, match=r"handler of Fill returned the refusal Refusal(.|\n)*fix  raise it"):
            await app.send(Fill("a"))


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (model.one(lambda command: [command.jar]), r"\['a'\] is no key of the decision model of 'filled': a list has"),
        (model.of(lambda command: [{command.jar}]), r"\{'a'\} is no key of the decision model of 'filled': a set has"),
        (model.of(lambda _: 7), r"the keys of a decision model are 7, which is one int(.|\n)*return a list"),  # type: ignore[arg-type, return-value]  # the mistake
    ],
)
async def test_a_key_that_is_none_is_told(selection: Any, told: str) -> None:
    wrong = Module("wrong")

    @wrong.decides(filled=selection)
    def fill(command: Fill, filled: Any) -> Iterator[Filled]:
        yield Filled(command.jar)

    async with Application(wrong) as app:
        with pytest.raises(WiringError, match=told):
            await app.send(Fill("a"))


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (Fil("a"), "no module of the application handles the command Fil; did you mean Fill\\?"),
        (GetJar("a"), "GetJar is a query: it is asked, not sent"),
        (Fill, r"expected a command, found the class Fill; make one of it: Fill\(...\)"),
    ],
)
async def test_what_cannot_be_sent_is_told_what_it_is(message: Any, told: str) -> None:
    async with Application(jars) as app:
        with pytest.raises(UnknownMessageError, match=told):
            await app.send(message)


async def test_what_cannot_be_asked_is_told_what_it_is() -> None:
    async with Application(jars) as app:
        with pytest.raises(UnknownMessageError, match="Fill is a command: it is sent, not asked"):
            await app.ask(Fill("a"))  # type: ignore[arg-type]  # the mistake


async def test_a_command_of_an_unknown_name_is_told_a_likely_one() -> None:
    async with Application(jars) as app:
        with pytest.raises(UnknownMessageError, match=r"no module handles a command named 'Fll'; did you mean Fill\?"):
            await app.receive("Fll", b"{}")


async def test_an_application_that_is_not_open_says_so() -> None:
    app = Application(jars)

    with pytest.raises(StoreError, match="the application is not open; enter it with `async with`"):
        await app.send(Fill("a"))
    with pytest.raises(StoreError, match="the application is not open"):
        await app.ask(GetJar("a"))


def test_a_scenario_has_no_database_for_a_unit_of_work() -> None:
    module = Module("tables")

    @module.command
    async def fill(command: Fill, work: UnitOfWork[Filled]) -> None: ...

    with pytest.raises(WiringError, match="fill writes tables in a unit of work, and a scenario has no database"):
        Scenario(module).given().when(Fill("a"))


async def test_a_unit_of_work_records_the_events_that_its_type_names(tmp_path: Path) -> None:
    module = Module("tables")

    @module.command
    async def fill(command: Fill, work: UnitOfWork[Emptied]) -> None:
        work.record(Filled(command.jar))  # type: ignore[arg-type]  # the mistake

    async with Application(module, events=f"sqlite:///{tmp_path}/log.db") as app:
        with pytest.raises(WiringError, match="a unit of work recorded Filled, which its type does not name"):
            await app.send(Fill("a"))
        assert await app.head() == 0


def test_an_object_in_place_of_a_handler_class_is_told_of_the_class() -> None:
    class Handler:
        def handle(self, command: Fill) -> None: ...

    with pytest.raises(WiringError, match=r"found <(.|\n)*fix  register the class"):
        Module("jars").command(Handler())  # type: ignore[type-var]  # the mistake


def test_a_mapped_base_in_place_of_its_tables_is_told_of_its_metadata() -> None:
    class OrmBase(DeclarativeBase): ...

    with pytest.raises(WiringError, match=r"tables of a module was given (.*)OrmBase; it takes MetaData"):
        Module("tables", tables=OrmBase)  # type: ignore[arg-type]  # the mistake
