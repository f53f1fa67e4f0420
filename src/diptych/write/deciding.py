"""Deciding: call a pure decision with its state and collect what it says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator, Iterable, Sequence
from types import GeneratorType, NoneType
from typing import Any, NamedTuple, get_args, get_origin

from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal, WiringError
from diptych.injection import Injector
from diptych.model.decisions import Decision
from diptych.model.fields import hints_of, is_record, members_of, place_of, split_optional
from diptych.model.folds import parameters_of
from diptych.model.immutability import mutable_part
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.messages import event_type, result_type
from diptych.model.meta import Context
from diptych.model.results import Failure, Forbidden, Invalid, NotFound, Refused
from diptych.write.entities import Entity, Selected, selected

Entities = Sequence[dict[Any, Entity]]
Argument = Callable[[Entities, Context], Any]


_FAILURES: tuple[type, ...] = (*get_args(Failure), Refusal)


class Decided(NamedTuple):
    """What a decision said: events and a value, or a refusal."""

    events: Sequence[Any]
    value: Any = None
    refusal: Refusal | None = None


class Deciding:
    """A decision compiled: its selections, and one call that fills every parameter."""

    def __init__(self, decision: Decision, injector: Injector, lineage: Lineage = UNCHANGED) -> None:
        self.decision = decision
        self.selections: tuple[Selected, ...] = tuple(
            selected(*each, injector, lineage) for each in decision.selections
        )
        _refuse_async(decision)
        _refuse_valueless(decision)
        _refuse_unmarked(decision)
        for name, selection in decision.selections:
            _refuse_unmade(decision, name, selection.model.fold.initial)
            refuse_mutable(decision.function, name, selection.model.fold.initial)
        self._arguments = tuple(self._compile(injector))

    def decide(self, command: Any, entities: Entities, context: Context) -> Decided:
        """Call the decision on the states of the entities; a Refusal is an answer, anything else it raises is a bug."""
        try:
            said = self.decision.function(command, *[argument(entities, context) for argument in self._arguments])
            decided = _drain(said) if isinstance(said, GeneratorType) else _taken(self.decision, said)
        except Refusal as refusal:
            return Decided((), refusal=refusal)
        if decided.value is not None and isinstance(decided.value, _FAILURES):
            raise _returned_failure(self.decision, decided.value)
        return decided

    def _compile(self, injector: Injector) -> Generator[Argument, None, None]:
        places = {each.parameter: index for index, each in enumerate(self.selections)}
        for parameter in parameters_of(self.decision.function)[1:]:
            if parameter.name in places:
                yield _state(self.selections[places[parameter.name]], places[parameter.name])
                continue
            source = injector.source(parameter, self.decision.function)
            if source.opened is not None:
                raise WiringError(
                    f"{parameter.name!r} of {self.decision.function.__qualname__} is opened for every message; "
                    "a decision is pure and takes values only",
                    where=place_of(self.decision.function),
                    fix="inject a value, or do the input and output before the command is sent",
                )
            yield _value(source)


def failure_of(refusal: Refusal, position: int | None) -> Failure:
    """Return the result that a refusal stands for."""
    match refusal:
        case FieldErrors():
            return Invalid(refusal.errors)
        case Missing():
            return NotFound(refusal.message, refusal.data, position)
        case NotAllowed():
            return Forbidden(refusal.message, position)
        case _:
            return Refused(refusal.code, refusal.message, refusal.data, position)


def _drain(said: Generator[Any, None, Any]) -> Decided:
    events: list[Any] = []
    try:
        while True:
            events.append(next(said))
    except StopIteration as stop:
        return Decided(events, stop.value)


def _taken(decision: Decision, said: Any) -> Decided:  # Any: events, or what a mistake returned
    if said is None:
        return Decided(())
    if isinstance(said, Generator):  # one that was not written as a function with `yield`
        return _drain(said)
    if isinstance(said, _FAILURES):
        return Decided((), said)
    if not isinstance(said, Iterable):
        raise _returned_one(decision, said)
    return Decided(tuple(said))


def _returned_failure(decision: Decision, failure: Any) -> WiringError:
    name = type(failure).__name__
    return WiringError(
        f"the decision of {decision.function.__qualname__} on {decision.command.__qualname__} returned {name}, which "
        "would be the value of an accepted command",
        where=place_of(decision.function),
        fix="raise a Refusal: then nothing is recorded",
    )


def _returned_one(decision: Decision, said: Any) -> WiringError:
    return WiringError(
        f"{decision.function.__qualname__} returned a {type(said).__name__} for {decision.command.__qualname__}, and a "
        "decision gives its events one by one",
        where=place_of(decision.function),
        fix="yield the event, in place of returning it; a value of the result is returned after a yield",
    )


def _state(selection: Selected, place: int) -> Argument:
    return lambda entities, _: selection.argument(entities[place])


def _value(source: Any) -> Argument:
    if source.from_context is not None:
        return lambda _, context: source.from_context(context)
    return lambda _entities, _context: source.value


def _refuse_async(decision: Decision) -> None:
    folds = [(selection.model.fold.evolve, "folds") for _, selection in decision.selections]
    for function, does in ((decision.function, "decides"), *folds):
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise WiringError(
                f"{function.__qualname__} {does} and is async; a decision is pure and may run again",
                where=place_of(function),
                fix="write a plain function; do what must be awaited before the command is sent",
            )


def _refuse_valueless(decision: Decision) -> None:
    """Refuse a decision that never returns what its command promises: a retry could not be answered."""
    promised, said = result_type(decision.command), hints_of(decision.function).get("return")
    if promised in (Any, NoneType) or split_optional(promised)[1] or said is None:
        return
    if get_origin(said) is Generator and get_args(said)[2:] != (NoneType,):
        return
    name = getattr(promised, "__name__", promised)
    raise WiringError(
        f"{decision.command.__qualname__} promises a {name}, and {decision.function.__qualname__} returns no value",
        where=place_of(decision.function),
        fix=f"write -> Generator[YourEvent, None, {name}] and return it after the events, or make it a Command[None]",
    )


def _refuse_unmarked(decision: Decision) -> None:
    """Refuse a return type of what is no event; a class that others derive from may stand for them."""
    named = get_args(hints_of(decision.function).get("return"))
    for cls in members_of(named[0]) if named else ():
        if isinstance(cls, type) and is_record(cls) and not cls.__subclasses__():
            event_type(cls)


def _refuse_unmade(decision: Decision, name: str, initial: Callable[[], Any]) -> None:
    try:
        initial()
    except TypeError as wrong:
        raise WiringError(
            f"the state {name!r} of {decision.function.__qualname__} cannot be made before the first event: {wrong}",
            where=place_of(initial),
            fix="give each of its fields a default, or name a function without parameters: initial=...",
        ) from None


def refuse_mutable(function: Callable[..., Any], name: str, initial: Callable[[], Any]) -> None:
    """Raise WiringError for a state that could be changed in place: all who need the entity share it."""
    state = initial if isinstance(initial, type) else hints_of(initial).get("return", type(initial()))
    found = mutable_part(state)
    if found is not None:
        raise WiringError(
            f"the state {name!r} of {function.__qualname__} is mutable ({found}); states are shared",
            where=place_of(function),
            fix="use frozen dataclasses, tuples, frozensets and mapping proxies",
        )
