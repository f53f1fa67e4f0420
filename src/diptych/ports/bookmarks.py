"""Bookmarks: how far subscribers have come, and who runs them. Effects depend on them: they outlive read models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from diptych.errors import FencedError, ReactionError
from diptych.ports.rows import Opened


class Failure(msgspec.Struct, frozen=True):
    """Say which event a subscriber fails at, how often it has, and how the last time."""

    position: int
    attempts: int
    error: str


class Bookmark(msgspec.Struct, frozen=True):
    """Where a subscriber stands: it has handled everything up to `position`; `epoch` counts its owners."""

    subscriber: str
    position: int
    log_id: UUID
    epoch: int
    failure: Failure | None = None


class Skip(msgspec.Struct, frozen=True):
    """An event that somebody told a subscriber to leave out, with its last error; microseconds since 1970 UTC."""

    subscriber: str
    position: int
    skipped_at: int
    error: str


def displaced(bookmark: Bookmark) -> FencedError:
    """Return the error of a bookmark that is no longer where its owner left it."""
    return FencedError(
        f"subscriber {bookmark.subscriber!r} no longer stands at position {bookmark.position} of epoch "
        f"{bookmark.epoch}: another process took over, or its event was skipped"
    )


def skipping(stored: Bookmark | None, subscriber: str, position: int, now: int) -> tuple[Bookmark, Skip]:
    """Return the bookmark past the event at which the subscriber fails, and the record of that.

    Raises ReactionError unless it fails at exactly this position.
    """
    failure = None if stored is None else stored.failure
    if stored is None or failure is None or failure.position != position:
        fails = "it does not fail" if failure is None else f"it fails at {failure.position}"
        wanted = f"{fails}; only the event at which it fails can be skipped, not {position}"
        raise ReactionError(subscriber, 0 if stored is None else stored.position, wanted)
    past = msgspec.structs.replace(stored, position=position, failure=None)
    return past, Skip(subscriber, position, now, failure.error)


class Bookmarks(Opened, Protocol):
    """Keep the bookmarks of subscribers, durably; each opened store is one owner, which gives up all at its end."""

    async def all(self) -> Mapping[str, Bookmark]:
        """Return every subscriber's bookmark as stored."""
        ...

    async def take(self, subscriber: str, *, log_id: UUID, start: int, seconds: float) -> Bookmark | None:
        """Take or renew the ownership of a subscriber for some seconds; None while another owner is alive.

        A new subscriber gets a bookmark at `start`. A taken bookmark has a new epoch, a renewed one its own. All owners
        ask for the same `seconds`: a lease that reaches much further is from before the clock was set back.
        """
        ...

    async def move(self, bookmark: Bookmark, position: int, failure: Failure | None = None) -> Bookmark:
        """Store the position and what fails now; on disk when it returns. Return the new bookmark.

        Compare-and-set on (position, epoch) of `bookmark`: raises FencedError when either moved, and writes nothing.
        """
        ...

    async def skip(self, subscriber: str, position: int, *, now: int) -> Bookmark:
        """Move past the event at which a subscriber fails, owned or not, and record that; `now` is microseconds.

        Raises ReactionError unless the subscriber fails at exactly this position.
        """
        ...

    async def skips(self) -> Sequence[Skip]:
        """Return everything that was ever skipped, in order of time."""
        ...
