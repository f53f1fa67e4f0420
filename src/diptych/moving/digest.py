"""The digest of a log: how many events and records it holds, and a hash over each kind, in order."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import msgspec

from diptych.codec import verify_content
from diptych.moving.house import House, Tell
from diptych.moving.lines import line_of_event, line_of_record, written
from diptych.ports import Record, StoredEvent


class Digest(msgspec.Struct, frozen=True):
    """Say what a log holds: two logs with equal digests hold the same, but for where it stands.

    The hashes are 32 bytes of BLAKE2b in hexadecimal, over the lines that an export writes of events, in their order,
    and of records, in the order of their ids.
    """

    events: int
    records: int
    events_hash: str
    records_hash: str


class Digesting:
    """Take events and records in order, and tell their digest."""

    def __init__(self) -> None:
        self._events, self._records = blake2b(digest_size=32), blake2b(digest_size=32)
        self._counted_events = self._counted_records = 0

    def take_events(self, events: Sequence[StoredEvent]) -> bytes:
        """Take events and return their lines; raise CorruptionError for one that does not match its hash."""
        for each in events:
            verify_content(each.position, each.hash, each.name, each.version, each.tags, each.data, each.metadata)
        lines = b"".join([written(line_of_event(each)) for each in events])
        self._events.update(lines)
        self._counted_events += len(events)
        return lines

    def take_records(self, records: Sequence[Record]) -> bytes:
        """Take records and return their lines."""
        lines = b"".join([written(line_of_record(each)) for each in records])
        self._records.update(lines)
        self._counted_records += len(records)
        return lines

    @property
    def digest(self) -> Digest:
        """Return the digest of what was taken."""
        hashes = self._events.hexdigest(), self._records.hexdigest()
        return Digest(self._counted_events, self._counted_records, *hashes)


async def digest_of(house: House, what: str, tell: Tell, *, until: int | None = None) -> Digest:
    """Read a log whole, or up to a position, and return its digest."""
    digesting = Digesting()
    head = await house.log.head() if until is None else until
    async for events in house.events(until=head):
        digesting.take_events(events)
        tell(f"{what}: events", events[-1].position, head)
    async for records in house.records(until=head):
        digesting.take_records(records)
        tell(f"{what}: records", digesting.digest.records, 0)
    return digesting.digest
