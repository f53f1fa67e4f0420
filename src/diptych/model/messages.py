"""Messages: commands ask for a change, queries ask for an answer, events say what happened."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, get_args, get_origin

from diptych.errors import WiringError
from diptych.errors.casing import parted
from diptych.model.fields import place_of

R = TypeVar("R")
T = TypeVar("T")

_STORED_NAME = re.compile(r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*\Z")


class Command(Generic[R]):
    """Be the type of a command whose accepted result carries an R.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True)
    ... class OpenAccount(Command[str]):
    ...     owner: str
    >>> result_type(OpenAccount)
    <class 'str'>
    """

    __slots__ = ()


class Query(Generic[R]):
    """Be the type of a query whose answer is an R."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class EventType:
    """Name an event in the log: a name that outlives every rename of the class, and the version of its shape.

    JSON of the versions from `since` on fits the shape too: what was added has defaults. None: of this version only.
    """

    name: str
    version: int = 1
    since: int | None = None

    @property
    def versions(self) -> range:
        """Return the versions whose JSON fits."""
        return range(self.version if self.since is None else self.since, self.version + 1)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


def event(name: str, *, version: int = 1, since: int | None = None) -> Callable[[type[T]], type[T]]:
    """Mark a class as an event, stored under this name and version.

    `since=2` says that the JSON of versions from 2 on fits the class as well, because fields added since have defaults.
    The class stays as it is. Raises WiringError for a name that is not dotted lower case.
    """
    if isinstance(name, type):  # type: ignore[unreachable]  # @event without parentheses, checked by no types
        raise WiringError(
            f"@event stands above {name.__qualname__} without a stored name",
            where=place_of(name),
            fix=f'write @event("{_suggested(name)}")',
        )
    if not _STORED_NAME.match(name) or version < 1:
        raise WiringError(
            f"{name!r} version {version} cannot name an event in the log",
            fix="use dotted lower case such as 'order.placed' and a version from 1",
        )
    if since is not None and not 1 <= since <= version:
        raise WiringError(
            f"version {version} of {name!r} is said to fit the JSON since version {since}",
            fix=f"name an older version, from 1 to {version}, or leave since= out",
        )

    def mark(cls: type[T]) -> type[T]:
        cls.__event_type__ = EventType(name, version, since)  # type: ignore[attr-defined]  # the mark itself
        return cls

    return mark


def event_type(cls: type) -> EventType:
    """Return the stored name and version of an event class; raise WiringError where it has none of its own."""
    found = cls.__dict__.get("__event_type__")
    if not isinstance(found, EventType):
        raise WiringError(
            f"{cls.__qualname__} is used as an event and has no stored name",
            where=place_of(cls),
            fix=_fix(cls),
        )
    return found


def _fix(cls: type) -> str:
    if issubclass(cls, (Command, Query)):
        return "name the event that follows from it: a command or query asks, and is never recorded"
    if cls.__module__ == "builtins":
        return "give the events one by one, each of a class with @event(...) above it"
    return f'write @event("{_suggested(cls)}") above the class'


def is_command(cls: object) -> bool:
    """Say whether the class is a command."""
    return isinstance(cls, type) and issubclass(cls, Command)


def is_query(cls: object) -> bool:
    """Say whether the class is a query."""
    return isinstance(cls, type) and issubclass(cls, Query)


def result_type(cls: type) -> Any:  # Any: a type, or a special form such as `X | None`
    """Return R of `Command[R]` or `Query[R]`; None's type where the base is bare."""
    for ancestor in cls.__mro__:
        for base in getattr(ancestor, "__orig_bases__", ()):
            if get_origin(base) in (Command, Query):
                return get_args(base)[0]
    return type(None)


def _suggested(cls: type) -> str:
    words = parted(cls.__name__, " ").split()
    return ".".join(("_".join(words[:-1]), words[-1])) if len(words) > 1 else words[0]
