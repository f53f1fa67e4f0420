"""Bookmarks in an SQLite file of their own beside the log, which no rebuild of read models touches."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from diptych.ports import Bookmark, Failure, Skip, displaced, refuse_owned, skipping
from diptych.stores.sqlite.bookmarks_file import BookmarksFile, bookmark_sql
from diptych.stores.sqlite.own_file import OwnFile

_MICROS = 1_000_000


class SqliteBookmarks(OwnFile[BookmarksFile]):
    """Keep bookmarks in a file: `synchronous=FULL`, so that a power cut, too, repeats one event at most.

    One thread of its own does the work, so that no sync to disk holds the loop. Looking makes no file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "bookmarks", BookmarksFile)
        self._owner = str(uuid4())

    async def all(self) -> Mapping[str, Bookmark]:
        """Return every subscriber's bookmark as stored."""
        return await self._run(self._all)

    async def take(self, subscriber: str, *, log_id: UUID, start: int, seconds: float) -> Bookmark | None:
        """Take or renew the ownership of a subscriber; None while another owner is alive."""
        return await self._run(lambda: self._take(subscriber, log_id, start, seconds))

    async def move(self, bookmark: Bookmark, position: int, failure: Failure | None = None) -> Bookmark:
        """Store the position and what fails now; compare-and-set on (position, epoch)."""
        return await self._run(lambda: self._move(bookmark, position, failure))

    async def skip(self, subscriber: str, position: int, *, now: int) -> Bookmark:
        """Move past the event at which a subscriber fails, and record that."""
        return await self._run(lambda: self._skip(subscriber, position, now))

    async def skips(self) -> Sequence[Skip]:
        """Return everything that was ever skipped."""
        return await self._run(self._skips)

    async def settle(self, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        """Store these in place of all that is there, unless one that is there was ever owned; none make no file."""
        await self._run(lambda: self._settle(bookmarks, skips))

    def _leave(self, file: BookmarksFile) -> None:
        with contextlib.closing(file), file.write(durable=False) as connection:
            connection.execute(bookmark_sql("give_up"), (self._owner,))

    def _all(self) -> Mapping[str, Bookmark]:
        if not self._is_there():
            return {}
        return {values[0]: _bookmark(values) for values in self._opened().rows("all")}

    def _take(self, subscriber: str, log_id: UUID, start: int, seconds: float) -> Bookmark | None:
        now = time.time_ns() // 1000
        expires = now + int(seconds * _MICROS)
        if self._others(self._opened().rows("owner", subscriber), now, expires):  # without a lock: nobody waits for us
            return None
        with self._opened().write(durable=False) as connection:
            owners = connection.execute(bookmark_sql("owner"), (subscriber,)).fetchall()
            if self._others(owners, now, expires):
                return None
            if not owners:
                values = (subscriber, start, str(log_id), self._owner, expires)
                connection.execute(bookmark_sql("insert"), values)
            elif owners[0][0] == self._owner:
                connection.execute(bookmark_sql("renew"), (expires, subscriber, self._owner))
            else:
                connection.execute(bookmark_sql("take"), (self._owner, expires, subscriber))
            return _one(connection, subscriber)

    def _others(self, owners: Sequence[Sequence[Any]], now: int, expires: int) -> bool:
        """Say whether somebody else's lease is running; one from before the clock was set back is over."""
        return any(owner != self._owner and now < until <= expires + (expires - now) for owner, until in owners)

    def _move(self, bookmark: Bookmark, position: int, failure: Failure | None) -> Bookmark:
        new = replace(bookmark, position=position, failure=failure)
        with self._opened().write(durable=True) as connection:
            if not _moved(connection, bookmark, new):
                raise displaced(bookmark)
        return new

    def _skip(self, subscriber: str, position: int, now: int) -> Bookmark:
        skipping(self._all().get(subscriber), subscriber, position, now)  # so that a mistake makes no file
        with self._opened().write(durable=True) as connection:
            stored = _one(connection, subscriber)
            past, skip = skipping(stored, subscriber, position, now)
            _moved(connection, stored, past)
            connection.execute(bookmark_sql("insert_skip"), (subscriber, position, now, skip.error))
        return past

    def _skips(self) -> Sequence[Skip]:
        if not self._is_there():
            return ()
        return tuple(Skip(*values) for values in self._opened().rows("skips"))

    def _settle(self, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        if not (bookmarks or skips or self._all()):
            return
        with self._opened().write(durable=True) as connection:
            refuse_owned(map(_bookmark, connection.execute(bookmark_sql("all")).fetchall()))
            connection.execute(bookmark_sql("clear"))
            connection.execute(bookmark_sql("clear_skips"))
            settled = [(each.subscriber, each.position, str(each.log_id), *_failing(each)) for each in bookmarks]
            connection.executemany(bookmark_sql("settle"), settled)
            skipped = [(each.subscriber, each.position, each.skipped_at, each.error) for each in skips]
            connection.executemany(bookmark_sql("insert_skip"), skipped)


def _failing(bookmark: Bookmark) -> tuple[int | None, int | None, str | None]:
    failed = bookmark.failure
    return (None, None, None) if failed is None else (failed.position, failed.attempts, failed.error)


def _moved(connection: sqlite3.Connection, old: Bookmark, new: Bookmark) -> bool:
    values = (new.position, *_failing(new), old.subscriber, old.position, old.epoch)
    return connection.execute(bookmark_sql("move"), values).rowcount == 1


def _one(connection: sqlite3.Connection, subscriber: str) -> Bookmark:
    return _bookmark(connection.execute(bookmark_sql("one"), (subscriber,)).fetchone())


def _bookmark(values: Sequence[Any]) -> Bookmark:
    subscriber, position, log_id, epoch, failing, attempts, error = values
    failure = None if failing is None else Failure(failing, attempts, error)
    return Bookmark(subscriber, position, UUID(log_id), epoch, failure)
