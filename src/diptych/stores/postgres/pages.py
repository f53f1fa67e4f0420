"""Pages of the log: what is asked of PostgreSQL for criteria, and how its rows become events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from diptych.model.criteria import Clause, Criteria
from diptych.ports import Slice, StoredEvent
from diptych.stores.density import dense
from diptych.stores.postgres.batch import text_of
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.hashes import id_of, ids_of
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
Asked = tuple[tuple[Any, ...], bool]
"""The arguments of a statement for clauses with tags, and whether one of the clauses has several."""


@lru_cache(maxsize=64)
def statement(name: str, schema: str, columns: str, order: str = "asc") -> str:
    """Return a reading statement for these columns, in this direction."""
    return sql(name, schema).format(columns=columns, order=order)


class Kinds(dict[Kind, tuple[str, int]]):
    """The stored name and version of every kind whose name is known."""

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self._names = names

    def __missing__(self, kind: Kind) -> tuple[str, int]:
        found = self[kind] = self._names[kind[0]], kind[1]
        return found


class LogPages:
    """Read pages of the log in one schema; the names of types are learnt once."""

    def __init__(self, schema: str) -> None:
        self._schema = schema
        self._names: dict[int, str] = {}
        self.kinds = Kinds(self._names)

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

    async def of_tag(
        self, connection: Connection, clause: Clause, bounds: Bounds, *, columns: str, order: str = "asc"
    ) -> Rows:
        """Return the rows of a clause with tags, of types that are known then."""
        after, last, limit = bounds
        tag, types, text, tags = tagged_of(clause)
        asked = (tag, after, last, types, text, limit, tags), tags is not None
        return await self._tagged(connection, ("read_of_tag", "read_tagged"), asked, columns=columns, order=order)

    async def of_tags(
        self, connection: Connection, clauses: Sequence[tuple[Clause, int]], limit: int, *, columns: str
    ) -> Rows:
        """Return the rows of several clauses, each beyond its own `after`; the last column tells of which, from 1."""
        *found, tags = columns_of(clauses)
        asked = (*found, FOREVER, limit, tags), any(tags)
        return await self._tagged(connection, ("read_of_tags", "read_many_tagged"), asked, columns=columns, order="asc")

    def events(self, rows: Rows) -> list[StoredEvent]:
        """Return full rows, of types that are known, as events."""
        names, text = self._names, ""
        tags: tuple[str, ...] = ()
        events = []
        for position, kind, version, noted, data, metadata, recorded_at, digest in rows:
            if noted != text:  # the events of one entity mostly carry the same tags
                text, tags = noted, _tags_of(noted)
            events.append(StoredEvent(position, names[kind], version, tags, data, metadata, recorded_at, digest))
        return events

    async def learn(self, connection: Connection, rows: Rows) -> bool:
        """Read the names of types again where a row has one that is not known; say whether every row has a type."""
        unknown = {row[1] for row in rows}.difference(self._names)
        if unknown - {None}:
            self._names.update(map(tuple, await connection.fetch(sql("select_types", self._schema))))
        return None not in unknown

    async def _tagged(
        self, connection: Connection, names: tuple[str, str], asked: Asked, *, columns: str, order: str
    ) -> Rows:
        """Read by the quick statement, and by the other one what it cannot tell: several tags, two tags of one hash."""
        (quick, exact), (arguments, has_several) = names, asked
        if not has_several:
            rows: Rows = await connection.fetch(statement(quick, self._schema, columns, order), *arguments[:-1])
            if await self.learn(connection, rows):
                return rows
        rows = await connection.fetch(statement(exact, self._schema, columns, order), *arguments)
        await self.learn(connection, rows)
        return rows

    async def _clause(self, connection: Connection, clause: Clause, bounds: Bounds, *, order: str) -> list[StoredEvent]:
        if clause.tags:
            return self.events(await self.of_tag(connection, clause, bounds, columns=FULL, order=order))
        if not clause.types:
            rows = await connection.fetch(statement("read_all", self._schema, FULL, order), *bounds)
            await self.learn(connection, rows)
            return dense(self.events(rows))
        name = "read_typed" if len(clause.types) <= _FEW_TYPES else "read_filtered"
        types = list(dict.fromkeys(map(id_of, clause.types)))
        rows = await connection.fetch(statement(name, self._schema, FULL, order), *bounds, types)
        await self.learn(connection, rows)
        return self.events(rows)


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


def columns_of(clauses: Sequence[tuple[Clause, int]]) -> tuple[list[Any], ...]:
    """Return clauses with tags, each with its own `after`, as the arguments of `of_tags`."""
    return (
        [id_of(clause.tags[0]) for clause, _ in clauses],
        [after for _, after in clauses],
        [ids_of(clause.types) for clause, _ in clauses],
        [text_of(clause.tags[:1])[1:-1] for clause, _ in clauses],
        [text_of(clause.tags) if len(clause.tags) > 1 else None for clause, _ in clauses],
    )


def _positions_arguments(clause: Clause, after: int, last: int) -> tuple[Any, ...]:
    tag = id_of(clause.tags[0]) if clause.tags else None
    types = [id_of(name) for name in clause.types] if clause.types else None
    return tag, text_of(clause.tags), types, after, last
