"""Recent events: what this process appended last, for whoever follows the log in it and need not read that again."""

from __future__ import annotations

from collections.abc import Iterable

from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended, Slice, StoredEvent
from diptych.stores.heads import KnownHead
from diptych.stores.postgres.pages import sliced

_MOST, _BYTES = 2048, 1 << 20


class RecentLog(KnownHead):
    """Know the head of a log, and its last events as far as they were all appended here; from any thread.

    What is on disk never changes, so that events in memory are those of the log, for whoever says up to where.
    """

    def __init__(self) -> None:
        super().__init__()
        self._events: list[StoredEvent] = []  # dense; grows at its end, by one thread, or is replaced
        self._bytes = 0

    @property
    def newest(self) -> StoredEvent | None:
        """Return the last event that was appended here, if any was: the log has it as long as it is the same."""
        events = self._events
        return events[-1] if events else None

    def forget(self) -> None:
        """Know nothing, and have no event."""
        super().forget()
        self._events, self._bytes = [], 0

    def keep(self, written: Iterable[tuple[Append, Appended]]) -> None:
        """Take in appends that are on disk, in their order; who publishes their head does it after that."""
        for append, outcome in written:
            if not self._goes_on(outcome.first):
                self._events, self._bytes = [], 0
            self._events += _stored(append, outcome)
            self._bytes += sum(len(event.data) + len(append.metadata) for event in append.events)

    def _goes_on(self, first: int) -> bool:
        events = self._events
        is_next = bool(events) and events[-1].position + 1 == first  # or else somebody else wrote between
        return is_next and len(events) < _MOST and self._bytes < _BYTES

    def slice(self, criteria: Criteria, after: int, until: int, limit: int) -> Slice | None:
        """Return what reading up to `until`, the oldest first, would return; None where not all of it is here."""
        events = self._events
        if not events or not events[0].position <= after + 1 <= until <= events[-1].position:
            return None
        begin = after + 1 - events[0].position
        found = [each for each in events[begin : begin + until - after] if criteria.matches(each.name, each.tags)]
        return sliced(found, limit, until, order="asc")


def _stored(append: Append, outcome: Appended) -> list[StoredEvent]:
    metadata, recorded_at = append.metadata, outcome.recorded_at
    return [
        StoredEvent(position, each.name, each.version, each.tags, each.data, metadata, recorded_at, each.hash)
        for position, each in enumerate(append.events, start=outcome.first)
    ]
