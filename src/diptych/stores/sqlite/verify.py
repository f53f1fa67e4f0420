"""Proving a log file: every hash, the density of positions, the tag rows, the records, and SQLite's own pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from diptych.codec import verify_content
from diptych.errors import CorruptionError
from diptych.model.criteria import Criteria
from diptych.ports import StoredEvent
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.pages import LogPages

_PAGE = 2000
_TAIL = 100


@dataclass(frozen=True, slots=True)
class Proved:
    """How far a log is proved: up to `position`, with so many tag rows; `complete` when all of it is."""

    position: int = 0
    tag_rows: int = 0
    recorded_at: int = 0
    complete: bool = False


def verify_page(pages: LogPages, proved: Proved) -> Proved:
    """Prove the next page of events, or after the last one the whole; raise CorruptionError naming the position."""
    events = pages.read(Criteria.all(), proved.position, None, _PAGE, backwards=False).events
    if not events:
        _verify_whole(pages, proved)
        return Proved(proved.position, proved.tag_rows, proved.recorded_at, complete=True)
    _verify_events(events, proved)
    last = events[-1].position
    wrong = pages.one("log_wrong_tags", proved.position, last)
    if wrong:
        raise CorruptionError(f"the event at position {wrong} lacks a row for one of its tags")
    rows = proved.tag_rows + sum(len(set(event.tags)) for event in events)
    return Proved(last, rows, events[-1].recorded_at)


def verify_tail(connection: sqlite3.Connection, acknowledged: int) -> None:
    """Prove the last events of a log that was opened again, and that none which was acknowledged is missing."""
    pages = LogPages(connection, KnownHead())
    events = pages.read(Criteria.all(), 0, None, _TAIL, backwards=True).events[::-1]
    head = events[-1].position if events else 0
    if head < acknowledged:
        raise CorruptionError(f"position {acknowledged} was acknowledged, but the log now ends at {head}")
    if events:
        _verify_events(events, Proved(events[0].position - 1))


def _verify_events(events: Sequence[StoredEvent], proved: Proved) -> None:
    position, recorded_at = proved.position, proved.recorded_at
    for event in events:
        position += 1
        if event.position != position:
            raise CorruptionError(f"position {position} is missing: the next event lies at {event.position}")
        if {type(event.data), type(event.metadata)} != {bytes}:  # SQLite keeps any type anywhere
            raise CorruptionError(f"the event at position {position} does not hold bytes")
        verify_content(position, event.hash, event.name, event.version, event.tags, event.data, event.metadata)
        if event.recorded_at < recorded_at:
            raise CorruptionError(f"the event at position {position} was recorded before the one that it follows")
        recorded_at = event.recorded_at


def _verify_whole(pages: LogPages, proved: Proved) -> None:
    rows = pages.one("log_count_event_tags", proved.position)
    if rows != proved.tag_rows:
        raise CorruptionError(f"up to position {proved.position} there are {rows} tag rows, not {proved.tag_rows}")
    beyond = pages.one("log_command_beyond")
    if beyond > pages.head():
        raise CorruptionError(f"a command record names position {beyond}, which the log does not have")
    found = pages.one("log_quick_check")
    if found != "ok":
        raise CorruptionError(f"SQLite finds the file damaged: {found}")
