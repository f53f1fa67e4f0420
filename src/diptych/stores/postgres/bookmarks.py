"""Bookmarks in the schema of the log: how far subscribers have come, and who runs them by the clock of the server."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from msgspec.structs import replace

from diptych.errors import StoreError
from diptych.ports import Bookmark, Failure, Skip, displaced, refuse_owned, skipping
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.link import Link
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.texts import storable

_NOBODY = UUID(int=0)


class PostgresBookmarks:
    """Keep bookmarks on one connection; what was moved is on disk when it returns.

    Leases begin and end by the clock of the server: those of the processes may differ. Whoever stands by writes nothing
    and locks nothing.
    """

    def __init__(self, address: Address) -> None:
        self._schema, self._owner, self._link = address.schema, uuid4(), Link(address, "bookmarks")

    async def __aenter__(self) -> Self:
        self._link.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._link.is_connected:
                with contextlib.suppress(StoreError):  # what was owned is given up by the clock, then
                    await self._link.run(lambda connection: connection.execute(self._sql("give_up"), self._owner))
        finally:
            await self._link.close()

    async def all(self) -> Mapping[str, Bookmark]:
        """Return every subscriber's bookmark as stored."""
        rows = await self._link.read(lambda connection: connection.fetch(self._sql("all")))
        return {row[0]: _bookmark(row) for row in rows}

    async def take(self, subscriber: str, *, log_id: UUID, start: int, seconds: float) -> Bookmark | None:
        """Take or renew the ownership of a subscriber; None while another owner is alive."""
        given = (subscriber, start, log_id, self._owner, seconds)
        row = await self._link.run(lambda connection: connection.fetchrow(self._sql("take"), *given))
        return None if row is None else _bookmark(row)

    async def move(self, bookmark: Bookmark, position: int, failure: Failure | None = None) -> Bookmark:
        """Store the position and what fails now; compare-and-set on (position, epoch)."""
        kept = None if failure is None else replace(failure, error=storable(failure.error))
        new = replace(bookmark, position=position, failure=kept)
        if not await self._link.run(lambda connection: self._move(connection, bookmark, new)):
            raise displaced(bookmark)
        return new

    async def skip(self, subscriber: str, position: int, *, now: int) -> Bookmark:
        """Move past the event at which a subscriber fails, and record that."""
        return await self._link.commit(lambda connection: self._skip(connection, subscriber, position, now))

    async def skips(self) -> Sequence[Skip]:
        """Return everything that was ever skipped."""
        return [Skip(*row) for row in await self._link.read(lambda connection: connection.fetch(self._sql("skips")))]

    async def settle(self, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        """Store these in place of all that is there, unless one that is there was ever owned."""
        await self._link.commit(lambda connection: self._settle(connection, bookmarks, skips))

    async def _settle(self, connection: Connection, bookmarks: Sequence[Bookmark], skips: Sequence[Skip]) -> None:
        await connection.execute(self._sql("lock"))
        refuse_owned(map(_bookmark, await connection.fetch(self._sql("all"))))
        await connection.execute(self._sql("clear"))
        await connection.execute(self._sql("clear_skips"))
        settled = [(each.subscriber, each.position, each.log_id, _NOBODY, *_failing(each)) for each in bookmarks]
        await connection.executemany(self._sql("settle"), settled)
        skipped = [(each.subscriber, each.position, each.skipped_at, storable(each.error)) for each in skips]
        await connection.executemany(self._sql("insert_skip"), skipped)

    async def _move(self, connection: Connection, old: Bookmark, new: Bookmark) -> bool:
        given = (old.subscriber, old.position, old.epoch, new.position, *_failing(new))
        return await connection.fetchval(self._sql("move"), *given) is not None

    async def _skip(self, connection: Connection, subscriber: str, position: int, now: int) -> Bookmark:
        row = await connection.fetchrow(self._sql("one"), subscriber)
        stored = None if row is None else _bookmark(row)
        past, skip = skipping(stored, subscriber, position, now)
        assert stored is not None  # noqa: S101 (only one that is there can fail)
        await self._move(connection, stored, past)
        await connection.execute(self._sql("insert_skip"), subscriber, position, now, skip.error)
        return past

    def _sql(self, name: str) -> str:
        return sql(f"bookmarks_{name}", self._schema)


def _failing(bookmark: Bookmark) -> tuple[int | None, int | None, str | None]:
    failed = bookmark.failure
    return (None, None, None) if failed is None else (failed.position, failed.attempts, storable(failed.error))


def _bookmark(row: Sequence[Any]) -> Bookmark:
    subscriber, position, log_id, epoch, failing, attempts, error = row
    failure = None if failing is None else Failure(failing, attempts, error)
    return Bookmark(subscriber, position, UUID(int=log_id.int), epoch, failure)
