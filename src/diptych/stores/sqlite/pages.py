"""Reading the log file on one connection, in the thread that owns it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec

from diptych.errors import StoreError
from diptych.model.criteria import Clause, Criteria
from diptych.ports import BareSlice, Copy, Record, Slice, StoredEvent, Wanted
from diptych.stores.density import dense
from diptych.stores.forks import FORKS
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite import statements
from diptych.stores.sqlite.connection import sql
from diptych.stores.sqlite.copied import copied
from diptych.stores.sqlite.faults import store_error

_FEW_EVENTS = 64
_FEW_MERGED = 8
_ALL: statements.Columns = "log_event_columns"
_BARE: statements.Columns = "log_bare_columns"
_NAMED = 1000
_FEW_TYPES = 4  # up to here the index on types beats the scan
_position = attrgetter("position")
_tags_of = msgspec.json.Decoder(tuple[str, ...]).decode

Row = tuple[Any, ...]  # Any: what SQLite returns


class LogPages:
    """Read pages of the log. What is committed never changes, so several statements agree up to a head read first."""

    def __init__(self, connection: sqlite3.Connection, head: KnownHead) -> None:
        self._connection = connection
        self._forks = FORKS.count
        self._head = head
        self._types: dict[int, tuple[str, int]] = {}
        self._ids_of: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._statements = {name: sql(name) for name in ("log_select_head", "log_select_types", "log_select_command")}

    def head(self) -> int:
        """Read the position of the last event, and tell everybody who waits for it."""
        position: int = self._rows(self._statements["log_select_head"])[0][0]
        if position > self._head.position:
            self._head.publish(position)
        return position

    def types(self) -> list[tuple[str, int, int]]:
        """Read the stored names and versions of events, and count each by its index."""
        return [(name, version, count) for name, version, count in self._rows(sql("log_count_types")) if count]

    def record(self, command_id: UUID) -> Record | None:
        """Read the record of a command."""
        rows = self._rows(self._statements["log_select_command"], (command_id.bytes,))
        return Record(command_id, *rows[0]) if rows else None

    def records(self, wanted: Wanted, before: tuple[int, bytes], limit: int) -> list[Record]:
        """Read the newest records below `before`: all are looked at, in the order of their ids."""
        bound = (*before, wanted.since, wanted.name, wanted.principal, limit)
        return [Record(UUID(bytes=each[0]), *each[1:]) for each in self._rows(sql("log_list_commands"), bound)]

    def records_after(self, command_id: UUID, limit: int) -> list[Record]:
        """Read the records beyond this id, in the order of ids."""
        rows = self._rows(sql("log_commands_after"), (command_id.bytes, limit))
        return [Record(UUID(bytes=each[0]), *each[1:]) for each in rows]

    def copied(self) -> Copy | None:
        """Read how far the log is a copy of another one."""
        return copied(self._connection)

    def read(self, criteria: Criteria, after: int, until: int | None, limit: int, *, backwards: bool) -> Slice:
        """Read one slice, as the port says."""
        clauses = criteria.clauses
        known = self._head.position
        last = statements.FOREVER if until is None else until
        if len(clauses) == 1 and clauses[0].tags:
            events = self._tagged(clauses[0], after, last, limit + 1, backwards=backwards)
        else:
            known = self.head()
            last = min(last, known)
            events = self._merged(clauses, after, last, limit + 1, backwards=backwards)
        seen = max(events[0].position, events[-1].position) if events else 0
        return _sliced(events, limit, min(max(known, seen), last), backwards=backwards)

    def read_bare(self, clause: Clause, after: int, limit: int) -> BareSlice:
        """Read one slice of events with tags, as `ports.BareReader` says."""
        known = self._head.position
        rows = self._tagged_rows(clause, after, statements.FOREVER, limit + 1, backwards=False, columns=_BARE)
        complete = len(rows) <= limit
        if not complete:
            del rows[limit:]
        last = rows[-1][0] if rows else 0
        return BareSlice(rows, self._types, max(known, last) if complete else last, complete)

    def count(self, criteria: Criteria, after: int, until: int | None) -> int:
        """Count what a read would find, from the indexes alone."""
        head = self.head()
        last = head if until is None else min(until, head)
        clauses = criteria.clauses
        if any(not (clause.types or clause.tags) for clause in clauses):
            return max(0, last - after)  # positions are dense
        if len(clauses) == 1:
            return sum(self._counted(clauses[0], after, last))
        return len({position for clause in clauses for position in self._positions(clause, after, last)})

    def one(self, name: str, *bound: int) -> Any:  # Any: what SQLite returns
        """Return the first value that the statement of this name finds."""
        return self._rows(sql(name), bound)[0][0]

    def _merged(
        self, clauses: Iterable[Clause], after: int, last: int, limit: int, *, backwards: bool
    ) -> list[StoredEvent]:
        found = [self._clause(clause, after, last, limit, backwards=backwards) for clause in clauses]
        if len(found) == 1:
            return found[0]
        merged = {event.position: event for events in found for event in events}
        return sorted(merged.values(), key=_position, reverse=backwards)[:limit]

    def _clause(self, clause: Clause, after: int, last: int, limit: int, *, backwards: bool) -> list[StoredEvent]:
        if clause.tags:
            return self._tagged(clause, after, last, limit, backwards=backwards)
        if not clause.types:
            rows = self._rows(statements.log(0, backwards=backwards), (after, last, limit))
            return dense(self._events(rows, backwards=backwards))
        ids = self._ids(clause.types)
        if not ids:
            return []
        if len(ids) <= _FEW_TYPES:
            bound = (*(value for each in ids for value in (each, after, last)), limit)
            rows = self._rows(statements.typed(len(ids), backwards=backwards), bound)
        else:
            wanted = (after, last, *statements.padded(ids), limit)
            rows = self._rows(statements.log(len(ids), backwards=backwards), wanted)
        return self._events(rows, backwards=backwards)

    def _tagged(self, clause: Clause, after: int, last: int, limit: int, *, backwards: bool) -> list[StoredEvent]:
        rows = self._tagged_rows(clause, after, last, limit, backwards=backwards, columns=_ALL)
        return self._events(rows, backwards=backwards)

    def _tagged_rows(
        self, clause: Clause, after: int, last: int, limit: int, *, backwards: bool, columns: statements.Columns
    ) -> list[Row]:
        """Read a page of tagged events, in order, their types known."""
        rows = self._merged_rows(clause, after, last, limit, backwards=backwards, columns=columns)
        if rows is None:
            rows = self._sorted_rows(clause, after, last, limit, backwards=backwards, columns=columns)
            rows.sort(reverse=backwards)  # SQLite promises no order of the outer query
            if not self._types.keys() >= {row[1] for row in rows}:
                self._refresh()
        return rows

    def _merged_rows(
        self, clause: Clause, after: int, last: int, limit: int, *, backwards: bool, columns: statements.Columns
    ) -> list[Row] | None:
        """Read such a page by one statement where the types are few and known; None where they are not."""
        tags, first = clause.tags, statements.FOREVER if backwards else 0
        if not self._types:
            self._refresh()
        for _ in range(2):
            ids = self._known_ids(clause.types)
            if not 0 < len(ids) <= _FEW_MERGED:
                break
            statement = statements.merged(len(ids), len(tags), backwards=backwards, columns=columns)
            rows = self._rows(statement, (first, len(self._types), after, last, limit, *tags, *ids))
            if not rows or rows[0][1] is not None:
                return rows
            self._refresh()  # there is a type that was not known
        return None

    def _sorted_rows(
        self, clause: Clause, after: int, last: int, limit: int, *, backwards: bool, columns: statements.Columns
    ) -> list[Row]:
        types, tags = len(clause.types), len(clause.tags)
        bound, few = _tagged_bound(clause, after, last), min(limit, _FEW_EVENTS)
        rows = self._rows(statements.tagged_few(types, tags, columns), (*bound, few))
        if len(rows) < few:
            return rows
        # There may be more, and then the order counts: little was read in vain.
        return self._rows(statements.tagged(types, tags, backwards=backwards, columns=columns), (*bound, limit))

    def _counted(self, clause: Clause, after: int, last: int) -> Iterator[int]:
        if clause.tags:
            statement = statements.counted_tagged(len(clause.types), len(clause.tags))
            yield self._rows(statement, _tagged_bound(clause, after, last))[0][0]
        else:
            for type_id in self._ids(clause.types):
                yield self._rows(sql("log_count_of_type"), (type_id, after, last))[0][0]

    def _positions(self, clause: Clause, after: int, last: int) -> Iterator[int]:
        found: list[list[Row]] = []
        if clause.tags:
            statement = statements.positions_tagged(len(clause.types), len(clause.tags))
            found.append(self._rows(statement, _tagged_bound(clause, after, last)))
        else:
            arm = sql("log_positions_of_type")
            found += [self._rows(arm, (type_id, after, last)) for type_id in self._ids(clause.types)]
        return (position for rows in found for (position,) in rows)

    def _rows(self, statement: str, bound: Sequence[object] = ()) -> list[Row]:
        if FORKS.count != self._forks:
            raise StoreError("this log was opened before the process forked; open it again in the child")
        try:
            rows: list[Row] = self._connection.execute(statement, bound).fetchall()
        except sqlite3.Error as wrong:
            raise store_error(wrong) from wrong
        return rows

    def _events(self, rows: list[Row], *, backwards: bool) -> list[StoredEvent]:
        rows.sort(reverse=backwards)  # SQLite promises no order of the outer query
        types, events = self._types, []
        text = ""
        tags: tuple[str, ...] = ()
        for position, type_id, noted, data, metadata, recorded_at, digest in rows:
            if noted != text:  # the events of one entity mostly carry the same tags
                text, tags = noted, _tags_of(noted)
            name, version = types.get(type_id) or self._type(type_id)
            events.append(StoredEvent(position, name, version, tags, data, metadata, recorded_at, digest))
        return events

    def _ids(self, names: tuple[str, ...]) -> tuple[int, ...]:
        self._refresh()
        return self._known_ids(names)

    def _known_ids(self, names: tuple[str, ...]) -> tuple[int, ...]:
        """Return the ids of the known types of these names, of all types where none is named."""
        ids = self._ids_of.get(names)
        if ids is None:
            ids = tuple(type_id for type_id, (name, _) in self._types.items() if not names or name in names)
            if len(self._ids_of) < _NAMED:
                self._ids_of[names] = ids
        return ids

    def _type(self, type_id: int) -> tuple[str, int]:
        self._refresh()
        return self._types[type_id]

    def _refresh(self) -> None:
        known = len(self._types)  # ids are dense
        for type_id, name, version in self._rows(self._statements["log_select_types"], (known,)):
            self._types[type_id] = (name, version)
        if len(self._types) > known:
            self._ids_of.clear()


def _tagged_bound(clause: Clause, after: int, last: int) -> tuple[object, ...]:
    names = statements.padded(clause.types) if clause.types else ()
    return (clause.tags[0], *names, *clause.tags[1:], after, last)


def _sliced(events: list[StoredEvent], limit: int, through: int, *, backwards: bool) -> Slice:
    if len(events) <= limit:
        return Slice(events, through, complete=True)
    del events[limit:]
    return Slice(events, through if backwards or not events else events[-1].position, complete=False)
