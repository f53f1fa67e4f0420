"""One batch of appends inside one transaction: each is judged by its own condition, against those before it too."""

from __future__ import annotations

import sqlite3
from uuid import UUID

import msgspec

from diptych.model.criteria import Clause, Guard
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, NewEvent, Record, Recorded
from diptych.stores.sqlite import statements
from diptych.stores.sqlite.connection import sql
from diptych.stores.sqlite.newest import AnyType, Newest, TagIds

_VERSION = 76  # the bit of a UUID where its version begins
_TIME_ORDERED = 7
_CRITERIA = 1000
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[str, ...]).decode

EventRow = tuple[int, int, str, bytes, bytes | int, int, bytes]
RecordRow = tuple[bytes, str, bytes, bytes, int, int, str | None]


class Tail:
    """Where the log ends, as the one writer sees it, and the rows that the running batch will add there.

    Nothing is written before `flush`: a conflict needs no rollback, and the appends around it never notice.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.head: int = connection.execute(sql("log_select_head")).fetchone()[0]
        row = connection.execute(sql("log_select_recorded_at"), (self.head,)).fetchone()
        self.recorded_at: int = row[0] if row else 0
        self._tags = TagIds(connection)
        self._newest = Newest(connection, self.head)
        self._types: dict[tuple[str, int], int] = {}
        self._named: dict[tuple[str, ...], tuple[int, ...]] = {}
        for type_id, name, version in connection.execute(sql("log_select_types"), (0,)):
            self._types[name, version] = type_id
        self._events: list[EventRow] = []
        self._event_tags: list[tuple[int, int, int]] = []
        self._records: dict[int, RecordRow] = {}  # by the number of the command's id

    def add(self, append: Append, *, look_up: bool) -> AppendOutcome:
        """Judge an append and, when it holds, note its rows.

        Unless asked, the file is not searched for an id of version 7 that meets no conflict: it is new, and if not,
        the primary key refuses the batch.
        """
        record = append.record
        if record is not None:
            number = record.id.int
            noted = self._records.get(number)
            if noted is not None:
                return Recorded(Record(record.id, *noted[1:]))
            found = self._recorded(record.id) if look_up or not _is_new(number) else None
            if found is not None:
                return Recorded(found)
        for guard in append.condition:
            forbidden = self._forbidden(guard)
            if forbidden:
                found = self._recorded(record.id) if record is not None else None
                return Recorded(found) if found else Conflicted(forbidden)
        return self._accept(append)

    def flush(self) -> int:
        """Insert what was noted; return the number of rows."""
        many = self._connection.executemany
        if self._tags.fresh:
            many(sql("log_insert_tag"), [(number, tag) for tag, number in self._tags.fresh.items()])
        if self._events:
            many(sql("log_insert_event"), self._events)
            self._event_tags.sort()
            many(sql("log_insert_event_tag"), self._event_tags)
        if self._records:
            many(sql("log_insert_command"), self._records.values())
        return len(self._events) + len(self._event_tags) + len(self._records)

    def settle(self) -> None:
        """Start the next batch: this one is committed."""
        self._events.clear()
        self._event_tags.clear()
        self._records.clear()
        self._tags.settle()
        self._newest.settle(self.head)

    def _accept(self, append: Append) -> Appended:
        recorded_at = max(append.now, self.recorded_at)
        record = append.record
        if append.events:
            first, last = self.head + 1, self.head + len(append.events)
            self._note(append, first, recorded_at)
            self.head, self.recorded_at = last, recorded_at
        else:
            first = last = self.head if record is None else record.position
        if record is not None:
            told = (record.name, record.fingerprint, record.answer, last, recorded_at, record.actor)
            self._records[record.id.int] = (record.id.bytes, *told)
        return Appended(first, last, recorded_at)

    def _note(self, append: Append, first: int, recorded_at: int) -> None:
        rows = self._events
        metadata: bytes | int = append.metadata
        for position, event in enumerate(append.events, start=first):
            type_id = self._types.get((event.name, event.version)) or self._new_type(event)
            tags = event.tags
            rows.append((position, type_id, _encode(tags).decode(), event.data, metadata, recorded_at, event.hash))
            self._newest.seen_type(type_id, position)
            for tag in tags if len(tags) == 1 else dict.fromkeys(tags):
                tag_id = self._tags.make(tag)
                self._event_tags.append((tag_id, type_id, position))
                self._newest.seen(tag_id, type_id, position)
            metadata = first  # the others of the append only point to the first

    def _new_type(self, event: NewEvent) -> int:
        type_id = self._connection.execute(sql("log_insert_type"), (event.name, event.version)).lastrowid or 0
        self._types[event.name, event.version] = type_id
        self._named.clear()
        return type_id

    def _recorded(self, command_id: UUID) -> Record | None:
        row = self._connection.execute(sql("log_select_command"), (command_id.bytes,)).fetchone()
        return Record(command_id, *row) if row else None

    def _forbidden(self, guard: Guard) -> int:
        clause, after = guard.clause, guard.after
        if self.head <= after:
            return 0
        types = self._ids(clause.types) if clause.types else AnyType
        if not clause.tags:
            return self._newest.of_type(types, after) if clause.types else self.head
        forbidden = 0
        for name in clause.tags:
            tag = self._tags.find(name)
            forbidden = self._newest.of_tag(tag, types, after) if tag else 0
            if not forbidden:
                return 0
        return forbidden if len(clause.tags) == 1 else self._search(clause, after)

    def _search(self, clause: Clause, after: int) -> int:
        # Each of the tags stands on a later event; whether all stand on one, only the rows know.
        tags = [self._tags.find(tag) for tag in clause.tags]
        types = self._ids(clause.types) if clause.types else ()
        wanted = set(clause.tags)
        for position, type_id, noted, *_ in reversed(self._events):
            if (not types or type_id in types) and position > after and wanted <= set(_decode(noted)):
                return position
        statement = statements.newest_of_tags(len(types), len(tags))
        found: int = self._connection.execute(
            statement, (tags[0], *statements.padded(types), after, *tags[1:])
        ).fetchone()[0]
        return found

    def _ids(self, names: tuple[str, ...]) -> tuple[int, ...]:
        found = self._named.get(names)
        if found is None:
            found = tuple(type_id for (name, _), type_id in self._types.items() if name in names)
            if len(self._named) > _CRITERIA:
                self._named.clear()
            self._named[names] = found
        return found


def _is_new(number: int) -> bool:
    return number >> _VERSION & 0xF == _TIME_ORDERED
