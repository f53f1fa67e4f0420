"""Importing: an exported log is read, line by line, into an empty store."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from uuid import UUID

import msgspec

from diptych.errors import CopyError, CorruptionError
from diptych.moving.digest import Digest, Digesting, digest_of
from diptych.moving.house import PAGE, House, Tell
from diptych.moving.lines import (
    VERSION,
    BookmarkLine,
    EventLine,
    Footer,
    Header,
    Line,
    RecordLine,
    SkipLine,
    read,
)
from diptych.moving.receiving import Receiver
from diptych.ports import FIRST, Bookmark, Record, Skip, StoredEvent

_ORDER = (Header, EventLine, RecordLine, BookmarkLine, SkipLine, Footer)
"""Lines come in this order; header and footer once."""


class Imported(msgspec.Struct, frozen=True):
    """Tell of an import that is whole: what the log holds, and how much of it was written this time."""

    source: UUID
    target: UUID
    through: int
    new_events: int
    digest: Digest


class _Numbered(NamedTuple):
    number: int
    line: Line


async def import_(lines: Iterable[bytes], target: House, tell: Tell) -> Imported:
    """Read the lines of an export into an empty log, or into one that such an import left; return what is so.

    Nothing that is half done is opened by an application: called again with the same file it goes on. Raises
    CorruptionError naming the line that is damaged, or the end that is missing; CopyError as `copy` does.
    """
    ordered = _ordered(lines)
    header = _header(ordered)
    receiver = Receiver(target, header.log_id, header.origins)
    await receiver.begin(through=header.through)
    before = receiver.position
    digest = await _Arriving(header, receiver, tell).take(ordered)
    found = await digest_of(target, "comparing the log", tell)
    if found != digest:
        raise CopyError("the log does not hold what the file says: another file was imported before; take a new log")
    await receiver.finish()
    return Imported(header.log_id, target.log.log_id, receiver.position, receiver.position - before, found)


class _Arriving:
    """Take lines in their order, in pages, and compare them with the last one."""

    def __init__(self, header: Header, receiver: Receiver, tell: Tell) -> None:
        self._header, self._receiver, self._tell = header, receiver, tell
        self._digesting = Digesting()
        self._events: list[StoredEvent] = []
        self._records: list[Record] = []
        self._bookmarks: list[Bookmark] = []
        self._skips: list[Skip] = []
        self._last_id = FIRST

    async def take(self, lines: Iterable[_Numbered]) -> Digest:
        """Take every line and return the digest; raise CorruptionError unless the last one says what came."""
        number = 1
        line: Line = self._header
        for number, line in lines:
            self._take(number, line)
            if len(self._events) >= PAGE or len(self._records) >= PAGE:
                await self._flush()
        await self._flush()
        self._compare(number, line)
        await self._receiver.take_bookmarks(self._bookmarks, self._skips)
        return self._digesting.digest

    def _take(self, number: int, line: Line) -> None:
        match line:
            case EventLine():
                self._take_event(number, line)
            case RecordLine():
                self._take_record(number, line)
            case BookmarkLine():
                self._take_bookmark(number, line)
            case SkipLine():
                self._skips.append(line.skip())
            case _:
                pass

    def _take_event(self, number: int, line: EventLine) -> None:
        if line.position != number - 1:
            raise CorruptionError(f"line {number} holds event {line.position}; wanted event {number - 1}")
        with _naming(number):
            event = line.event()
            self._digesting.take_events((event,))
        self._events.append(event)

    def _take_record(self, number: int, line: RecordLine) -> None:
        if line.id <= self._last_id or line.position > self._header.through:
            raise CorruptionError(f"line {number} is out of order, or names position {line.position} beyond the end")
        with _naming(number):
            record = line.record()
            self._digesting.take_records((record,))
        self._last_id = line.id
        self._records.append(record)

    def _take_bookmark(self, number: int, line: BookmarkLine) -> None:
        if any(each.subscriber == line.subscriber for each in self._bookmarks):
            raise CorruptionError(f"line {number} is a second bookmark of subscriber {line.subscriber!r}")
        self._bookmarks.append(line.bookmark(self._header.log_id))

    async def _flush(self) -> None:
        fresh = [each for each in self._events if each.position > self._receiver.position]
        if fresh:
            await self._receiver.take_events(fresh)
        if self._events:
            self._tell("importing events", self._events[-1].position, self._header.through)
        if self._records:
            await self._receiver.take_records(self._records)
            self._tell("importing records", self._digesting.digest.records, 0)
        self._events.clear()
        self._records.clear()

    def _compare(self, number: int, last: Line) -> None:
        digest = self._digesting.digest
        if not isinstance(last, Footer):
            raise CorruptionError(f"the file ends after line {number}, and that is not its last one: it was cut off")
        if Digest(*msgspec.structs.astuple(last)) != digest or digest.events != self._header.through:
            raise CorruptionError(f"the lines before line {number}, the last one, are not those that it counts")


def _header(lines: Iterator[_Numbered]) -> Header:
    first = next(lines, None)
    if first is None or not isinstance(first.line, Header):
        raise CorruptionError("line 1 is not the first line of an exported log of Diptych")
    if first.line.version > VERSION:
        raise CopyError(
            f"the file has format version {first.line.version}, written by a newer Diptych; this one knows {VERSION}"
        )
    return first.line


def _ordered(lines: Iterable[bytes]) -> Iterator[_Numbered]:
    """Yield the lines as values; raise CorruptionError naming the first that is damaged or out of order."""
    place = -1
    for number, text in enumerate(lines, start=1):
        if not text.endswith(b"\n"):
            raise CorruptionError(f"line {number} has no end: the file was cut off there")
        line = read(number, text)
        found = _ORDER.index(type(line))
        if found < place or (found == place and type(line) in (Header, Footer)):
            raise CorruptionError(f"line {number} is out of order: a line of its kind comes earlier")
        place = found
        yield _Numbered(number, line)


@contextlib.contextmanager
def _naming(number: int) -> Iterator[None]:
    try:
        yield
    except (CorruptionError, ValueError) as wrong:
        raise CorruptionError(f"line {number} is damaged: {wrong}") from wrong
