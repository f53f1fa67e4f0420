"""Trace: a command, its events, the rows that they changed, and the commands that it caused, as a tree."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from diptych.codec import EventCodec
from diptych.errors import UnknownCommandError, UnreadableEventError
from diptych.history.sent import SentCommand, SentCommands, sent_of_record
from diptych.history.touching import Touching
from diptych.history.traced import Heard, Standing, Trace, TracedEvent
from diptych.model.criteria import Criteria
from diptych.model.subscribers import Subscriber, envelope_id
from diptych.ports import Bookmark, EventStore, Origin, Record, Skip, StoredEvent, origins_of, recorded_in
from diptych.recorded import instant, metadata_of

LOOKED_AT = 10_000
"""So many events after a command are looked at for what it caused; and a tenth as many before it."""
MOST = 100
"""So many commands are told in one trace."""
MOST_EVENTS = 500
"""So many events are told in one trace: an import is one command, and of each event the rows are looked for."""
_PAGE = 1000


class Reactions(NamedTuple):
    """What is asked of the subscribers: which there are, where they stand, and what they skipped."""

    subscribers: Iterable[Subscriber]
    bookmarks: Callable[[], Awaitable[Mapping[str, Bookmark]]]
    skips: Callable[[], Awaitable[Sequence[Skip]]]


class Traces:
    """Trace commands.

    A command is caused by another when it was sent with `causation=` the id of that command, or of the envelope of one
    of its events. Accepted ones are found by their events: one that recorded none is not.
    """

    def __init__(
        self, log: EventStore, codec: EventCodec, sent: SentCommands, touching: Touching, reactions: Reactions
    ) -> None:
        self._log, self._codec, self._sent, self._touching = log, codec, sent, touching
        self._subscribers, self._bookmarks, self._skips = reactions
        self._origins: Sequence[Origin] = ()

    async def trace(self, command: UUID | int, *, looked_at: int = LOOKED_AT) -> Trace:
        """Return the trace of a command, by its id or by the position of one of its events.

        Raises UnknownCommandError for an id that nothing is known of, and a position where no command put an event.
        """
        self._origins = await origins_of(self._log)
        command_id = await self._id_at(command) if isinstance(command, int) else command
        known = await self._sent.of(command_id)
        if not known:
            raise UnknownCommandError(f"nothing is known of command {command_id}: it never came, or is forgotten")
        root = known[0]
        if root.position is None:
            return Trace(known[-1], caused=await self._caused_by_refused(command_id))
        own = await self._events_of(command_id, root.position)
        first = own[0].position if own else root.position + 1
        window = await self._window(max(0, first - 1 - looked_at // 10), root.position + looked_at)
        events = {**window.events, command_id: own}
        growing = _Growing(window, events)
        await self._take_refused(growing)
        return await self._grown(_as_sent(root, own), growing)

    async def _id_at(self, position: int) -> UUID:
        found = (await self._log.read(Criteria.all(), after=position - 1, until=position, limit=1)).events
        command = metadata_of(found[0].metadata).command if found else None
        if command is None:
            what = "its event came of no command" if found else f"the log ends at {await self._log.head()}"
            raise UnknownCommandError(f"no command is known at position {position}: {what}")
        return command

    async def _events_of(self, command: UUID, last: int) -> list[StoredEvent]:
        """Return the events of a command, of which the last lies at a position: they lie side by side."""
        found: list[StoredEvent] = []
        until = last
        while until > 0:
            page = (await self._log.read(Criteria.all(), until=until, limit=_PAGE, backwards=True)).events
            for event in page:
                if metadata_of(event.metadata).command != command:
                    return found[::-1]
                found.append(event)
            until = page[-1].position - 1 if page else 0
        return found[::-1]

    async def _window(self, after: int, end: int) -> _Window:
        """Read what was caused by anything, from before the command on: a handler may send before it is done."""
        window = _Window({}, {})
        while after < end:
            page = await self._log.read(Criteria.all(), after=after, until=end, limit=_PAGE)
            for event in page.events:
                window.take(event)
            after = page.through
            if page.complete:
                break
        return window._replace(whole=await self._log.head() <= end)

    async def _take_refused(self, growing: _Growing) -> None:
        """Take what was caused and not accepted into account."""
        causes = [*growing.events, *(each for found in growing.events.values() for e in found for each in self._ids(e))]
        for start in range(0, len(causes), _PAGE):
            for each in await self._sent.caused_by(causes[start : start + _PAGE], limit=MOST):
                if each.causation is not None:
                    growing.refused.setdefault(each.causation, []).append(each)

    async def _caused_by_refused(self, command: UUID) -> tuple[Trace, ...]:
        return tuple(Trace(each) for each in await self._sent.caused_by([command], limit=MOST))

    async def _grown(self, command: SentCommand, growing: _Growing) -> Trace:
        growing.told.add(command.command_id)
        events = [await self._event(each, growing) for each in growing.take(command.command_id)]
        caused = await self._caused(command.command_id, growing)
        return Trace(command, tuple(events), caused, whole=growing.window.whole and not growing.is_cut)

    async def _caused(self, cause: UUID, growing: _Growing) -> tuple[Trace, ...]:
        found = [Trace(each) for each in growing.refused.get(cause, ())]
        for command in growing.window.caused.get(cause, ()):
            if growing.admits(command):
                record = await self._log.record(command)
                found.append(await self._grown(_as_caused(command, record, growing.events[command]), growing))
        return tuple(sorted(found, key=_time))

    async def _event(self, stored: StoredEvent, growing: _Growing) -> TracedEvent:
        ids = self._ids(stored)
        changes = await self._touching.changes(self._read(stored), stored.position)
        heard = await self._heard(stored)
        caused = [trace for each in ids for trace in await self._caused(each, growing)]
        told = (stored.position, stored.name, stored.version, instant(stored.recorded_at), ids[0])
        return TracedEvent(*told, changes, heard, tuple(sorted(caused, key=_time)))

    def _read(self, stored: StoredEvent) -> Sequence[object]:
        try:
            return self._codec.read(stored.name, stored.version, stored.data)
        except UnreadableEventError:
            return ()

    async def _heard(self, stored: StoredEvent) -> tuple[Heard, ...]:
        concerned = [each.name for each in self._subscribers if stored.name in self._codec.stored_names(each.names)]
        if not concerned:
            return ()
        bookmarks = await self._bookmarks()
        skipped = {each.subscriber for each in await self._skips() if each.position == stored.position}
        return tuple(Heard(each, _standing(bookmarks.get(each), stored, each in skipped)) for each in concerned)

    def _ids(self, stored: StoredEvent) -> Sequence[UUID]:
        """Return the id of an event's envelope; where an upcaster makes several events of it, each has its own."""
        log_id = recorded_in(self._origins, stored.position, self._log.log_id)
        return [envelope_id(log_id, stored.position, at) for at in range(max(1, len(self._read(stored))))]


