"""Handling: the handlers of one subscriber, their parameters resolved once, called for one event after another."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Protocol

from diptych.dispatch import Handler, compile_handler, sources_of
from diptych.errors import StaleError
from diptych.handlers import handler_function
from diptych.injection import Injector, Source
from diptych.model.folds import Parameter
from diptych.model.meta import Context, Meta
from diptych.model.subscribers import Envelope, Reaction, Subscriber

_PATIENCE = 60.0
_log = logging.getLogger("diptych.subscribers")


class Occasion(Context, frozen=True, kw_only=True):
    """The context of a handler: on the event's actor's behalf, with what is known about the event."""

    envelope: Envelope
    meta: Meta


class Lending(Protocol):
    """Say which projections a handler reads, and wait for them."""

    def projections_of(self, function: Callable[..., Any]) -> tuple[str, ...]:
        """Return the projections of every `Rows` that a function takes."""
        ...

    async def caught_up_to(self, projections: Sequence[str], position: int, *, seconds: float) -> None:
        """Return once these projections hold a position, rebuilds included; raise StaleError after some seconds."""
        ...


@dataclass(eq=False)
class _Wired:
    reaction: Reaction
    function: Callable[..., Any]
    sources: tuple[Source, ...]
    projections: tuple[str, ...]
    handle: Handler | None = None


class Handling:
    """Call the handlers of a subscriber, in the order of their registration, for one event after the other.

    The constructor raises WiringError for a parameter that nobody provides; `open` compiles, once values are there.
    Called again for the same position, it calls only the handlers that have not returned.
    """

    def __init__(self, subscriber: Subscriber, injector: Injector, lending: Lending) -> None:
        seeing = injector.resolving(_told)
        self._name, self._lending = subscriber.name, lending
        self._wired = [
            _Wired(each, function, sources_of(function, seeing), lending.projections_of(function))
            for each in subscriber.reactions
            for function in (handler_function(each.function),)
        ]
        self._position = 0
        self._returned: set[tuple[int, _Wired]] = set()

    def open(self) -> None:
        """Compile the handlers; call it once, after the injector is open."""
        for each in self._wired:
            each.handle = compile_handler(each.function, each.sources)

    async def handle(self, event: Any, occasion: Occasion) -> None:
        """Return when every handler of this event has returned; raises what a handler raises."""
        position, name, index = occasion.envelope.position, occasion.envelope.name, occasion.meta.index
        if position != self._position:
            self._position, self._returned = position, set()
        for each in self._wired:
            if name in each.reaction.names and (index, each) not in self._returned and each.handle is not None:
                await self._reach(each.projections, position)
                await each.handle(event, occasion)
                self._returned.add((index, each))

    async def _reach(self, projections: tuple[str, ...], position: int) -> None:
        reached = not projections
        while not reached:
            try:
                await self._lending.caught_up_to(projections, position, seconds=_PATIENCE)
                reached = True
            except StaleError:
                names = ", ".join(projections)
                _log.warning("subscriber %r waits for %s to hold position %d", self._name, names, position)


def _told(parameter: Parameter, function: Callable[..., Any]) -> Source | None:
    """Provide what is known about the event."""
    del function
    if parameter.type is Envelope:
        return Source(from_context=attrgetter("envelope"))
    return Source(from_context=attrgetter("meta")) if parameter.type is Meta else None
