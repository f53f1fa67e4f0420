"""What the log says of the log that it is a copy of, and the writing of what is copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from diptych.ports import Copy, Origin, Record, StoredEvent, refuse_disorder, refuse_other
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.batch import text_of
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.hashes import id_of, tag_ids
from diptych.stores.postgres.link import Link
from diptych.stores.postgres.statements import sql

_EVENTS = ("position", "type", "version", "recorded_at", "tags", "data", "metadata", "hash")
_EVENT_TAGS = ("tag", "position", "type")
_origins = msgspec.json.Decoder(tuple[Origin, ...]).decode


async def copied(connection: Connection, schema: str) -> Copy | None:
    """Return how far the log is a copy; None for one that began by itself."""
    row = await connection.fetchrow(sql("select_copied", schema))
    if row is None:
        return None
    source, position, head, finished, origins = row
    return Copy(UUID(int=source.int), position, head, _origins(origins), finished)


async def records_after(connection: Connection, command_id: UUID, limit: int, *, schema: str) -> list[Record]:
    """Return the records beyond this id, in the order of ids."""
    rows = await connection.fetch(sql("commands_after", schema), command_id, limit)
    return [Record(UUID(int=row[0].int), *tuple(row)[1:]) for row in rows]


class LogReceiver:
    """Write what is copied from another log by COPY, page by page, each under the position lock."""

    def __init__(self, address: Address) -> None:
        self._schema, self._link = address.schema, Link(address, "log")

    def open(self) -> None:
        """Allow receiving; the first page connects."""
        self._link.open()

    async def close(self) -> None:
        """End after what was begun."""
        await self._link.close()

    async def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], before: Copy | None, after: Copy
    ) -> Copy:
        """Store a page and how far the copy is then, as `ports.Movable` says."""
        return await self._link.commit(lambda connection: self._receive(connection, events, records, before, after))

    async def _receive(
        self,
        connection: Connection,
        events: Sequence[StoredEvent],
        records: Sequence[Record],
        before: Copy | None,
        after: Copy,
    ) -> Copy:
        await connection.execute(self._sql("take_position"))
        head, recorded_at = await connection.fetchrow(self._sql("select_last")) or (0, 0)
        known = await connection.fetchval(self._sql("count_commands")) if before is None else 0
        refuse_other(await copied(connection, self._schema), before, head=head, records=known)
        refuse_disorder(events, head, recorded_at)
        if events:
            await self._insert(connection, events)
        if records:
            await connection.execute(self._sql("receive_commands"), *_columns(records))
        kept = replace(after, head=head + len(events))
        origins = msgspec.json.encode(kept.origins).decode()
        values = (kept.source, kept.position, kept.head, kept.finished, origins)
        await connection.execute(self._sql("put_copied"), *values)
        return kept

    async def _insert(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        names = sorted({event.name for event in events})
        await connection.execute(self._sql("name_types"), [id_of(name) for name in names], names)
        await self._fill(connection, "events", _EVENTS, [_row(event) for event in events])
        tagged = [(tag, e.position, id_of(e.name)) for e in events for tag in tag_ids(e.tags)]
        await self._fill(connection, "event_tags", _EVENT_TAGS, tagged)

    async def _fill(
        self, connection: Connection, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        await connection.copy_records_to_table(table, schema_name=self._schema, columns=columns, records=rows)

    def _sql(self, name: str) -> str:
        return sql(name, self._schema)


def _row(event: StoredEvent) -> tuple[Any, ...]:
    return (
        event.position,
        id_of(event.name),
        event.version,
        event.recorded_at,
        text_of(event.tags),
        event.data,
        event.metadata,
        event.hash,
    )


def _columns(records: Sequence[Record]) -> tuple[list[Any], ...]:
    return (
        [each.id for each in records],
        [each.name for each in records],
        [each.fingerprint for each in records],
        [each.answer for each in records],
        [each.position for each in records],
        [each.recorded_at for each in records],
        [each.actor for each in records],
    )
