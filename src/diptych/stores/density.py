"""Density: no position of the log is missing, and whoever reads all of it looks."""

from __future__ import annotations

from diptych.errors import CorruptionError
from diptych.ports import StoredEvent


def dense(events: list[StoredEvent]) -> list[StoredEvent]:
    """Return events that follow one another, in either direction; raise CorruptionError where one is missing."""
    if events and abs(events[-1].position - events[0].position) != len(events) - 1:
        raise CorruptionError(
            f"a position is missing between {events[0].position} and {events[-1].position}; restore a backup, and see "
            f"by `diptych log verify` that it is whole"
        )
    return events
