"""Methods: the marked methods of an aggregate, read as the functions that they are."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import NoneType
from typing import Any, TypeVar

from diptych.errors import WiringError
from diptych.model.decisions import commands_of
from diptych.model.fields import hints_of, place_of, split_optional
from diptych.model.folds import Parameter, event_classes, parameters_of
from diptych.model.messages import result_type

F = TypeVar("F", bound=Callable[..., Any])

_EVOLVES = "__diptych_evolves__"
_HANDLES = "__diptych_handles__"


def evolves(method: F) -> F:
    """Mark a method of an aggregate as the fold of the events that its parameter names; it returns the next state."""
    setattr(method, _EVOLVES, True)
    return method


def handles(method: F) -> F:
    """Mark a method of an aggregate as the decision on the commands that its first parameter names.

    It records events and returns the value of the result. It is pure: it may run again on a newer state.
    """
    setattr(method, _HANDLES, True)
    return method


def _marked(cls: type, mark: str) -> Iterator[Callable[..., Any]]:
    named: dict[str, Any] = {}
    overridden: dict[str, Callable[..., Any]] = {}
    for name, member in (each for ancestor in reversed(cls.__mro__) for each in vars(ancestor).items()):
        named[name] = member
        if hasattr(member, mark):
            overridden[name] = member
    for name, marked in overridden.items():
        member = named[name]
        if inspect.isfunction(member) and hasattr(member, mark):
            _refuse_deferred(member)
            yield member
        elif callable(member):  # what is set to None is taken out
            raise _half_marked(cls, name, marked)


def folding(cls: type) -> Iterator[tuple[type, Callable[..., Any]]]:
    """Yield the events of a class with the methods that fold them; raise WiringError for one that two fold."""
    taken: dict[type, Callable[..., Any]] = {}
    for method in _marked(cls, _EVOLVES):
        if len(inspect.signature(method).parameters) != 2:  # noqa: PLR2004 (self and the event)
            raise WiringError(
                f"{method.__qualname__} folds and does not take exactly (self, event)",
                where=place_of(method),
                fix="an aggregate folds its events before they are recorded: there is no Meta yet",
            )
        _refuse_stateless(method)
        for event in event_classes(_unbound(method), at=0):
            if taken.setdefault(event, method) is not method:
                raise _twice(cls, event, taken[event], method)
            yield event, method


def handling(cls: type) -> Iterator[tuple[type, Callable[..., Any]]]:
    """Yield the commands of a class with the methods that handle them; raise WiringError for one that two handle."""
    taken: dict[type, Callable[..., Any]] = {}
    for method in _marked(cls, _HANDLES):
        for command in commands_of(_unbound(method)):
            if taken.setdefault(command, method) is not method:
                raise _twice(cls, command, taken[command], method)
            _refuse_valueless(command, method)
            yield command, method


def _unbound(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a stand-in for a method whose signature begins after `self`."""

    def stand_in(*given: Any) -> Any:
        return method(None, *given)

    signature = inspect.signature(method)
    hints = {name: hint for name, hint in hints_of(method).items() if name != "self"}
    stand_in.__signature__ = signature.replace(parameters=list(signature.parameters.values())[1:])  # type: ignore[attr-defined]  # what inspect reads
    stand_in.__annotations__, stand_in.__qualname__ = hints, method.__qualname__
    stand_in.__wrapped__ = method  # type: ignore[attr-defined]  # its place in the source
    return stand_in


def extras_of(methods: Iterable[Callable[..., Any]]) -> dict[str, Parameter]:
    """Return what methods take beside their command, by name; raise WiringError where two differ in a type."""
    found: dict[str, Parameter] = {}
    for method in methods:
        for parameter in parameters_of(_unbound(method))[1:]:
            if found.setdefault(parameter.name, parameter).type != parameter.type:
                raise WiringError(
                    f"{method.__qualname__} takes a {parameter.name} of another type than another method does",
                    where=place_of(method),
                    fix="give one of the parameters another name",
                )
    return found


def places_of(method: Callable[..., Any], extras: Mapping[str, Parameter]) -> tuple[int, ...]:
    """Return where among the extras the parameters of a method stand."""
    names = list(extras)
    return tuple(names.index(parameter.name) for parameter in parameters_of(_unbound(method))[1:])


def union_of(classes: Iterable[type]) -> Any:
    """Return the union of some classes."""
    return functools.reduce(operator.or_, classes)


def described(function: Any, cls: type, given: Mapping[str, Any], returned: Any, source: Callable[..., Any]) -> None:
    """Give a compiled function the signature, name and place of what it was compiled from."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    function.__signature__ = inspect.Signature([inspect.Parameter(name, kind) for name in given])
    function.__annotations__ = {**given, "return": returned}
    function.__module__, function.__qualname__ = cls.__module__, cls.__qualname__
    function.__wrapped__ = source


def _refuse_valueless(command: type, method: Callable[..., Any]) -> None:
    promised, said = result_type(command), hints_of(method).get("return")
    if promised in (Any, NoneType) or split_optional(promised)[1] or said is not NoneType:
        return
    name = getattr(promised, "__name__", promised)
    raise WiringError(
        f"{command.__qualname__} promises a {name}, and {method.__qualname__} returns no value",
        where=place_of(method),
        fix=f"write -> {name} and return it, or make the command a Command[None]",
    )


def _refuse_deferred(method: Callable[..., Any]) -> None:
    kinds = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)
    if any(is_kind(method) for is_kind in kinds):
        raise WiringError(
            f"{method.__qualname__} is async or yields, and nothing in it would run; an aggregate decides at once",
            where=place_of(method),
            fix="write a plain method that calls self.record(event); await in a handler that takes a Repository",
        )


def _refuse_stateless(method: Callable[..., Any]) -> None:
    if hints_of(method).get("return") is NoneType:
        raise WiringError(
            f"{method.__qualname__} folds and returns no state",
            where=place_of(method),
            fix="return the next state: -> State: return change(self.state, ...)",
        )


def _half_marked(cls: type, name: str, marked: Any) -> WiringError:
    mark = "@evolves" if hasattr(marked, _EVOLVES) else "@handles"
    return WiringError(
        f"{name} of {cls.__qualname__} is {mark} in one place, and is no plain method with {mark} in the end",
        where=place_of(cls),
        fix=f"write {mark} above the method that overrides it too, or {name} = None to take it out",
    )


def _twice(cls: type, what: type, one: Callable[..., Any], other: Callable[..., Any]) -> WiringError:
    return WiringError(
        f"{what.__qualname__} is taken by two methods of {cls.__qualname__}: {one.__name__} and {other.__name__}",
        where=place_of(other),
        fix="remove one of them",
    )
