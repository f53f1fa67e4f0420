"""A module registers by type, gives back what it is given, and refuses a second handler."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import pytest

from diptych import Command, Decider, DecisionModel, Module, Query, Tag, WiringError, event

ShelfId = Annotated[int, Tag("shelf")]


@event("shelf.filled")
@dataclass(frozen=True)
class Filled:
    shelf: ShelfId


@dataclass(frozen=True)
class Fill(Command[None]):
    shelf: ShelfId


@dataclass(frozen=True)
class Empty(Command[None]):
    shelf: ShelfId


@dataclass(frozen=True)
class Count(Query[int]):
    pass


@dataclass(frozen=True)
class List(Query[int]):
    pass


def evolve(state: int, event: Filled) -> int:
    return state + 1


def decide(command: Fill | Empty, state: int) -> Iterator[Filled]:
    yield Filled(command.shelf)


def decide_fill(command: Fill, count: int) -> Iterator[Filled]:
    yield Filled(command.shelf)


def handle(command: Fill) -> None: ...


def answer(query: Count | List) -> int:
    return 1


model = DecisionModel(evolve, initial=int, tag="shelf")


def test_a_decider_is_registered_for_every_command_of_its_union() -> None:
    module, decider = Module("shelves"), Decider(decide, evolve, initial=int)

    assert module.decider(decider) is decider
    assert set(module.decisions) == {Fill, Empty}
    assert module.handler_of(Fill) is decide


def test_every_decorator_returns_its_function() -> None:
    module = Module("shelves")

    assert module.decides(count=model.one(lambda command: command.shelf))(decide_fill) is decide_fill
    assert module.query(answer) is answer
    assert Module("other").command(handle) is handle


def test_the_handler_of_a_message_is_found_by_its_type() -> None:
    module = Module("shelves")
    module.command(handle)
    module.query(answer)

    assert [module.handler_of(each) for each in (Fill, Count, List, Empty)] == [handle, answer, answer, None]


def test_a_second_handler_is_refused_and_both_are_named() -> None:
    module = Module("shelves")
    module.decider(Decider(decide, evolve, initial=int))

    for register in (module.command, module.decides(count=model.one(lambda command: command.shelf))):
        with pytest.raises(WiringError, match=r"Fill has two handlers: decide \(.*test_module.py:\d+\) and ") as caught:
            register(handle if register == module.command else decide_fill)
        assert caught.value.fix == "remove one of them"


def test_a_second_handler_of_a_query_is_refused() -> None:
    def again(query: Count) -> int:
        return 2

    module = Module("shelves")
    module.query(answer)

    with pytest.raises(WiringError, match="Count has two handlers"):
        module.query(again)


def test_a_query_handler_takes_a_query_first() -> None:
    def nothing() -> int:
        return 1

    def wrong(query: Count | Fill) -> int:
        return 1

    for function in (nothing, wrong, handle):
        with pytest.raises(WiringError, match=r"the first parameter of .* is not a query"):
            Module("shelves").query(function)


def test_a_command_handler_takes_a_command_first() -> None:
    for function in (answer, lambda: None):
        with pytest.raises(WiringError, match=r"the first parameter of .* is not a command"):
            Module("shelves").command(function)
