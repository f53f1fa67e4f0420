"""Moving house: what a log must offer to be copied, and to become a copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

import msgspec

from diptych.errors import CopyError
from diptych.ports.bookmarks import Bookmark, Bookmarks, Skip
from diptych.ports.log import EventStore, Record, StoredEvent

FIRST = UUID(int=0)
"""Before every id of a command."""


class Origin(msgspec.Struct, frozen=True):
    """Events of a log up to `through` were first recorded in the log of this id, unless an earlier origin says so."""

    log_id: UUID
    through: int


class Copy(msgspec.Struct, frozen=True):
    """How far a log is a copy of another one.

    Everything of the log `source` up to its `position` is here, and ends at the position `head` of this log. `origins`
    are where the source itself had events from, the earliest first. Until it is `finished` no application opens it:
    records of commands may be missing, and a retry would take effect twice.
    """

    source: UUID
    position: int
    head: int
    origins: tuple[Origin, ...]
    finished: bool = False


@runtime_checkable
class Movable(Protocol):
    """Be a log that can be copied and can become a copy."""

    async def copied(self) -> Copy | None:
        """Return how far this log is a copy, read afresh; None for one that began by itself."""
        ...

    async def records_after(self, command_id: UUID, *, limit: int) -> Sequence[Record]:
        """Return at most `limit` records whose ids lie beyond this one, in the order of the ids' bytes."""
        ...

    async def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], *, before: Copy | None, after: Copy
    ) -> Copy:
        """Store events and records of the source and how far the copy is now, all or nothing; on disk when it returns.

        Events keep all but their positions, those of the source; a record that is here already is left as it is.
        Return `after` with the head that the log has now. Raises CopyError, and writes nothing, unless the log is as
        `before` says: the same copy, and nothing appended since; None: no event and no record at all.
        """
        ...

    async def located(self, position: int) -> int:
        """Return where the event of this position of the source stands here: positions need not be those of there."""
        ...


class MovableLog(EventStore, Movable, Protocol):
    """Keep a log that can be copied and can become a copy."""


@runtime_checkable
class MovableBookmarks(Bookmarks, Protocol):
    """Keep bookmarks that can be copied from those of another log."""

    async def settle(self, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        """Store these in place of all that is there, with epoch 0: nobody has owned them yet; on disk when it returns.

        Raises CopyError, and writes nothing, when one that is there has ever been owned: its subscriber has run.
        """
        ...


async def origins_of(store: EventStore) -> tuple[Origin, ...]:
    """Return where the events of a log were first recorded; nothing for one that began by itself."""
    copied = await store.copied() if isinstance(store, Movable) else None
    return () if copied is None else (*copied.origins, Origin(copied.source, copied.head))


async def refuse_unfinished(store: EventStore) -> None:
    """Raise CopyError for a log that is not yet a whole copy."""
    copied = await store.copied() if isinstance(store, Movable) else None
    if copied is not None and not copied.finished:
        raise CopyError(
            f"the log is an unfinished copy of log {copied.source}, up to position {copied.position} of it; "
            f"end it with the `diptych log copy` or `diptych log import` that began it, then start again"
        )


def recorded_in(origins: Iterable[Origin], position: int, log_id: UUID) -> UUID:
    """Return the id of the log in which the event at this position was first recorded; `log_id` is the log's own.

    >>> first, second = UUID(int=1), UUID(int=2)
    >>> [recorded_in((Origin(first, 7),), position, second).int for position in (7, 8)]
    [1, 2]
    """
    return next((origin.log_id for origin in origins if position <= origin.through), log_id)


def refuse_other(stored: Copy | None, before: Copy | None, *, head: int, records: int) -> None:
    """Raise CopyError unless a log is as the copier left it; `records` counts those of a log that is no copy."""
    if before is None and (stored is not None or head or records):
        what = f"{head} events and {records} records" if stored is None else f"a copy of log {stored.source}"
        raise CopyError(f"the log is not empty: it holds {what}; copy into a new one")
    if before is not None and (stored is None or stored != before):
        raise CopyError("somebody else copied into the log meanwhile; one at a time: copy again, it goes on from there")
    if before is not None and head != before.head:
        raise CopyError(
            f"the log was written after it was copied: it ends at position {head}, its copy at {before.head}; "
            f"an application runs on it: stop that, and copy into a new log"
        )


def refuse_owned(bookmarks: Iterable[Bookmark]) -> None:
    """Raise CopyError when one of the bookmarks beside a copy has ever been owned."""
    owned = next((each for each in bookmarks if each.epoch), None)
    if owned is not None:
        raise CopyError(
            f"subscriber {owned.subscriber!r} has run beside the copy, and stands at position {owned.position}; "
            f"its bookmark is not replaced: copy into a new log, and start no application on it before"
        )


def refuse_disorder(events: Sequence[StoredEvent], head: int, recorded_at: int) -> None:
    """Raise CopyError unless events follow each other, and a log of dense positions that ends at `head`."""
    for position, event in enumerate(events, start=head + 1):
        if event.position != position:
            raise CopyError(f"the event at position {event.position} of the source would stand at {position} here")
        if event.recorded_at < recorded_at:
            raise CopyError(f"the event at position {position} was recorded before the one that it follows")
        recorded_at = event.recorded_at
