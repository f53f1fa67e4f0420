"""Proving a log: every hash, the density of positions, the tag rows and the records."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from diptych.codec import verify_content
from diptych.errors import CorruptionError
from diptych.model.criteria import Criteria
from diptych.ports import StoredEvent
from diptych.stores.postgres.batch import text_of
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.hashes import id_of, tag_ids
from diptych.stores.postgres.pages import FOREVER, LogPages
from diptych.stores.postgres.readers import Readers
from diptych.stores.postgres.statements import sql

_PAGE = 2000


async def verified(readers: Readers, pages: LogPages, schema: str) -> AsyncIterator[int]:
    """Read all again and yield how far it is right; raise CorruptionError naming the first position that is not."""
    position = recorded_at = tag_rows = 0

    async def page(connection: Connection) -> Sequence[StoredEvent]:
        found = await pages.page(connection, Criteria.all(), (position, FOREVER, _PAGE), order="asc")
        if found:
            await _verify_tags(connection, found, schema)
        return found

    async def whole(connection: Connection) -> None:
        await _verify_whole(connection, schema, position, tag_rows)

    while events := await readers.run(page):
        for event in events:
            position += 1
            _verify_event(event, position, recorded_at)
            recorded_at = event.recorded_at
            tag_rows += len(set(tag_ids(event.tags)))
        yield position
    await readers.run(whole)
    if not position:
        yield 0


def _verify_event(event: StoredEvent, position: int, recorded_at: int) -> None:
    if event.position != position:
        raise CorruptionError(f"position {position} is missing: the next event lies at {event.position}")
    verify_content(position, event.hash, event.name, event.version, event.tags, event.data, event.metadata)
    if event.recorded_at < recorded_at:
        raise CorruptionError(f"the event at position {position} was recorded before the one that it follows")


async def _verify_tags(connection: Connection, events: Sequence[StoredEvent], schema: str) -> None:
    known = {text_of((tag,))[1:-1]: id_of(tag) for event in events for tag in event.tags}
    bounds = events[0].position - 1, events[-1].position
    wrong = await connection.fetchval(sql("wrong_tags", schema), *bounds, list(known), list(known.values()))
    if wrong:
        raise CorruptionError(f"the event at position {wrong} lacks a row for one of its tags")


async def _verify_whole(connection: Connection, schema: str, position: int, tag_rows: int) -> None:
    rows = await connection.fetchval(sql("count_event_tags", schema), position)
    if rows != tag_rows:
        raise CorruptionError(f"up to position {position} there are {rows} tag rows, not {tag_rows}")
    head = await connection.fetchval(sql("select_head", schema))
    beyond = await connection.fetchval(sql("command_beyond", schema))
    if beyond > head:
        raise CorruptionError(f"a command record names position {beyond}, which the log does not have")
