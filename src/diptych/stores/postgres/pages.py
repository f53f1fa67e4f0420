"""Pages of the log: what is asked of PostgreSQL for criteria, and how its rows become events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from diptych.errors import CorruptionError
from diptych.model.criteria import Clause, Criteria
from diptych.ports import Slice, StoredEvent
from diptych.stores.postgres.batch import text_of
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.hashes import array_of, id_of
from diptych.stores.postgres.statements import sql

FOREVER = (1 << 63) - 1
FULL = "e.position, e.type, e.version, e.tags, e.data, e.metadata, e.recorded_at, e.hash"
BARE = "e.position, e.type, e.version, e.data"
"""What is read of an event: all of it, or what a fold takes that asks for no Meta."""

_FEW_TYPES = 4  # up to here the index of types beats the scan
_tags_of = msgspec.json.Decoder(tuple[str, ...]).decode
_position = attrgetter("position")

Rows = Sequence[Any]  # Any: records of asyncpg
Kind = tuple[int, int]
"""The id of a stored name, and a version of it."""
Bounds = tuple[int, int, int]
"""After which position, up to which, and how many events at most."""


@lru_cache(maxsize=64)
def statement(name: str, schema: str, columns: str, order: str = "asc") -> str:
    """Return a reading statement for these columns, in this direction."""
    return sql(name, schema).format(columns=columns, order=order)


class LogPages:
    """Read pages of the log in one schema; the names of types are learnt once."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._names: dict[int, str] = {}
        self.kinds: dict[Kind, tuple[str, int]] = {}

    async def head(self, connection: Connection) -> int:
        """Return the position of the last event."""
        head: int = await connection.fetchval(sql("select_head", self._schema))
        return head

    async def page(
        self, connection: Connection, criteria: Criteria, bounds: Bounds, *, order: str
    ) -> list[StoredEvent]:
        """Return the events within the bounds, in order; none is missing where all are asked for."""
        found = [await self._clause(connection, each, bounds, order=order) for each in criteria.clauses]
        if len(found) == 1:
            return found[0]
        return merged(found, order=order)[: bounds[-1]]

    async def count(self, connection: Connection, criteria: Criteria, after: int, until: int) -> int:
        """Return how many events match with after < position <= until."""
        last = min(until, await self.head(connection))
        if any(not (clause.types or clause.tags) for clause in criteria.clauses):
            return max(0, last - after)  # positions are dense
        asked = [_positions_arguments(clause, after, last) for clause in criteria.clauses]
        if len(asked) == 1:
            return int(await connection.fetchval(statement("find_positions", self._schema, "count(*)"), *asked[0]))
        found: set[int] = set()
        for each in asked:
            rows = await connection.fetch(statement("find_positions", self._schema, "found.position"), *each)
            found.update(position for (position,) in rows)
        return len(found)

    async def events(self, connection: Connection, rows: Rows) -> list[StoredEvent]:
        """Return full rows as events."""
        await self.learn(connection, rows)
        names, text = self._names, ""
        tags: tuple[str, ...] = ()
        events = []
        for position, kind, version, noted, data, metadata, recorded_at, digest in rows:
            if noted != text:  # the events of one entity mostly carry the same tags
                text, tags = noted, _tags_of(noted)
            events.append(StoredEvent(position, names[kind], version, tags, data, metadata, recorded_at, digest))
        return events

    async def bare(self, connection: Connection, rows: Rows) -> list[tuple[int, Kind, bytes]]:
        """Return bare rows as those of `ports.BareSlice`, with what `kinds` tells of theirs."""
        await self.learn(connection, rows)
        events = [(position, (kind, version), data) for position, kind, version, data in rows]
        for each in {each[1] for each in events} - self.kinds.keys():
            self.kinds[each] = (self._names[each[0]], each[1])
        return events

    async def learn(self, connection: Connection, rows: Rows) -> None:
        """Read the names of types again where a row has one that is not known."""
        names = self._names
        for row in rows:
            if row[1] not in names:
                names.update(map(tuple, await connection.fetch(sql("select_types", self._schema))))
                return

    async def _clause(self, connection: Connection, clause: Clause, bounds: Bounds, *, order: str) -> list[StoredEvent]:
        after, last, limit = bounds
        if clause.tags:
            text = statement("read_tagged", self._schema, FULL, order)
            tag, types, first, tags = tagged_of(clause)
            rows = await connection.fetch(text, tag, after, last, types, first, tags, limit)
            return await self.events(connection, rows)
        if not clause.types:
            rows = await connection.fetch(statement("read_all", self._schema, FULL, order), *bounds)
            return _dense(await self.events(connection, rows))
        name = "read_typed" if len(clause.types) <= _FEW_TYPES else "read_filtered"
        types = list(dict.fromkeys(map(id_of, clause.types)))
        rows = await connection.fetch(statement(name, self._schema, FULL, order), *bounds, types)
        return await self.events(connection, rows)


def merged(found: Iterable[list[StoredEvent]], *, order: str) -> list[StoredEvent]:
    """Return events in order, each once."""
    each = {event.position: event for events in found for event in events}
    return sorted(each.values(), key=_position, reverse=order == "desc")


def tagged_of(clause: Clause) -> tuple[int, list[int] | None, str, str | None]:
    """Return what finds the events of a clause with tags: first tag, types, its text, and all tags if several."""
    types = [id_of(name) for name in clause.types] if clause.types else None
    tags = text_of(clause.tags) if len(clause.tags) > 1 else None
    return id_of(clause.tags[0]), types, text_of(clause.tags[:1])[1:-1], tags


def sliced(events: list[StoredEvent], limit: int, through: int, *, order: str) -> Slice:
    """Return a slice of at most `limit` of one event more, and how far it reaches."""
    if len(events) <= limit:
        return Slice(events, through, complete=True)
    del events[limit:]
    return Slice(events, through if order == "desc" or not events else events[-1].position, complete=False)


def columns_of(clauses: Iterable[tuple[Clause, int]]) -> tuple[list[Any], ...]:
    """Return clauses with tags, each with its own `after`, as the arguments of `read_many_tagged`."""
    found = [(*tagged_of(clause), after) for clause, after in clauses]
    return (
        [tag for tag, *_ in found],
        [after for *_, after in found],
        [None if types is None else array_of(types) for _, types, *_ in found],
        [text for _, _, text, *_ in found],
        [tags for _, _, _, tags, _ in found],
    )


def _positions_arguments(clause: Clause, after: int, last: int) -> tuple[Any, ...]:
    tag = id_of(clause.tags[0]) if clause.tags else None
    types = [id_of(name) for name in clause.types] if clause.types else None
    return tag, text_of(clause.tags), types, after, last


def _dense(events: list[StoredEvent]) -> list[StoredEvent]:
    if events and abs(events[-1].position - events[0].position) != len(events) - 1:
        raise CorruptionError(f"a position is missing between {events[0].position} and {events[-1].position}")
    return events
