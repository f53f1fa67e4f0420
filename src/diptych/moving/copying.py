"""Copying a log into another store, whole, and comparing what was written with what was read."""

from __future__ import annotations

from uuid import UUID

import msgspec

from diptych.errors import CopyError
from diptych.moving.difference import difference
from diptych.moving.digest import Digest, Digesting, digest_of
from diptych.moving.house import House, Tell
from diptych.moving.receiving import Receiver
from diptych.ports import origins_of, refuse_unfinished


class Copied(msgspec.Struct, frozen=True):
    """Tell of a copy that is whole: what it holds, and how much of it was copied this time.

    It holds the source up to `through`; `ahead` is how much the source had grown when the copy was finished. `left`
    names the tables in a file beside the log that are the user's own: they are not copied.
    """

    source: UUID
    target: UUID
    through: int
    ahead: int
    new_events: int
    subscribers: int
    digest: Digest
    left: tuple[str, ...] = ()


async def copy(source: House, target: House, tell: Tell) -> Copied:
    """Copy events, records of commands and bookmarks up to where the source ends now; compare both; return what is so.

    Called again, it goes on where the last call ended or was killed. Raises CopyError for a target that it may not
    write, and for one that is not equal afterwards; CorruptionError for an event that does not match its hash.
    """
    await refuse_unfinished(source.log)
    through = await source.log.head()
    receiver = Receiver(target, source.log.log_id, await origins_of(source.log))
    await receiver.begin(through=through)
    before = receiver.position
    await _copy_events(source, receiver, through, tell)
    records = await _copy_records(source, receiver, through, tell)
    bookmarks = await source.bookmarks.all()
    await receiver.take_bookmarks(bookmarks.values(), await source.bookmarks.skips())
    theirs = await _compared(source, target, records, through, tell)
    await receiver.finish()
    ahead = await source.log.head() - through
    return Copied(source.log.log_id, target.log.log_id, through, ahead, through - before, len(bookmarks), theirs)


async def _copy_events(source: House, receiver: Receiver, through: int, tell: Tell) -> None:
    async for events in source.events(after=receiver.position, until=through):
        await receiver.take_events(events)
        tell("copying events", receiver.position, through)


async def _copy_records(source: House, receiver: Receiver, through: int, tell: Tell) -> Digest:
    """Copy every record anew: nothing tells which are new, for those without events may lie anywhere."""
    digesting = Digesting()
    async for records in source.records(until=through):
        digesting.take_records(records)
        await receiver.take_records(records)
        tell("copying records", digesting.digest.records, 0)
    return digesting.digest


async def _compared(source: House, target: House, records: Digest, through: int, tell: Tell) -> Digest:
    """Return the digest of the target, read again; raise CopyError naming the first difference from the source.

    Of the source the events are read again. Its records were read once: it may have accepted others meanwhile.
    """
    events = Digesting()
    async for page in source.events(until=through):
        events.take_events(page)
        tell("comparing: the source", page[-1].position, through)
    ours = msgspec.structs.replace(events.digest, records=records.records, records_hash=records.records_hash)
    theirs = await digest_of(target, "comparing: the copy", tell)
    if ours != theirs:
        raise CopyError(f"the copy is not equal to its source: {await difference(source, target, through)}")
    return theirs
