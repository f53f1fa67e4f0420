"""Withheld: the end of a trial's way. An append is answered as the log would answer it now, and kept from the log."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from diptych.model.criteria import Condition, Criteria
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, EventStore, Recorded, StoredEvent

UNSENT = UUID(int=0)
"""The command id of a trial without a key: the nil UUID, which no source of ids gives out."""


class Withheld:
    """Take the place of the log where a command that is only tried would append; one for each trial.

    `head` is the position that the answer was given on, and `events` are those that the log would hold from there on.
    """

    def __init__(self, log: EventStore) -> None:
        self._log = log
        self.head: int | None = None
        self.events: Sequence[StoredEvent] = ()

    async def append(self, append: Append) -> AppendOutcome:
        """Answer as `EventStore.append` would if nothing else came meanwhile; write nothing."""
        record = append.record
        known = None if record is None else await self._log.record(record.id)
        if known is not None:
            return Recorded(known)
        head = await self._log.head()
        forbidden = await self._forbidden(append.condition, head)
        if forbidden:
            return Conflicted(forbidden)
        self.head = head
        if not append.events:
            position = head if record is None else record.position
            return Appended(position, position, append.now)
        # Stores number densely; only here, where nothing is stored, is that foretold outside of one.
        self.events = _stored(append, head + 1, max(append.now, await self._recorded_at(head)))
        return Appended(head + 1, head + len(append.events), self.events[0].recorded_at)

    async def _forbidden(self, condition: Condition, head: int) -> int:
        """Return the position of an event up to the head that the condition forbids, or 0."""
        for guard in condition:
            found = await self._log.read(Criteria((guard.clause,)), after=guard.after, until=head, limit=1)
            if found.events:
                return found.events[0].position
        return 0

    async def _recorded_at(self, head: int) -> int:
        """Return when the last event was recorded: the times of a log never fall."""
        last = (await self._log.read(Criteria.all(), until=head, limit=1, backwards=True)).events
        return last[0].recorded_at if last else 0


def _stored(append: Append, first: int, recorded_at: int) -> list[StoredEvent]:
    return [
        StoredEvent(position, new.name, new.version, new.tags, new.data, append.metadata, recorded_at, new.hash)
        for position, new in enumerate(append.events, start=first)
    ]
