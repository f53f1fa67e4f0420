"""Subscribers: which functions react to which events, and what they are told about one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar, get_args, overload
from uuid import UUID, uuid5

from diptych.errors import WiringError
from diptych.model.fields import place_of
from diptych.model.folds import event_classes, parameters_of
from diptych.model.messages import event_type
from diptych.model.meta import Meta

F = TypeVar("F", bound=Callable[..., Any])
Since = Literal["now", "beginning"]
Reacts = Literal["run", "inline", "off"]
"""Who runs the subscribers: this process in the background, this process before `send` returns, or another one."""
BACKOFF = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0)
"""Seconds to wait after the first, second ... failure of an event; the last from then on."""

_NAME = re.compile(r"^[a-z][a-z0-9_]{0,62}\Z")


@dataclass(frozen=True, slots=True)
class Envelope:
    """Tell a handler about the delivery of its event; `name` and `version` are those of today.

    `id` is the same for every delivery of the event, for ever: an idempotency key for whatever the handler calls.
    `attempt` counts from 1, with the failures that were recorded; a delivery that a crash cut short is not counted.
    """

    id: UUID
    position: int
    name: str
    version: int
    recorded_at: datetime
    actor: str | None = None
    command_id: UUID | None = None
    correlation: UUID | None = None
    attempt: int = 1


def envelope_id(log_id: UUID, position: int, index: int = 0) -> UUID:
    """Return the id of every delivery of an event of a log, or of one of the events that an upcaster makes of it."""
    return uuid5(log_id, f"{position}.{index}" if index else str(position))


def envelope_of(log_id: UUID, name: str, version: int, meta: Meta, attempt: int) -> Envelope:
    """Return the envelope of an event of a log, or of one of the events that an upcaster makes of it."""
    return Envelope(
        envelope_id(log_id, meta.position, meta.index),
        meta.position,
        name,
        version,
        meta.recorded_at,
        meta.actor,
        meta.command_id,
        meta.correlation,
        attempt,
    )


@dataclass(frozen=True, eq=False)
class Reaction:
    """Call a function for the events that are stored under these names; `events` are the classes that it names."""

    function: Callable[..., Any]
    names: frozenset[str]
    events: tuple[type, ...] = ()


class Subscriber:
    """Register functions that react to events, with side effects: delivered at least once, in the order of the log.

    A subscriber is the unit of progress: it has one checkpoint, and stands where a handler raises until it returns.
    `since` says where a new one starts: at the head of the log ("now") or at its first event ("beginning"). `backoff`
    are the seconds until the next attempt after the first, second ... failure; the last from then on.
    """

    def __init__(self, name: str, *, since: Since = "now", backoff: Iterable[float] = BACKOFF) -> None:
        self.name, self.since, self.backoff = name, since, tuple(backoff)
        self.reactions: list[Reaction] = []
        if not _NAME.match(name):
            raise WiringError(f"subscriber {name!r} cannot be kept", fix="name it in lower case with underscores")
        if since not in get_args(Since):
            raise WiringError(f"subscriber {name!r} starts since {since!r}", fix="write 'now' or 'beginning'")
        if not self.backoff or min(self.backoff) < 0:
            raise WiringError(f"subscriber {name!r} has backoff {self.backoff}", fix="give seconds: (1, 5, 60)")

    @overload
    def on(self, function: F, /) -> F: ...
    @overload
    def on(self, /, *names: str) -> Callable[[F], F]: ...
    def on(self, /, *given: Any) -> Any:
        """Register a handler for the events that its first parameter names, or for these stored names.

        By stored name an event whose class the application knows comes as its object, any other as its JSON. The other
        parameters are injected: Envelope, Meta, Context, `Rows[...]`, and what the application provides.
        """
        if given and all(isinstance(each, str) for each in given):
            return lambda function: self._register(Reaction(_checked(function), frozenset(given)))
        if len(given) != 1 or not callable(given[0]):
            raise WiringError(
                f"subscriber {self.name!r} registers {given!r}",
                fix="write @subscriber.on above a function, or @subscriber.on('stored.name', ...)",
            )
        events = _named(_checked(given[0]))
        return self._register(Reaction(given[0], frozenset(event_type(each).name for each in events), events))

    @property
    def place(self) -> str:
        """Return where its first handler is written, or nothing."""
        return place_of(self.reactions[0].function) if self.reactions else ""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the stored names that any handler reacts to, sorted."""
        return tuple(sorted({name for reaction in self.reactions for name in reaction.names}))

    @property
    def events(self) -> tuple[type, ...]:
        """Return the event classes that handlers name."""
        return tuple(dict.fromkeys(event for reaction in self.reactions for event in reaction.events))

    def seconds_after(self, failures: int) -> float:
        """Return how long to wait after so many failures of one event."""
        return self.backoff[min(failures, len(self.backoff)) - 1]

    def _register(self, reaction: Reaction) -> Callable[..., Any]:
        self.reactions.append(reaction)
        return reaction.function


def _named(function: Callable[..., Any]) -> tuple[type, ...]:
    if parameters_of(function)[0].type in (Any, object):
        raise WiringError(
            f"handler {function.__qualname__} takes any event, and does not say which",
            where=place_of(function),
            fix="write the events' classes, joined by |, or their stored names: @subscriber.on('stored.name', ...)",
        )
    return event_classes(function, at=0)


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    if not parameters_of(function):
        raise WiringError(
            f"handler {function.__qualname__} takes no event",
            where=place_of(function),
            fix="write (event: YourEvent, ...), the event first",
        )
    return function
