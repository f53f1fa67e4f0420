"""A course of commands: decided one after the other on live states, and checked against the log that they make.

Two copies of every state are kept apart: the live one, which goes from command to command as the left panel's cache
keeps it, and one folded afresh from events that were written and read again. What tells them apart is a bug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

from diptych.codec import decode_message, encode_message
from diptych.errors import InvalidMessageError, Refusal
from diptych.model.criteria import Clause
from diptych.model.decisions import events_yielded
from diptych.model.folds import Fold
from diptych.model.messages import event_type
from diptych.model.meta import Context, Meta
from diptych.model.tags import tagger
from diptych.write.deciding import Decided, Deciding
from diptych.write.entities import Entity, Known


class Logged(NamedTuple):
    """An event as the log holds it, and as it was recorded."""

    event: Any
    data: bytes
    name: str
    tags: tuple[str, ...]
    meta: Meta


@dataclass(slots=True)
class Live:
    """The state of one entity as it goes from command to command, and the same one as the log has it."""

    fold: Fold[Any]
    clause: Clause
    state: Any
    fresh: Any

    def history(self, log: Sequence[Logged]) -> tuple[Any, ...]:
        """Return the events that made the state."""
        return tuple(each.event for each in log if self.clause.matches(each.name, each.tags))


class Step(NamedTuple):
    """One command and what came of it; `states` are before and after, per entity that the decision read."""

    command: Any
    context: Context
    decided: Decided
    states: tuple[tuple[Any, Live], ...]


class Course:
    """Take commands, each judged on the way; what breaks a law raises AssertionError saying which."""

    def __init__(self, decidings: Mapping[type, Deciding]) -> None:
        self._decidings = decidings
        self.log: list[Logged] = []
        self.steps: list[tuple[Any, Context]] = []
        self._live: dict[tuple[int, Clause], Live] = {}

    @property
    def entities(self) -> tuple[Live, ...]:
        """Return every entity that a command has named, in the order named."""
        return tuple(self._live.values())

    def take(self, command: Any, context: Context) -> Step:
        """Decide on a command, record its events and fold them; raise AssertionError where a law is broken."""
        self.steps.append((command, context))
        deciding = self._decidings[type(command)]
        loaded = [selection.entities(command) for selection in deciding.selections]
        entities = [entity for each in loaded for entity in each.values()]
        read = [self._known(entity) for entity in entities]
        for entity, live in zip(entities, read, strict=True):
            entity.known = Known(live.state, len(self.log), len(self.log))
        decided = _decided(deciding, command, loaded, context)
        _refuse_drift(read, f"{deciding.decision.function.__qualname__} changes the state that it is given")
        for entity, live in zip(entities, read, strict=True):
            entity.known = Known(live.fresh, len(self.log), len(self.log))
        _refuse_other(deciding, decided, _decided(deciding, command, loaded, context))
        before = [live.state for live in read]
        self._record(deciding, decided.events, context)
        return Step(command, context, decided, tuple(zip(before, read, strict=True)))

    def _known(self, entity: Entity) -> Live:
        key = (id(entity.fold), entity.clause)
        if key not in self._live:
            state, fresh = (self._afresh(entity.fold, entity.clause) for _ in range(2))
            self._live[key] = Live(entity.fold, entity.clause, state, fresh)
        return self._live[key]

    def _afresh(self, fold: Fold[Any], clause: Clause) -> Any:
        mine = (each for each in self.log if clause.matches(each.name, each.tags))
        try:
            initial = deepcopy(fold.initial())  # a fold that changes it in place would change every other run
        except TypeError:
            initial = fold.initial()
        return fold.run(initial, [(decode_message(type(each.event), each.data), each.meta) for each in mine])

    def _record(self, deciding: Deciding, events: Sequence[Any], context: Context) -> None:
        declared = events_yielded(deciding.decision.function)
        if not events:
            return
        logged = [_logged(event, position, context) for position, event in enumerate(events, len(self.log) + 1)]
        for each in logged:
            if declared and type(each.event) not in declared:
                raise AssertionError(
                    f"{deciding.decision.function.__qualname__} yields {type(each.event).__name__}, which its return "
                    f"type does not name: the application could not read it back"
                )
        after = [(live, _evolved(live, logged)) for live in self.entities]
        for live, _ in after:
            _refuse_drift([live], f"{live.fold.evolve.__qualname__} changes the state that it is given")
        self.log += logged
        for live, state in after:
            live.state, live.fresh = state, self._afresh(live.fold, live.clause)
        _refuse_drift(self.entities, "the events, written and read again, fold to another state")


def _refuse_drift(entities: Iterable[Live], law: str) -> None:
    for live in entities:
        if not _same(live.state, live.fresh):
            raise AssertionError(f"{law}: {live.state!r}, where {live.fresh!r} was expected")


def _refuse_other(deciding: Deciding, decided: Decided, again: Decided) -> None:
    if not _same_answer(decided, again):
        raise AssertionError(
            f"{deciding.decision.function.__qualname__} answers the same command on the same state otherwise when it "
            f"is asked again: {_answer(decided)}, then {_answer(again)}"
        )


def _decided(deciding: Deciding, command: Any, loaded: Any, context: Context) -> Decided:
    try:
        return deciding.decide(command, loaded, context)
    except Exception as wrong:
        name = deciding.decision.function.__qualname__
        raise AssertionError(f"{name} raises what is no Refusal: {type(wrong).__name__}: {wrong}") from wrong


def _logged(event: Any, position: int, context: Context) -> Logged:
    cls = type(event)
    try:
        data = encode_message(event)
        again = decode_message(cls, data)
    except InvalidMessageError as wrong:
        raise AssertionError(f"{cls.__name__} cannot be written to the log: {wrong}") from wrong
    if again != event:
        raise AssertionError(
            f"{cls.__name__} comes back from the log as another: {again!r}, where {event!r} was written"
        )
    meta = Meta(position, context.now, context.principal, context.command_id)
    return Logged(event, data, event_type(cls).name, tagger(cls)(event), meta)


def _evolved(live: Live, logged: Sequence[Logged]) -> Any:
    state = live.state
    for each in logged:
        if live.clause.matches(each.name, each.tags):
            try:
                state = live.fold.run(state, [(each.event, each.meta)])
            except Exception as wrong:
                raise AssertionError(
                    f"{live.fold.evolve.__qualname__} cannot take {type(each.event).__name__}: "
                    f"{type(wrong).__name__}: {wrong}"
                ) from wrong
    return state


def _same_answer(one: Decided, other: Decided) -> bool:
    return (
        list(one.events) == list(other.events)
        and one.value == other.value
        and _reason(one.refusal) == _reason(other.refusal)
    )


def _reason(refusal: Refusal | None) -> Any:
    return refusal and (type(refusal), refusal.message, refusal.data)


def _answer(decided: Decided) -> str:
    if decided.refusal is not None:
        return f"{type(decided.refusal).__name__}({decided.refusal.message!r})"
    return f"{list(decided.events)!r} and {decided.value!r}"


def _same(one: Any, other: Any) -> bool:
    """Compare states; those of a class without equality are compared by what they hold."""
    if type(one) is type(other) and not _has_equality(type(one)):
        return all(_same(left, right) for left, right in zip(_held(one), _held(other), strict=True))
    return bool(one == other)


def _has_equality(cls: type) -> bool:
    return any("__eq__" in vars(each) for each in cls.__mro__ if each is not object)


def _held(value: Any) -> Iterator[Any]:
    names: Callable[[type], Sequence[str]] = lambda cls: getattr(cls, "__slots__", ())  # noqa: E731 (used once)
    slots = [name for cls in type(value).__mro__ for name in names(cls)]
    yield from vars(value).values() if hasattr(value, "__dict__") else (getattr(value, name, None) for name in slots)
