"""The audit trail in an SQLite file of its own beside the log: no command waits for its lock or its disk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from diptych.ports import Attempt, Noted, Trail, Wanted
from diptych.stores.sqlite.audit_file import AuditFile
from diptych.stores.sqlite.own_file import OwnFile


class SqliteAuditTrail(OwnFile[AuditFile]):
    """Keep attempts in a file; one thread of its own does the work. Looking makes no file.

    `synchronous=NORMAL`: a kill takes back nothing of what was stored, a power cut perhaps the last moments.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "audit", AuditFile)

    async def add(self, attempts: Sequence[Attempt], *, dropped: int, keep: int, since: int) -> None:
        """Store all of these attempts or none, and forget what there is no room for."""
        await self._run(lambda: self._opened().add([_values(each) for each in attempts], dropped, keep, since))

    async def attempts(
        self, wanted: Wanted, *, outcome: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[Noted]:
        """Return at most `limit` attempts below `before`, the newest first."""
        given = (*before, wanted.since, wanted.name, wanted.principal, outcome, limit)
        return [_noted(row) for row in await self._rows("list", *given)]

    async def of_command(self, command_id: UUID) -> Sequence[Attempt]:
        """Return every attempt of a command id, the oldest first."""
        return [_noted(row).attempt for row in await self._rows("of_command", command_id.bytes)]

    async def caused_by(self, causes: Sequence[UUID], *, limit: int) -> Sequence[Attempt]:
        """Return the attempts whose causation is one of these, the oldest first, at most `limit`."""
        listed = json.dumps([each.hex.upper() for each in causes])
        return [_noted(row).attempt for row in await self._rows("caused_by", listed, limit)]

    async def figures(self) -> Trail:
        """Return how much the trail holds, and how much was dropped."""
        rows = await self._rows("figures")
        return Trail(*rows[0]) if rows else Trail(0, 0)

    async def _rows(self, name: str, *values: Any) -> Sequence[tuple[Any, ...]]:
        def read() -> Sequence[tuple[Any, ...]]:
            return self._opened().rows(name, *values) if self._is_there() else ()

        return await self._run(read)


def _values(attempt: Attempt) -> tuple[Any, ...]:
    return (
        attempt.id.bytes,
        attempt.name,
        attempt.outcome,
        attempt.at,
        attempt.micros,
        attempt.principal,
        attempt.reason,
        None if attempt.correlation is None else attempt.correlation.bytes,
        None if attempt.causation is None else attempt.causation.bytes,
        attempt.content,
    )


def _noted(row: Sequence[Any]) -> Noted:
    number, command, name, outcome, at, micros, principal, reason, correlation, causation, content = row
    told = (UUID(bytes=command), name, outcome, at, micros, principal, reason)
    return Noted(number, Attempt(*told, _id(correlation), _id(causation), content))


def _id(stored: bytes | None) -> UUID | None:
    return None if stored is None else UUID(bytes=stored)
