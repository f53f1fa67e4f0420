"""The audit trail in the schema of the log, on a connection of its own: no command waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from diptych.ports import Attempt, Noted, Trail, Wanted
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.link import RELAXED, Link
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.texts import storable


class PostgresAuditTrail:
    """Keep attempts, a batch by one statement.

    `synchronous_commit=off`: a kill of this process takes back nothing of what was stored, a crash of the server
    perhaps the last moments. NUL and lone surrogates in what somebody sent become U+FFFD.
    """

    def __init__(self, address: Address) -> None:
        self._schema, self._link = address.schema, Link(address, "audit", settings=RELAXED)

    async def __aenter__(self) -> Self:
        self._link.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._link.close()

    async def add(self, attempts: Sequence[Attempt], *, dropped: int, keep: int, since: int) -> None:
        """Store all of these attempts or none, and forget what there is no room for."""
        columns = [list(column) for column in zip(*map(_values, attempts), strict=True)] if attempts else [[]] * 10

        async def stored(connection: Connection) -> None:
            await connection.execute(self._sql("add"), *columns, dropped, keep, since)

        await self._link.commit(stored)

    async def attempts(
        self, wanted: Wanted, *, outcome: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[Noted]:
        """Return at most `limit` attempts below `before`, the newest first."""
        named = (wanted.since, storable(wanted.name), storable(wanted.principal), outcome, limit)
        return [_noted(row) for row in await self._rows("list", *before, *named)]

    async def of_command(self, command_id: UUID) -> Sequence[Attempt]:
        """Return every attempt of a command id, the oldest first."""
        return [_noted(row).attempt for row in await self._rows("of_command", command_id)]

    async def caused_by(self, causes: Sequence[UUID], *, limit: int) -> Sequence[Attempt]:
        """Return the attempts whose causation is one of these, the oldest first, at most `limit`."""
        return [_noted(row).attempt for row in await self._rows("caused_by", list(causes), limit)]

    async def figures(self) -> Trail:
        """Return how much the trail holds, and how much was dropped."""
        return Trail(*(await self._rows("figures"))[0])

    async def _rows(self, name: str, *values: Any) -> Sequence[Sequence[Any]]:
        rows: Sequence[Sequence[Any]] = await self._link.read(
            lambda connection: connection.fetch(self._sql(name), *values)
        )
        return rows

    def _sql(self, name: str) -> str:
        return sql(f"audit_{name}", self._schema)


def _values(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.id,
        storable(attempt.name),
        attempt.outcome,
        attempt.at,
        attempt.micros,
        storable(attempt.principal),
        storable(attempt.reason),
        attempt.correlation,
        attempt.causation,
        attempt.content,
    )


def _noted(row: Sequence[Any]) -> Noted:
    number, command, name, outcome, at, micros, principal, reason, correlation, causation, content = row
    told = (UUID(int=command.int), name, outcome, at, micros, principal, reason)
    return Noted(number, Attempt(*told, _id(correlation), _id(causation), content))


def _id(stored: UUID | None) -> UUID | None:
    # asyncpg's is a class of its own, which not every encoder takes.
    return None if stored is None else UUID(int=stored.int)
