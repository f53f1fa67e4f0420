"""Pages of the log as projections read them: while one is folded and saved, the next one is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from diptych.codec import EventCodec
from diptych.model.criteria import Criteria
from diptych.ports import EventReader
from diptych.ports.log import Distant
from diptych.read.plan import Learned, learn


class Page(NamedTuple):
    """Events in order, all that match up to `through`; `complete` says whether that is as far as was asked for."""

    events: Sequence[Learned]
    through: int
    complete: bool


class Pages:
    """Read the log page by page. What lies in it never changes, so that a page is as good later as it was."""

    def __init__(self, log: EventReader, codec: EventCodec) -> None:
        self._log, self._codec = log, codec
        # Where nothing is waited for, two pages at a time only take more memory.
        self._is_distant = isinstance(log, Distant) and log.is_distant
        self._asked: tuple[Criteria, int, int | None] | None = None
        self._coming: asyncio.Task[Page] | None = None

    async def read(self, criteria: Criteria, *, after: int, until: int | None, limit: int) -> Page:
        """Return at most `limit` matching events with after < position <= until; raises what reading them raises."""
        page = await self._came((criteria, after, until))
        if page is None or len(page.events) > limit:
            page = await self._read(criteria, after, until, limit)
        if self._is_distant and not page.complete:
            self._asked = (criteria, page.through, until)
            self._coming = asyncio.create_task(self._read(criteria, page.through, until, limit))
            self._coming.add_done_callback(_look)
        return page

    async def _came(self, asked: tuple[Criteria, int, int | None]) -> Page | None:
        coming, self._coming = self._coming, None
        if coming is None:
            return None
        if self._asked != asked:
            coming.cancel()
            return None
        return await coming

    async def _read(self, criteria: Criteria, after: int, until: int | None, limit: int) -> Page:
        found = await self._log.read(criteria, after=after, until=until, limit=limit)
        return Page(learn(self._codec, found), found.through, found.complete)


def _look(task: asyncio.Task[Page]) -> None:
    """Look at how a page ended that perhaps nobody wants any more."""
    if not task.cancelled():
        task.exception()