class _Window(NamedTuple):
    """What was caused in a stretch of the log: cause -> commands, command -> its events."""

    caused: dict[UUID, dict[UUID, None]]
    events: dict[UUID, list[StoredEvent]]
    whole: bool = True

    def take(self, event: StoredEvent) -> None:
        """Take an event, if its command was caused by anything."""
        known = metadata_of(event.metadata) if b'"causation"' in event.metadata else None
        if known is not None and known.causation is not None and known.command is not None:
            self.caused.setdefault(known.causation, {})[known.command] = None
            self.events.setdefault(known.command, []).append(event)


class _Growing:
    """A tree that grows: what may hang on it, and what does."""

    def __init__(self, window: _Window, events: Mapping[UUID, list[StoredEvent]]) -> None:
        self.window, self.events = window, events
        self.refused: dict[UUID, list[SentCommand]] = {}
        self.told: set[UUID] = set()
        self._room = MOST_EVENTS
        self.is_cut = False
        """Whether there is more than is told."""

    def admits(self, command: UUID) -> bool:
        """Say whether a command is to be told: no command is told twice, and not too many are."""
        if command in self.told:
            return False
        self.is_cut = self.is_cut or len(self.told) >= MOST
        return len(self.told) < MOST

    def take(self, command: UUID) -> Sequence[StoredEvent]:
        """Return the events of a command that are to be told."""
        events = self.events.get(command, [])
        told = events[: self._room]
        self._room -= len(told)
        self.is_cut = self.is_cut or len(told) < len(events)
        return told


def _as_sent(command: SentCommand, events: Sequence[StoredEvent]) -> SentCommand:
    """Return an accepted command with what only its events know: in which course of events it was sent."""
    if not events:
        return command
    known = metadata_of(events[0].metadata)
    told = (command.command_id, command.name, command.outcome, command.at, command.principal, command.position)
    return SentCommand(*told, correlation=known.correlation, causation=known.causation)


def _as_caused(command: UUID, record: Record | None, events: Sequence[StoredEvent]) -> SentCommand:
    if record is not None:
        return _as_sent(sent_of_record(record), events)
    known, last = metadata_of(events[0].metadata), events[-1]
    told = ("(no record)", "accepted", instant(last.recorded_at), known.actor, last.position)
    return SentCommand(command, *told, correlation=known.correlation, causation=known.causation)


def _standing(bookmark: Bookmark | None, stored: StoredEvent, skipped: bool) -> Standing:  # noqa: FBT001 (private)
    if skipped:
        return "skipped"
    if bookmark is None:
        return "pending"
    if bookmark.failure is not None and bookmark.failure.position == stored.position:
        return "failing"
    return "passed" if bookmark.position >= stored.position else "pending"


def _time(trace: Trace) -> tuple[object, ...]:
    return (trace.command.at, trace.command.position or 0)
