"""The lines of an exported log: one JSON object each, version 1. What they look like is a promise: docs/moving.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec

from diptych.errors import CorruptionError
from diptych.ports import Bookmark, Failure, Origin, Record, Skip, StoredEvent

VERSION = 1
Whole = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
"""A number that every store can keep."""

_encode = msgspec.json.Encoder(order=None).encode
_raw: Callable[[bytes], Any] = msgspec.json.Decoder(msgspec.Raw).decode


class _Line(msgspec.Struct, frozen=True, tag_field="kind", forbid_unknown_fields=True, gc=False):
    """One line; its kind comes first."""


class Header(_Line, frozen=True, tag="diptych-log"):
    """The first line: which log this is, how far, and in which logs its events were first recorded."""

    version: Whole
    log_id: UUID
    through: Whole
    origins: tuple[Origin, ...] = ()


class EventLine(_Line, frozen=True, tag="event", omit_defaults=True):
    """An event: `position` counts events from 1, `recorded_at` microseconds since 1970, `hash` is hexadecimal."""

    position: Whole
    name: str
    version: Whole
    tags: tuple[str, ...]
    recorded_at: Whole
    hash: str
    data: msgspec.Raw
    metadata: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def event(self) -> StoredEvent:
        """Return the event."""
        metadata = b"" if self.metadata is msgspec.UNSET else bytes(self.metadata)
        content = (self.name, self.version, self.tags, bytes(self.data), metadata)
        return StoredEvent(self.position, *content, self.recorded_at, bytes.fromhex(self.hash))


class RecordLine(_Line, frozen=True, tag="record", omit_defaults=True):
    """The record of an accepted command; `position` is that of an event line."""

    id: UUID
    name: str
    fingerprint: str
    position: Whole
    recorded_at: Whole
    answer: msgspec.Raw
    actor: str | None = None

    def record(self) -> Record:
        """Return the record."""
        read = (bytes.fromhex(self.fingerprint), bytes(self.answer), self.position, self.recorded_at, self.actor)
        return Record(self.id, self.name, *read)


class BookmarkLine(_Line, frozen=True, tag="bookmark", omit_defaults=True):
    """Where a subscriber stands, and the event that it fails at."""

    subscriber: str
    position: Whole
    failure: Failure | None = None

    def bookmark(self, log_id: UUID) -> Bookmark:
        """Return the bookmark, of this log."""
        return Bookmark(self.subscriber, self.position, log_id, 0, self.failure)


class SkipLine(_Line, frozen=True, tag="skip"):
    """An event that a subscriber was told to leave out."""

    subscriber: str
    position: Whole
    skipped_at: Whole
    error: str

    def skip(self) -> Skip:
        """Return the skip."""
        return Skip(self.subscriber, self.position, self.skipped_at, self.error)


class Footer(_Line, frozen=True, tag="end"):
    """The last line: how many events and records there are, and the hashes over their lines."""

    events: Whole
    records: Whole
    events_hash: str
    records_hash: str


Line = Header | EventLine | RecordLine | BookmarkLine | SkipLine | Footer
_read: Callable[[bytes], Line] = msgspec.json.Decoder(Line).decode


def written(line: Line) -> bytes:
    """Return the bytes of a line, with its end."""
    return _encode(line) + b"\n"


def read(number: int, text: bytes) -> Line:
    """Return what the line of this number says; raise CorruptionError naming it where it says nothing known."""
    try:
        return _read(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise CorruptionError(f"line {number} is damaged: {wrong}") from wrong


def line_of_event(event: StoredEvent) -> EventLine:
    """Return the line of an event; raise CorruptionError where its content is no canonical JSON."""
    where = f"the event at position {event.position}"
    data = _json(event.data, where)
    metadata = _json(event.metadata, where) if event.metadata else msgspec.UNSET
    head = (event.position, event.name, event.version, event.tags, event.recorded_at, event.hash.hex())
    return EventLine(*head, data, metadata)


def line_of_record(record: Record) -> RecordLine:
    """Return the line of a record; raise CorruptionError where its answer is no canonical JSON."""
    answer = _json(record.answer, f"the record of command {record.id}")
    head = (record.id, record.name, record.fingerprint.hex(), record.position, record.recorded_at)
    return RecordLine(*head, answer, record.actor)


def _json(data: bytes, where: str) -> msgspec.Raw:
    """Return JSON as it is; it must come back the same from the line that it becomes a part of."""
    try:
        _raw(data)
    except msgspec.MsgspecError as wrong:
        raise CorruptionError(f"{where} does not hold JSON: {wrong}") from wrong
    if data.strip() != data or b"\n" in data:
        raise CorruptionError(f"{where} does not hold canonical JSON: there is white space around or between it")
    return msgspec.Raw(data)
