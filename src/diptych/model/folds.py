"""The fold: `(state, event) -> state`, the one idea that carries deciders, decision models and read models."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from types import NoneType
from typing import Any, Generic, TypeVar

from diptych.errors import WiringError
from diptych.model.fields import hints_of, members_of, place_of, split_annotated, split_marks, split_optional
from diptych.model.messages import event_type
from diptych.model.meta import Meta
from diptych.model.snapshots import Snapshots

S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Fold(Generic[S]):
    """Fold the events of one entity into a state S.

    `evolve` is pure and total over its event union; `initial` makes the state before the first event. A third parameter
    of type Meta receives what is known about the event. `parts` are the functions that it was compiled from, if any;
    `snapshots` says how often its states are saved.
    """

    evolve: Callable[..., S]
    initial: Callable[[], S]
    parts: tuple[Callable[..., Any], ...] = ()
    snapshots: Snapshots | None = None

    @cached_property
    def events(self) -> tuple[type, ...]:
        """Return the event classes that the fold reads, from the type hint of its second parameter."""
        return event_classes(self.evolve, at=1)

    @cached_property
    def kinds(self) -> frozenset[type]:
        """Return the event classes that the fold reads, as a set: what an upcaster makes beside them is passed over."""
        return frozenset(self.events)

    @cached_property
    def types(self) -> tuple[str, ...]:
        """Return the current names of the events that the fold reads, sorted."""
        return tuple(sorted({event_type(cls).name for cls in self.events}))

    @cached_property
    def wants_meta(self) -> bool:
        """Say whether the fold takes a Meta."""
        return takes(self.evolve, Meta)

    @cached_property
    def promises_state(self) -> bool:
        """Say whether the return type admits no None: then a None is a forgotten `return`."""
        said = split_marks(hints_of(self.evolve).get("return", Any))[0]
        return not (said in (Any, object, NoneType) or isinstance(said, TypeVar) or split_optional(said)[1])

    def refuse_none(self, event: Any) -> None:
        """Raise WiringError where None, which the fold has returned for this event, is no state."""
        if self.promises_state:
            name = type(event).__qualname__
            raise WiringError(
                f"{self.evolve.__qualname__} returned None for {name}, and its type promises a state",
                where=place_of(self.evolve),
                fix="return the next state on every path; write -> ... | None where None is one",
            )

    @property
    def name(self) -> str:
        """Return the qualified name of the fold's function, which tells two folds apart."""
        return f"{self.evolve.__module__}.{self.evolve.__qualname__}"

    def run(self, state: S, events: Iterable[tuple[Any, Meta]]) -> S:
        """Fold the events in order."""
        if self.wants_meta:
            for event, meta in events:
                state = self.evolve(state, event, meta)
                if state is None:
                    self.refuse_none(event)
        else:
            for event, _ in events:
                state = self.evolve(state, event)
                if state is None:
                    self.refuse_none(event)
        return state


@dataclass(frozen=True, slots=True)
class Parameter:
    """Describe one parameter of a handler: its name, its type without marks and its marks."""

    name: str
    type: Any
    marks: tuple[Any, ...] = ()
    default: Any = inspect.Parameter.empty


def parameters_of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return the parameters of a function with their types; raise WiringError where one has no hint."""
    hints = _hints_of_call(function)
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            continue
        if name not in hints:
            raise WiringError(
                f"parameter {name!r} of {function.__qualname__} has no type hint",
                where=place_of(function),
                fix=f"write {name}: <its type>",
            )
        bare, marks = split_annotated(hints[name])  # what is injected may be a NewType
        found.append(Parameter(name, bare, marks, parameter.default))
    return tuple(found)


def _hints_of_call(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the hints of what a call takes: for a class, those of its `__init__`, else of its fields."""
    if isinstance(function, type):
        init = inspect.getattr_static(function, "__init__")
        return hints_of(function) | (hints_of(init) if inspect.isfunction(init) else {})
    return hints_of(function)


def takes(function: Callable[..., Any], kind: type) -> bool:
    """Say whether a parameter of the function has exactly this type."""
    return any(parameter.type is kind for parameter in parameters_of(function))


def event_classes(function: Callable[..., Any], *, at: int) -> tuple[type, ...]:
    """Return the event classes of the parameter at this index: a class, or the members of a union."""
    parameters = parameters_of(function)
    if len(parameters) <= at:
        raise WiringError(
            f"{function.__qualname__} takes {len(parameters)} parameters; a fold takes a state and an event",
            where=place_of(function),
            fix="write (state: S, event: A | B) -> S",
        )
    classes = members_of(parameters[at].type)
    for cls in classes:
        if not isinstance(cls, type):
            raise WiringError(
                f"{cls!r}, a type of parameter {parameters[at].name!r} of {function.__qualname__}, is no class",
                where=place_of(function),
                fix="name the event classes, joined by |",
            )
        event_type(cls)
    return classes
