"""Upcasting: what events of older versions are today, one pure function from one form to the next."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import NoneType
from typing import Any, get_args

from diptych.errors import UnreadableEventError, WiringError
from diptych.model.fields import hints_of, is_record, members_of, place_of
from diptych.model.folds import parameters_of
from diptych.model.messages import EventType, event, event_type
from diptych.model.tags import tag_keys, tagger


@dataclass(frozen=True, eq=False)
class Upcaster:
    """Make of an event in an older form what it is in a newer one: one event, several, or none.

    `source` says which stored events it takes, as objects of the class `old`; as JSON where that is None. `targets` are
    the classes that its return type names.
    """

    function: Callable[[Any], Any]
    source: EventType
    old: type | None
    targets: tuple[type, ...]

    @property
    def pairs(self) -> tuple[tuple[str, int], ...]:
        """Return the stored names and versions that it takes."""
        return tuple((self.source.name, version) for version in self.source.versions)

    @property
    def place(self) -> str:
        """Return where it is written."""
        return place_of(self.function)

    def __str__(self) -> str:
        return f"{self.function.__qualname__} ({self.place})"

    def __call__(self, old: Any) -> tuple[Any, ...]:
        """Return the newer form; raise UnreadableEventError where the function raises, or answers something else."""
        try:
            made = self.function(old)
            found = () if made is None else (made,) if type(made) in self.targets else tuple(made)
        except Exception as wrong:
            raise self._failure(wrong) from wrong
        for each in found:
            if type(each) not in self.targets:
                known = ", ".join(cls.__qualname__ for cls in self.targets) or "no event"
                raise UnreadableEventError(
                    f"{self} makes a {type(each).__qualname__} of {self.source}, and its return type names {known}"
                )
        if self.old is not None:
            self._refuse_moved(self.old, old, found)
        return found

    def _failure(self, wrong: Exception) -> UnreadableEventError:
        return UnreadableEventError(f"{self} cannot upcast {self.source}: {type(wrong).__name__}: {wrong}")

    def _refuse_moved(self, cls: type, old: Any, made: tuple[Any, ...]) -> None:
        """Refuse to tell an event of another entity than it was stored for: it is found by its stored tags only."""
        keys = tag_keys(cls)
        try:
            stored = tagger(cls)(old) if keys else ()
            tags = [tag for each in made if keys for tag in tagger(type(each))(each)]
        except Exception as wrong:
            raise self._failure(wrong) from wrong
        moved = [tag for tag in tags if tag not in stored and tag.partition(":")[0] in keys]
        if moved:
            raise UnreadableEventError(
                f"{self} makes of {self.source} an event of {moved[0]!r}, and it was stored for "
                f"{', '.join(stored)}; events stay with the entities that they were stored for: keep the tagged value"
            )


def upcasters_of(function: Callable[..., Any]) -> tuple[Upcaster, ...]:
    """Return the upcaster of every event class that the function's parameter names; raise WiringError for none."""
    taken = _parameter_of(function)
    classes = members_of(taken)
    if not all(isinstance(cls, type) and "__event_type__" in vars(cls) for cls in classes):
        raise WiringError(
            f"{function.__qualname__} upcasts {taken!r}, which is no event class",
            where=place_of(function),
            fix="take the old class, (old: PlacedV1), or say which JSON it takes: "
            '@module.upcasts("order.placed", version=1)',
        )
    targets = _targets_of(function)
    return tuple(Upcaster(function, event_type(cls), cls, targets) for cls in classes)


def upcaster_of_json(function: Callable[..., Any], name: str, version: int) -> Upcaster:
    """Return the upcaster of the JSON that is stored under a name and version; raise WiringError for what is none."""
    taken = _parameter_of(function)
    event(name, version=version)  # which refuses what can name none
    if is_record(taken):
        raise WiringError(
            f"{function.__qualname__} upcasts the JSON of {name}@{version}, and takes a {taken.__qualname__}",
            where=place_of(function),
            fix="take (old: Mapping[str, Any]), or write @module.upcasts without name and version",
        )
    return Upcaster(function, EventType(name, version), None, _targets_of(function))


def _parameter_of(function: Callable[..., Any]) -> Any:  # Any: a type, or a form such as Mapping[str, Any]
    parameters = parameters_of(function)
    if len(parameters) != 1 or inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise WiringError(
            f"{function.__qualname__} is no upcaster: it takes {len(parameters)} parameters, or is async",
            where=place_of(function),
            fix="write a plain function of the old event alone; nothing is injected, since it must always say the same",
        )
    return parameters[0].type


def _targets_of(function: Callable[..., Any]) -> tuple[type, ...]:
    hints = hints_of(function)
    found = tuple(dict.fromkeys(_named(hints["return"], function))) if "return" in hints else ()
    if not found and hints.get("return") != tuple[()]:
        raise WiringError(
            f"the return type of {function.__qualname__} names no event, and nobody knows what it makes",
            where=place_of(function),
            fix="write -> OrderPlaced, or -> tuple[A, B], -> Iterator[A | B]; -> tuple[()] where it drops every one",
        )
    return found


def _named(hint: Any, function: Callable[..., Any]) -> Iterator[type]:
    for member in members_of(hint):
        if isinstance(member, type) and "__event_type__" in vars(member):
            yield member
        elif inner := [each for each in get_args(member) if each not in (NoneType, Ellipsis)]:
            for each in inner:
                yield from _named(each, function)
        elif member is not NoneType and member != tuple[()]:
            raise WiringError(
                f"the return type of {function.__qualname__} names {member!r}, which is no event class",
                where=place_of(function),
                fix='name event classes only, each with @event("...") above it',
            )
