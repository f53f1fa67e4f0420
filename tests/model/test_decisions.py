"""Deciders and decisions over several entities compile to the same thing, and mistakes are found when they do."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

import pytest

from diptych.errors import WiringError
from diptych.model.decisions import (
    Decider,
    DecisionModel,
    commands_of,
    decisions_of_decider,
    decisions_of_function,
    events_yielded,
)
from diptych.model.folds import Fold, event_classes, parameters_of, takes
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context, Meta

Source = Annotated[UUID, Tag("account")]
Customer = Annotated[UUID, Tag("customer")]


@event("account.opened")
@dataclass(frozen=True)
class Opened:
    account: Source
    customer: Customer


@event("account.moved")
@dataclass(frozen=True)
class Moved:
    account: Source
    amount: int


@event("shop.closed")
@dataclass(frozen=True)
class Closed:
    day: int


@dataclass(frozen=True)
class Open(Command[UUID]):
    account: Source
    customer: Customer


@dataclass(frozen=True)
class Move(Command[None]):
    account: Source
    amount: int


@dataclass(frozen=True)
class Transfer(Command[None]):
    source: Source
    target: Source


@dataclass(frozen=True)
class Several(Command[None]):
    accounts: tuple[Source, ...]


def evolve(state: int, event: Opened | Moved) -> int:
    return state


def count(state: int, event: Moved, meta: Meta) -> int:
    return meta.position


def decide(command: Open | Move, state: int, context: Context) -> Generator[Opened | Moved, None, UUID]:
    yield Moved(command.account, state)
    return command.account


ONE, TWO = UUID(int=1), UUID(int=2)


def wrong(match: str, decider: Decider[Any]) -> str:
    with pytest.raises(WiringError, match=match) as caught:
        decisions_of_decider(decider)
    assert caught.value.where
    assert caught.value.fix
    return str(caught.value)


def test_a_decider_finds_its_entity_by_the_tag_that_all_its_events_carry() -> None:
    opening, moving = decisions_of_decider(Decider(decide, evolve, initial=int))

    assert (opening.command, moving.command, opening.function) == (Open, Move, decide)
    ((parameter, selection),) = opening.selections
    assert (parameter, selection.model.tags, selection.single) == ("state", ("account",), True)
    assert selection.keys(Open(ONE, TWO)) == (ONE,)


def test_both_decisions_of_a_decider_share_its_fold() -> None:
    decider = Decider(decide, evolve, initial=int)

    folds = {id(selection.model.fold) for each in decisions_of_decider(decider) for _, selection in each.selections}

    assert folds == {id(decider.fold)}


def test_a_decider_may_name_its_tag() -> None:
    def only(command: Open, state: int) -> Iterator[Opened]: ...

    def opened(state: int, event: Opened) -> int:
        return state

    (decision,) = decisions_of_decider(Decider(only, opened, initial=int, tag="customer"))

    assert decision.selections[0][1].keys(Open(ONE, TWO)) == (TWO,)
    wrong("Open names 2 entities", Decider(only, opened, initial=int))
    wrong(
        "no field of Open names the entity to decide on, by the tag 'order'; ",
        Decider(only, opened, initial=int, tag="order"),
    )


def test_a_command_names_one_entity() -> None:
    def transfer(command: Transfer, state: int) -> Iterator[Moved]: ...

    def several(command: Several, state: int) -> Iterator[Moved]: ...

    wrong("Transfer names 2 entities, by source, target", Decider(transfer, evolve, initial=int))
    wrong("no field of Several names the entity to decide on", Decider(several, evolve, initial=int))


def test_an_event_that_the_tag_does_not_lead_to_is_found() -> None:
    def closed(state: int, event: Moved | Closed) -> int:
        return state

    def move(command: Move, moved: int) -> Iterator[Moved]: ...

    told = wrong("no field of Closed carries the tag 'account'", Decider(move, closed, initial=int))
    model = DecisionModel(closed, initial=int, tag="account")

    assert f"{__file__}:" in told
    with pytest.raises(WiringError, match="no field of Closed carries the tag 'account'"):
        decisions_of_function(move, {"moved": model.one(lambda command: command.account)})


def test_a_decider_takes_a_command_and_a_state() -> None:
    def stateless(command: Move) -> Iterator[Moved]: ...

    def no_command(command: int, state: int) -> Iterator[Moved]: ...

    wrong("stateless takes no state", Decider(stateless, evolve, initial=int))
    wrong("first parameter of .*no_command is not a command", Decider(no_command, evolve, initial=int))


def test_a_decision_names_the_entities_that_its_command_touches() -> None:
    def transfer(command: Transfer, balances: Mapping[UUID, int]) -> Iterator[Moved]: ...

    model = DecisionModel(count, initial=int, tag="account")

    (decision,) = decisions_of_function(transfer, {"balances": model.of(lambda each: (each.source, each.target))})

    ((name, selection),) = decision.selections
    assert (name, selection.single, tuple(selection.keys(Transfer(ONE, TWO)))) == ("balances", False, (ONE, TWO))


def test_a_decision_has_a_parameter_for_each_of_its_models() -> None:
    def transfer(command: Transfer) -> Iterator[Moved]: ...

    model = DecisionModel(count, initial=int, tag="account")

    with pytest.raises(WiringError, match="has no parameter 'balances' to take that decision model"):
        decisions_of_function(transfer, {"balances": model.one(lambda command: command.source)})


def test_the_events_that_a_decision_yields_are_read_from_its_return_type() -> None:
    def plain(command: Move, state: int) -> None: ...

    def odd(command: Move, state: int) -> Iterator[Moved | int]: ...

    assert events_yielded(decide) == (Opened, Moved)
    assert events_yielded(odd) == (Moved,)
    assert events_yielded(plain) == ()


def test_commands_are_the_members_of_the_first_hint() -> None:
    assert commands_of(decide) == (Open, Move)


def test_a_fold_knows_its_events_and_their_stored_names() -> None:
    fold = Fold(evolve, int)

    assert fold.events == (Opened, Moved)
    assert fold.types == ("account.moved", "account.opened")
    assert (fold.wants_meta, Fold(count, int).wants_meta) == (False, True)
    assert fold.name == f"{__name__}.evolve"


def test_a_fold_runs_over_events_in_order() -> None:
    def last(state: tuple[int, ...], event: Moved) -> tuple[int, ...]:
        return (*state, event.amount)

    events = [(Moved(ONE, n), Meta(n, at)) for n, at in ((1, None), (2, None))]

    assert Fold(last, tuple).run((), events) == (1, 2)
    assert Fold(count, int).run(0, events) == 2


def test_a_fold_takes_a_state_and_events_with_stored_names() -> None:
    class Unstored: ...

    def short(state: int) -> int:
        return state

    def unstored(state: int, event: Moved | Unstored) -> int:
        return state

    def unclear(state: int, event: "Moved | list[int]") -> int:
        return state

    with pytest.raises(WiringError, match="takes 1 parameters; a fold takes a state and an event"):
        event_classes(short, at=1)
    with pytest.raises(WiringError, match="Unstored is used as an event and has no stored name"):
        event_classes(unstored, at=1)
    with pytest.raises(WiringError, match=r"list\[int\], a type of parameter 'event' of .*unclear, is no class"):
        event_classes(unclear, at=1)


def test_every_parameter_has_a_hint() -> None:
    def bare(command, state: int) -> None: ...

    with pytest.raises(WiringError, match=r"parameter 'command' of .*bare has no type hint"):
        parameters_of(bare)


def test_parameters_come_without_their_marks() -> None:
    def marked(command: Annotated[int, "mark"], *rest: int, state: int = 3, **more: int) -> None: ...

    first, second = parameters_of(marked)

    assert (first.name, first.type, first.marks) == ("command", int, ("mark",))
    assert (second.name, second.default) == ("state", 3)
    assert takes(marked, int)
    assert not takes(marked, str)
