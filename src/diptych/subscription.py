"""Subscribing to the log: what is there, then what comes, without a seam."""

from __future__ import annotations

from collections.abc import AsyncIterator

from diptych.model.criteria import Criteria
from diptych.ports import EventReader, StoredEvent

_PATIENCE = 30.0  # seconds until the log is looked at again though nothing woke us: a wake-up is only a hint


async def subscribe(
    reader: EventReader, criteria: Criteria, *, after: int = 0, page: int = 1000
) -> AsyncIterator[StoredEvent]:
    """Yield every matching event after a position, each once and in order: the past first, then live, for ever.

    One loop reads by position; there is no switch from catch-up to live that an event could fall through. Break out of
    it, or cancel the task, to end it.
    """
    position = after
    while True:
        found = await reader.read(criteria, after=position, limit=page)
        for event in found.events:
            yield event
        position = max(position, found.through)
        if found.complete:
            await reader.wait(position, _PATIENCE)
