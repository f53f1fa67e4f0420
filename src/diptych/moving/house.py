"""A house: a log and what stands beside it, opened together; and who hears how far a move has come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from diptych.model.criteria import Criteria
from diptych.ports import FIRST, MovableBookmarks, MovableLog, Record, StoredEvent

PAGE = 4000
Tell = Callable[[str, int, int], None]
"""Hear of what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True, eq=False)
class House:
    """Hold a log and the bookmarks of its subscribers, both open."""

    log: MovableLog
    bookmarks: MovableBookmarks

    async def events(self, *, after: int = 0, until: int) -> AsyncIterator[Sequence[StoredEvent]]:
        """Yield the events with after < position <= until, page by page."""
        complete = False
        while not complete:
            found = await self.log.read(Criteria.all(), after=after, until=until, limit=PAGE)
            if found.events:
                yield found.events
            after, complete = found.through, found.complete

    async def records(self, *, until: int) -> AsyncIterator[Sequence[Record]]:
        """Yield the records whose positions are not beyond `until`, in the order of their ids, page by page."""
        after, page = FIRST, await self.log.records_after(FIRST, limit=PAGE)
        while page:
            yield [each for each in page if each.position <= until]
            after = page[-1].id
            page = await self.log.records_after(after, limit=PAGE)
