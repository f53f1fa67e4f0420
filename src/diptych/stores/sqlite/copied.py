"""What the log file says of the log that it is a copy of, and the writing of what is copied."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from uuid import UUID

import msgspec
from msgspec.structs import replace

from diptych.ports import Append, Copy, NewEvent, Origin, Record, StoredEvent, refuse_disorder, refuse_other
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.batch import Tail
from diptych.stores.sqlite.connection import checkpoint, connect_writer, disconnect, sql
from diptych.stores.sqlite.faults import store_error
from diptych.stores.sqlite.lock import FairLock

_origins = msgspec.json.Decoder(tuple[Origin, ...]).decode


def copied(connection: sqlite3.Connection) -> Copy | None:
    """Return how far the log is a copy; None for one that began by itself."""
    if not connection.execute(sql("log_has_copied")).fetchone()[0]:
        return None
    row = connection.execute(sql("log_select_copied")).fetchone()
    if row is None:
        return None
    source, position, head, finished, origins = row
    return Copy(UUID(bytes=source), position, head, _origins(origins), bool(finished))


class LogReceiver:
    """Hold the connection by which a file becomes a copy, page by page, in turns with every writer of the file."""

    def __init__(self, path: Path, head: KnownHead) -> None:
        self._path, self._head, self._lock = path, head, FairLock(path)
        self._connection: sqlite3.Connection | None = None
        self._tail: Tail | None = None

    def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], before: Copy | None, after: Copy
    ) -> Copy:
        """Store a page and how far the copy is then, as `ports.Movable` says."""
        with self._lock:
            connection = self._opened()
            try:
                connection.execute("begin immediate")
                tail = self._begun(connection, before)
                _take(tail, events)
                tail.flush()
                connection.executemany(sql("log_receive_command"), map(_row, records))
                kept = replace(after, head=tail.head)
                _keep(connection, kept)
                connection.execute("commit")
            except BaseException as wrong:
                self._abandon(connection)
                if isinstance(wrong, sqlite3.Error):
                    raise store_error(wrong) from wrong
                raise
            tail.settle()
            self._head.publish(tail.head)
            with contextlib.suppress(sqlite3.Error):  # nothing is lost: the WAL keeps it, the next one tries again
                checkpoint(connection)
        return kept

    def close(self) -> None:
        """Close the connection under the lock."""
        if self._connection is not None:
            disconnect(self._connection, self._lock)
        self._lock.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_writer(self._path)
        return self._connection

    def _begun(self, connection: sqlite3.Connection, before: Copy | None) -> Tail:
        head = connection.execute(sql("log_select_head")).fetchone()[0]
        records = connection.execute(sql("log_count_commands")).fetchone()[0] if before is None else 0
        refuse_other(copied(connection), before, head=head, records=records)
        if self._tail is None or self._tail.head != head:
            self._tail = Tail(connection)
        return self._tail

    def _abandon(self, connection: sqlite3.Connection) -> None:
        # After a failed write or fsync neither the connection's cache nor the kernel's can be trusted.
        self._connection = self._tail = None
        with contextlib.suppress(sqlite3.Error):
            connection.close()


def _take(tail: Tail, events: Sequence[StoredEvent]) -> None:
    """Note events of one page; those of an append lie side by side and share their metadata."""
    refuse_disorder(events, tail.head, tail.recorded_at)
    for (metadata, recorded_at), run in groupby(events, key=_append):
        new = [NewEvent(each.name, each.version, each.tags, each.data, each.hash) for each in run]
        tail.add(Append(new, (), None, metadata, recorded_at), look_up=False)


def _append(event: StoredEvent) -> tuple[bytes, int]:
    return event.metadata, event.recorded_at


def _keep(connection: sqlite3.Connection, kept: Copy) -> None:
    origins = msgspec.json.encode(kept.origins).decode()
    connection.execute(sql("log_create_copied"))
    connection.execute(sql("log_delete_copied"))
    values = (kept.source.bytes, kept.position, kept.head, kept.finished, origins)
    connection.execute(sql("log_insert_copied"), values)


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.id.bytes,
        record.name,
        record.fingerprint,
        record.answer,
        record.position,
        record.recorded_at,
        record.actor,
    )
