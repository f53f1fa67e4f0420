"""Bookmarks in memory: what the store in a file promises, as long as the process lives."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from msgspec.structs import replace

from diptych.ports import Bookmark, Failure, Skip, displaced, refuse_owned, skipping


@dataclass(eq=False)
class Shelf:
    """Hold what owners share: bookmarks, and who owns which until when (monotonic seconds)."""

    bookmarks: dict[str, Bookmark] = field(default_factory=dict)
    owners: dict[str, tuple[UUID, float]] = field(default_factory=dict)
    skips: list[Skip] = field(default_factory=list)


class MemoryBookmarks:
    """Keep bookmarks on a shelf in this process; several owners may share one."""

    def __init__(self, shelf: Shelf | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._owner = uuid4()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        owners = self._shelf.owners
        for name in [name for name, (owner, _) in owners.items() if owner == self._owner]:
            del owners[name]

    async def all(self) -> Mapping[str, Bookmark]:
        """Return every subscriber's bookmark."""
        return dict(self._shelf.bookmarks)

    async def take(self, subscriber: str, *, log_id: UUID, start: int, seconds: float) -> Bookmark | None:
        """Take or renew the ownership of a subscriber; None while another owner is alive."""
        now, shelf = time.monotonic(), self._shelf
        owner, until = shelf.owners.get(subscriber, (None, 0.0))
        if owner not in (None, self._owner) and until > now:
            return None
        stored = shelf.bookmarks.get(subscriber) or Bookmark(subscriber, start, log_id, 0)
        renewed = owner == self._owner
        shelf.bookmarks[subscriber] = stored if renewed else replace(stored, epoch=stored.epoch + 1)
        shelf.owners[subscriber] = (self._owner, now + seconds)
        return shelf.bookmarks[subscriber]

    async def move(self, bookmark: Bookmark, position: int, failure: Failure | None = None) -> Bookmark:
        """Store the position and what fails now; compare-and-set on (position, epoch)."""
        stored = self._shelf.bookmarks.get(bookmark.subscriber)
        if stored is None or (stored.position, stored.epoch) != (bookmark.position, bookmark.epoch):
            raise displaced(bookmark)
        new = replace(bookmark, position=position, failure=failure)
        self._shelf.bookmarks[bookmark.subscriber] = new
        return new

    async def skip(self, subscriber: str, position: int, *, now: int) -> Bookmark:
        """Move past the event at which a subscriber fails, and record that."""
        past, skip = skipping(self._shelf.bookmarks.get(subscriber), subscriber, position, now)
        self._shelf.bookmarks[subscriber] = past
        self._shelf.skips.append(skip)
        return past

    async def skips(self) -> Sequence[Skip]:
        """Return everything that was ever skipped."""
        return tuple(self._shelf.skips)

    async def settle(self, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        """Store these in place of all that is there, unless one that is there was ever owned."""
        refuse_owned(self._shelf.bookmarks.values())
        self._shelf.bookmarks = {each.subscriber: replace(each, epoch=0) for each in bookmarks}
        self._shelf.skips = list(skips)
