"""Exporting: a log as lines of JSON that any tool can read."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from diptych.moving.digest import Digest, Digesting
from diptych.moving.house import House, Tell
from diptych.moving.lines import VERSION, BookmarkLine, Footer, Header, SkipLine, written
from diptych.ports import origins_of, refuse_unfinished

Write = Callable[[bytes], object]


async def export(house: House, write: Write, tell: Tell) -> Digest:
    """Write a log up to where it ends now, with the bookmarks of its subscribers; return the digest of what it wrote.

    Without its last line the export is not whole. Raises CorruptionError for an event that does not match its hash.
    """
    await refuse_unfinished(house.log)
    through, digesting = await house.log.head(), Digesting()
    write(written(Header(VERSION, house.log.log_id, through, await origins_of(house.log))))
    async for events in house.events(until=through):
        write(digesting.take_events(events))
        tell("exporting events", events[-1].position, through)
    async for records in house.records(until=through):
        write(digesting.take_records(records))
        tell("exporting records", digesting.digest.records, 0)
    await _write_bookmarks(house, write)
    write(written(Footer(*msgspec.structs.astuple(digesting.digest))))
    return digesting.digest


async def _write_bookmarks(house: House, write: Write) -> None:
    """Write the bookmarks that belong to this log."""
    for name, each in sorted((await house.bookmarks.all()).items()):
        if each.log_id == house.log.log_id:
            write(written(BookmarkLine(name, each.position, each.failure)))
    for skip in await house.bookmarks.skips():
        write(written(SkipLine(skip.subscriber, skip.position, skip.skipped_at, skip.error)))
