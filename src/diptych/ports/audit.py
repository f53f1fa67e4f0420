"""The audit trail: commands that were not accepted. Those that were have their records in the log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import UUID

import msgspec

from diptych.ports.log import Record
from diptych.ports.rows import Opened

NEWEST = (1 << 63) - 1


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """A command that was not accepted: who sent what, when, and why not.

    `at` is when it came, in microseconds since 1970 UTC; `micros` is how long its answer took. `outcome` is the status
    of its result, or `key_reused`, `failed`, `cancelled`, `unknown`. `content` is JSON.
    """

    id: UUID
    name: str
    outcome: str
    at: int
    micros: int
    principal: str | None
    reason: str
    correlation: UUID | None = None
    causation: UUID | None = None
    content: bytes | None = None


class Noted(NamedTuple):
    """An attempt of the trail, and its number there: a later one has a greater."""

    number: int
    attempt: Attempt


class Wanted(msgspec.Struct, frozen=True):
    """Which commands a list shows: not before `since` (microseconds), of this name, this principal; None: of any."""

    since: int = 0
    name: str | None = None
    principal: str | None = None


class Trail(NamedTuple):
    """How many attempts a trail holds, and how many were ever dropped for want of room."""

    kept: int
    dropped: int


class AuditTrail(Opened, Protocol):
    """Keep attempts, the newest ones, in a place that no command waits for."""

    async def add(self, attempts: Sequence[Attempt], *, dropped: int, keep: int, since: int) -> None:
        """Store all of these attempts or none, and count those dropped; forget all but the newest `keep`.

        What came before `since` is forgotten too. Once it returns, a kill of the process takes nothing of it back; a
        power cut may. Raises StoreError when nothing was stored.
        """
        ...

    async def attempts(
        self, wanted: Wanted, *, outcome: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[Noted]:
        """Return at most `limit` attempts whose (at, number) lies below `before`, the newest first."""
        ...

    async def of_command(self, command_id: UUID) -> Sequence[Attempt]:
        """Return every attempt of a command id, the oldest first: a key may come back with other requests."""
        ...

    async def caused_by(self, causes: Sequence[UUID], *, limit: int) -> Sequence[Attempt]:
        """Return the attempts whose causation is one of these, the oldest first, at most `limit`."""
        ...

    async def figures(self) -> Trail:
        """Return how much the trail holds, and how much was dropped."""
        ...


@runtime_checkable
class Listed(Protocol):
    """Let the records of a log be listed, beside its daily work: reads every record, so it is no request's business."""

    async def records(self, wanted: Wanted, *, before: tuple[int, bytes], limit: int) -> Sequence[Record]:
        """Return at most `limit` records whose (recorded_at, id) lies below `before`, the newest first.

        Ids of the same microsecond are in the order of their bytes.
        """
        ...
