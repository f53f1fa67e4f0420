"""Let a subscriber handle given events as the runtime would, without a log, a bookmark and a second attempt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID

from diptych.errors import WiringError
from diptych.handlers import handler_function
from diptych.injection import Injector
from diptych.model.fields import place_of
from diptych.model.folds import parameters_of
from diptych.model.messages import event_type
from diptych.model.rows import row_type_of
from diptych.model.subscribers import Subscriber, envelope_of
from diptych.react.handling import Handling, Occasion
from diptych.testing.past import Past

LOG_ID = UUID(int=0)


class _NoRows:
    """Be the lending of a scenario: it has no rows."""

    def projections_of(self, function: Callable[..., Any]) -> tuple[str, ...]:
        """Return none: a handler that takes `Rows` was refused before."""
        del function
        return ()

    async def caught_up_to(self, projections: Sequence[str], position: int, *, seconds: float) -> None:
        """Return at once."""


async def handle_past(past: Sequence[Past], subscriber: Subscriber, injector: Injector) -> None:
    """Call the handlers for each event, in order; raises what a handler raises.

    What the injector provides is opened for these events and closed after them.
    """
    _refuse_rows(subscriber)
    handling = Handling(subscriber, injector, _NoRows())
    async with AsyncExitStack() as stack:
        await injector.open(stack)
        handling.open()
        for each in past:
            await handling.handle(each.event, _occasion(each))


def _refuse_rows(subscriber: Subscriber) -> None:
    for function in (handler_function(each.function) for each in subscriber.reactions):
        for parameter in parameters_of(function):
            if row_type_of(parameter.type) is not None:
                raise WiringError(
                    f"{function.__qualname__} takes rows as its {parameter.name!r}, and past events alone keep none",
                    where=place_of(function),
                    fix='send commands to Application(..., subscribers="inline"), or call the function with rows',
                )


def _occasion(past: Past) -> Occasion:
    meta = past.meta
    envelope = envelope_of(LOG_ID, past.name, event_type(type(past.event)).version, meta, 1)
    command_id = meta.command_id or envelope.id
    return Occasion(meta.recorded_at, command_id, meta.actor, envelope=envelope, meta=meta)
