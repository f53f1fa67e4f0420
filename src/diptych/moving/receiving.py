"""Receiving: a log becomes a copy, page by page, and is opened to applications when it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from msgspec.structs import replace

from diptych.errors import CopyError
from diptych.moving.house import House
from diptych.ports import Bookmark, Copy, Origin, Record, Skip, StoredEvent, refuse_owned


class Receiver:
    """Write into a house what comes from the log `source`; resumed, it goes on where the last one was interrupted."""

    def __init__(self, target: House, source: UUID, origins: Iterable[Origin]) -> None:
        self._target, self._source = target, source
        self._origins = tuple(origins)
        self._copy: Copy | None = None

    @property
    def position(self) -> int:
        """Return the position of the source up to which everything is here."""
        return 0 if self._copy is None else self._copy.position

    @property
    def head(self) -> int:
        """Return where the copy ends, by its own positions."""
        return 0 if self._copy is None else self._copy.head

    async def begin(self, *, through: int) -> None:
        """Close the target to applications until it is finished.

        Raises CopyError for one that is no copy of the source, or was written since, or reaches beyond `through`.
        """
        log = self._target.log
        if log.log_id == self._source:
            raise CopyError(f"log {self._source} cannot be copied into itself; name another target")
        stored = await log.copied()
        if stored is not None or not await log.head():  # of a log of its own more is told below
            refuse_owned((await self._target.bookmarks.all()).values())
        if stored is not None and stored.source != self._source:
            raise CopyError(f"the log is a copy of log {stored.source}, not of {self._source}; copy into a new log")
        if stored is not None and stored.position > through:
            raise CopyError(
                f"the copy reaches to position {stored.position}, and its source only to {through}: an older state of "
                f"the source, from a backup or an earlier export, perhaps; copy into a new log"
            )
        after = Copy(self._source, 0 if stored is None else stored.position, 0, self._origins)
        self._copy = await log.receive((), (), before=stored, after=after)

    async def take_events(self, events: Sequence[StoredEvent]) -> None:
        """Store the next events of the source."""
        await self._take(events, (), events[-1].position)

    async def take_records(self, records: Sequence[Record]) -> None:
        """Store records of the source, by the positions that their events have here."""
        log = self._target.log
        here = [replace(each, position=await log.located(each.position)) for each in records]
        await self._take((), here, self.position)

    async def take_bookmarks(self, bookmarks: Iterable[Bookmark], skips: Iterable[Skip]) -> None:
        """Store where the subscribers stand in the source, in place of what was stored of them before.

        What one has handled beyond the copy is not here, and neither is what it has failed at there.
        """
        log, end = self._target.log, self.position
        moved = []
        for each in bookmarks:
            failure = each.failure
            if failure is not None and failure.position <= end:
                failure = replace(failure, position=await log.located(failure.position))
            else:
                failure = None
            position = await log.located(min(each.position, end))
            log_id = log.log_id if each.log_id == self._source else each.log_id  # one of a foreign log stays foreign
            moved.append(Bookmark(each.subscriber, position, log_id, 0, failure))
        left_out = [replace(each, position=await log.located(each.position)) for each in skips if each.position <= end]
        await self._target.bookmarks.settle(moved, left_out)

    async def finish(self) -> None:
        """Open the target to applications."""
        assert self._copy is not None, "begin first"  # noqa: S101 (a bug of ours)
        self._copy = await self._target.log.receive((), (), before=self._copy, after=replace(self._copy, finished=True))

    async def _take(self, events: Sequence[StoredEvent], records: Sequence[Record], position: int) -> None:
        assert self._copy is not None, "begin first"  # noqa: S101 (a bug of ours)
        after = replace(self._copy, position=position)
        self._copy = await self._target.log.receive(events, records, before=self._copy, after=after)
