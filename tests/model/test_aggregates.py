"""An aggregate compiles to a decider, and what does not fit is said when it does."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from diptych.errors import WiringError
from diptych.model.aggregates import Aggregate, decider_of, fold_of, model_of
from diptych.model.decisions import decisions_of_decider, events_yielded
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.model.methods import evolves, handles

Account = Annotated[str, Tag("account")]


@event("account.opened")
@dataclass(frozen=True)
class Opened:
    account: Account


@event("account.closed")
@dataclass(frozen=True)
class Closed:
    account: Account


@dataclass(frozen=True)
class Open(Command[str]):
    account: Account


@dataclass(frozen=True)
class Close(Command[None]):
    account: Account


@dataclass(frozen=True)
class State:
    is_open: bool = False


class Bank(Aggregate[State], tag="account"):
    @handles
    def open(self, command: Open, context: Context) -> str:
        self.record(Opened(command.account))
        return context.principal or ""

    @handles
    def close(self, command: Close) -> None:
        self.record(Closed(command.account))

    @evolves
    def _changed(self, event: Opened | Closed) -> State:
        return State(isinstance(event, Opened))


class Stricter(Bank):
    @handles
    def close(self, command: Close) -> None:
        if self.state.is_open:
            super().close(command)


def test_an_aggregate_is_one_decider_over_all_its_commands() -> None:
    decisions = decisions_of_decider(decider_of(Bank))

    assert [each.command for each in decisions] == [Open, Close]
    assert events_yielded(decisions[0].function) == (Opened, Closed)


def test_its_fold_is_one_object_however_it_is_used() -> None:
    assert decider_of(Bank).fold is fold_of(Bank) is model_of(Bank).fold
    assert fold_of(Bank).name == f"{__name__}.Bank"
    assert [part.__name__ for part in fold_of(Bank).parts] == ["_changed"]


def test_a_subclass_inherits_and_overrides_methods() -> None:
    assert [each.command for each in decisions_of_decider(decider_of(Stricter))] == [Open, Close]
    assert decider_of(Stricter).tag == "account"


def test_events_that_no_method_folds_cannot_be_recorded() -> None:
    @event("account.audited")
    @dataclass(frozen=True)
    class Audited:
        account: Account

    with pytest.raises(WiringError, match="Audited"):
        Bank().record(Audited("a"))


def no_state() -> type[Aggregate[Any]]:
    class Wrong(Aggregate, tag="account"):  # type: ignore[type-arg]  # that is the mistake
        @evolves
        def _opened(self, _: Opened) -> State:
            return State()

    return Wrong


def no_fold() -> type[Aggregate[Any]]:
    class Wrong(Aggregate[State], tag="account"):
        @handles
        def close(self, _: Close) -> None: ...

    return Wrong


def two_folds() -> type[Aggregate[Any]]:
    class Wrong(Aggregate[State], tag="account"):
        @evolves
        def _one(self, _: Opened) -> State:
            return State()

        @evolves
        def _two(self, _: Opened | Closed) -> State:
            return State()

    return Wrong


def two_handlers() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @handles
        def shut(self, _: Close) -> None: ...

    return Wrong


def no_value() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @handles
        def open(self, command: Open, context: Context) -> None: ...  # type: ignore[override]  # that is the mistake

    return Wrong


def no_command() -> type[Aggregate[Any]]:
    class Wrong(Aggregate[State], tag="account"):
        @evolves
        def _one(self, _: Opened) -> State:
            return State()

    return Wrong


def no_tag() -> type[Aggregate[Any]]:
    class Wrong(Aggregate[State]):
        @handles
        def close(self, _: Close) -> None: ...

        @evolves
        def _one(self, _: Opened) -> State:
            return State()

    return Wrong


def two_types() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @handles
        def close(self, command: Close, context: int = 0) -> None: ...

    return Wrong


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_state, "does not name the type of its state"),
        (no_fold, "folds no event"),
        (two_folds, "taken by two methods"),
        (two_handlers, "taken by two methods"),
        (no_value, "promises a str"),
        (no_command, "handles no command"),
        (no_tag, "by which tag it is found"),
        (two_types, "of another type"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_fix(make: Callable[[], type[Aggregate[Any]]], words: str) -> None:
    with pytest.raises(WiringError, match=words) as wrong:
        decider_of(make())

    assert wrong.value.fix
    assert __file__ in wrong.value.where
