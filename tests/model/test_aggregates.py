"""An aggregate compiles to a decider, and what does not fit is said when it does."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import pytest

from diptych.errors import WiringError
from diptych.model.aggregates import Aggregate, decider_of, fold_of, model_of
from diptych.model.decisions import decisions_of_decider, events_yielded
from diptych.model.marks import Tag
from diptych.model.messages import Command, event
from diptych.model.meta import Context
from diptych.model.methods import evolves, handles
from diptych.model.snapshots import Snapshots

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


def test_a_subclass_inherits_what_its_own_class_statement_does_not_say() -> None:
    class Rich(Bank, initial=lambda: State(is_open=True)):
        pass

    class Saved(Rich, tag="rich", snapshots=Snapshots(every=5)):
        pass

    assert Rich().state == Saved().state == State(is_open=True)
    assert (model_of(Rich).tags, model_of(Saved).tags) == (("account",), ("rich",))
    assert (fold_of(Rich).snapshots, fold_of(Saved).snapshots) == (None, Snapshots(every=5))


S = TypeVar("S")
T = TypeVar("T")


class Audited(Aggregate[S], Generic[T, S]):
    pass


class Ledger(Audited[int, State], tag="account"):
    @evolves
    def _changed(self, event: Opened | Closed) -> State:
        return State(isinstance(event, Opened))


def test_the_type_of_its_state_is_found_through_generic_classes() -> None:
    assert fold_of(Ledger).initial is State


def test_a_method_that_a_subclass_sets_to_none_is_taken_out() -> None:
    class Opening(Bank):
        close = None  # type: ignore[assignment]  # that takes it out

    assert [each.command for each in decisions_of_decider(decider_of(Opening))] == [Open]


def test_a_method_that_forgets_to_return_the_state_is_found_before_its_event_is_saved() -> None:
    class Forgetful(Aggregate[State], tag="account"):
        @evolves
        def _opened(self, _: Opened):  # type: ignore[no-untyped-def]  # that is the mistake
            self._state = State(is_open=True)

    account = Forgetful()
    with pytest.raises(WiringError, match="Opened returned nothing"):
        account.record(Opened("a"))

    assert account.recorded == ()


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


def override_without_mark() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        def close(self, command: Close) -> None: ...

    return Wrong


def marked_twice_as_no_method() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @evolves
        @staticmethod
        def _one(_: Opened) -> State:
            return State()

    return Wrong


def asynchronous() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @handles
        async def close(self, command: Close) -> None: ...  # type: ignore[override]  # that is the mistake

    return Wrong


def yielding() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        @handles
        def close(self, command: Close) -> Iterator[Closed]:  # type: ignore[override]  # that is the mistake
            yield Closed(command.account)

    return Wrong


def folding_to_nothing() -> type[Aggregate[Any]]:
    class Wrong(Aggregate[State], tag="account"):
        @evolves
        def _opened(self, _: Opened) -> None: ...

    return Wrong


def own_init() -> type[Aggregate[Any]]:
    class Wrong(Bank):
        def __init__(self, state: State | None = None) -> None:
            super().__init__(state)
            self.limit = 3

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
        (override_without_mark, "close of .* is @handles in one place"),
        (marked_twice_as_no_method, "_one of .* is @evolves in one place"),
        (asynchronous, "async or yields"),
        (yielding, "async or yields"),
        (folding_to_nothing, "returns no state"),
        (own_init, "__init__ of its own"),
    ],
)
def test_a_mistake_is_said_with_its_place_and_fix(make: Callable[[], type[Aggregate[Any]]], words: str) -> None:
    with pytest.raises(WiringError, match=words) as wrong:
        decider_of(make())

    assert wrong.value.fix
    assert __file__ in wrong.value.where
