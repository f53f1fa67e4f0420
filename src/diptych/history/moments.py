"""Moments: the position at which the log stood at a time."""

from __future__ import annotations

from datetime import datetime

from diptych.model.criteria import Criteria
from diptych.ports import EventReader
from diptych.recorded import micros_of


async def position_of(log: EventReader, moment: int | datetime) -> int:
    """Return a position as it is; for a time, that of the last event recorded at or before it.

    A time before the first event is position 0, one to come the head of the log. Raises ValueError for a position below
    0 and for a time without a zone, TypeError for what is neither.
    """
    if isinstance(moment, datetime):
        return await _last_by(log, _aware(moment))
    return _position(moment)


def _position(given: object) -> int:
    if not isinstance(given, int) or isinstance(given, bool):
        fix = "pass result.position, or a datetime with a zone"
        raise TypeError(f"a moment is a position or a time, found {given!r:.60}; {fix}")
    if given < 0:
        raise ValueError(f"a position is 0 or more, found {given}")
    return given


def _aware(moment: datetime) -> int:
    if moment.utcoffset() is None:
        raise ValueError(f"a time needs a zone, found {moment.isoformat()}: write {moment.isoformat()}Z for UTC")
    return micros_of(moment)


async def _last_by(log: EventReader, micros: int) -> int:
    """Bisect: times never fall from position to position."""
    low, high = 0, await log.head()
    while low < high:
        middle = (low + high) // 2
        found = await log.read(Criteria.all(), after=middle, until=high, limit=1)
        if found.events and found.events[0].recorded_at <= micros:
            low = found.events[0].position
        else:
            high = middle
    return low
