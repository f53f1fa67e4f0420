"""Gates: which guards must let a message pass before it is handled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any, Literal, get_origin

from diptych.errors import WiringError
from diptych.model.fields import hints_of, members_of, place_of
from diptych.model.folds import parameters_of

Guarding = Callable[..., Any]
"""A guard: `(message, ...) -> None`, raising NotAllowed for who may not; sync or async."""
Unguarded = Literal["allow", "refuse"]
"""What becomes of messages that no guard is asked about: anybody may send them, or the application does not start."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A guard, and the types that the messages it is asked about are of."""

    function: Guarding
    named: tuple[type, ...]

    def asks_about(self, message: type, own: Collection[type]) -> bool:
        """Say whether it guards a message: one that it names, or one of its `own` module that derives from such."""
        return message in self.named or (message in own and issubclass(message, self.named))


def gate_of(function: Guarding) -> Gate:
    """Return the gate of a guard, from the type of its first parameter; raise WiringError for what guards nothing."""
    parameters = parameters_of(function)
    classes = tuple(_class(each) for each in members_of(parameters[0].type)) if parameters else ()
    if not classes or not all(isinstance(each, type) for each in classes):
        raise WiringError(
            f"guard {function.__qualname__} does not say which messages it guards",
            where=place_of(function),
            fix="write (message: PlaceOrder | GetOrder, ...), or Command[Any] or Query[Any] for all of its module",
        )
    if hints_of(function).get("return") not in (None, NoneType):
        raise WiringError(
            f"guard {function.__qualname__} returns something, and nobody reads it",
            where=place_of(function),
            fix="write -> None and raise NotAllowed('why') for who may not",
        )
    return Gate(function, classes)


def guards_by_message(
    modules: Iterable[tuple[Sequence[Gate], Sequence[type]]],
) -> dict[type, tuple[Guarding, ...]]:
    """Return the guards of each message, in their order, from the gates and the messages of each module.

    A message that a gate names is guarded wherever it is handled; any other type stands for the messages of the gate's
    own module that derive from it. Raises WiringError for a type that stands for none.
    """
    modules = tuple(modules)
    known = tuple(message for _, messages in modules for message in messages)
    gates = [(gate, own) for gates, own in modules for gate in gates]
    for gate, own in gates:
        _refuse_idle(gate, known, own)
    asked = {message: guards_of(message, modules) for message in known}
    return {message: guards for message, guards in asked.items() if guards}


def guards_of(message: type, modules: Iterable[tuple[Sequence[Gate], Sequence[type]]]) -> tuple[Guarding, ...]:
    """Return the guards of one message, from the gates and the messages of each module."""
    return tuple(gate.function for gates, own in modules for gate in gates if gate.asks_about(message, own))


def refuse_unguarded(messages: Iterable[type], guarded: Iterable[type]) -> None:
    """Raise WiringError naming every message that no guard is asked about."""
    known = set(guarded)
    open_ones = [each for each in messages if each not in known]
    if open_ones:
        raise WiringError(
            f"no guard is asked about {', '.join(each.__qualname__ for each in open_ones)}, "
            "and the application is unguarded='refuse'",
            where=place_of(open_ones[0]),
            fix="write @module.guards above a function that takes it; one that only returns lets everybody pass",
        )


def _refuse_idle(gate: Gate, known: Collection[type], own: Sequence[type]) -> None:
    for named in gate.named:
        if named not in known and not any(issubclass(each, named) for each in own):
            raise WiringError(
                f"guard {gate.function.__qualname__} guards {named.__qualname__}, and no message of "
                "the application is one",
                where=place_of(gate.function),
                fix="pass the module that handles it, or take it out of the guard",
            )


def _class(hint: Any) -> Any:
    return object if hint is Any else get_origin(hint) or hint
