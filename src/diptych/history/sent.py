"""Sent commands: who sent what, when, and what became of it; the accepted ones from their records in the log."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from diptych.ports import NEWEST, Attempt, AuditTrail, EventStore, Listed, Noted, Record, Trail, Wanted
from diptych.recorded import instant, micros_of
from diptych.write.noting import Noting

ACCEPTED = "accepted"
OUTCOMES = (
    ACCEPTED,
    "invalid",
    "refused",
    "not_found",
    "conflict",
    "forbidden",
    "key_reused",
    "failed",
    "cancelled",
    "unknown",
)
"""What may become of a command: the status of its result, or how it ended without one."""
_UNSURE = frozenset({"failed", "cancelled", "unknown"})
_SECOND = 1_000_000
_CURSOR = re.compile(r"(\d{1,18})(?:-([0-9a-f]{32})|\.(\d{1,18}))", re.ASCII)
_LAST_ID = b"\xff" * 17  # above every id


@dataclass(frozen=True, slots=True)
class SentCommand:
    """Tell who sent a command, when, and what became of it.

    `at` is when an accepted one was recorded, and when any other came. `position` is that of an accepted one; `reason`
    and `seconds` (how long its answer took) are those of the others, and `content` what the application keeps of them.
    """

    command_id: UUID
    name: str
    outcome: str
    at: datetime
    principal: str | None = None
    position: int | None = None
    reason: str | None = None
    seconds: float | None = None
    correlation: UUID | None = None
    causation: UUID | None = None
    content: Any = None


class CommandPage(NamedTuple):
    """A page of commands, the newest first, and the cursor of the next page; None after the last."""

    commands: tuple[SentCommand, ...]
    next: str | None


class SentCommands:
    """List what was sent to an application: `app.audit`."""

    def __init__(self, log: EventStore, trail: AuditTrail, noting: Noting | None) -> None:
        self._log, self._trail, self._noting = log, trail, noting

    async def page(
        self,
        *,
        name: str | None = None,
        principal: str | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> CommandPage:
        """Return at most `limit` commands, the newest first; `before` is the cursor of the page before.

        Accepted ones are found by reading every record of the log: a quarter of a second for two millions. Raises
        ValueError for an outcome that there is not, or a cursor that is none.
        """
        if outcome is not None and outcome not in OUTCOMES:
            raise ValueError(f"there is no outcome {outcome!r:.40}; there are: {', '.join(OUTCOMES)}")
        wanted = Wanted(0 if since is None else micros_of(since), name, principal)
        place = _place_of(before)
        records = await self._records(wanted, place, limit + 1) if outcome in (None, ACCEPTED) else ()
        noted = await self._noted(wanted, outcome, place, limit + 1) if outcome != ACCEPTED else ()
        found = sorted([*_of_records(records), *map(_of_noted, noted)], key=_order, reverse=True)
        cut = found[:limit]
        following = cut[-1].cursor if len(found) > limit else None
        return CommandPage(
            tuple([each.command for each in cut if not await self._took_effect(each.command)]), following
        )

    async def of(self, command_id: UUID) -> Sequence[SentCommand]:
        """Return everything that is known of a command id: its acceptance, or every attempt that was not accepted."""
        record = await self._log.record(command_id)
        attempts = [sent_of_attempt(each) for each in await self._trail.of_command(command_id)]
        if record is None:
            return attempts
        return [sent_of_record(record), *(each for each in attempts if each.outcome not in _UNSURE)]

    async def caused_by(self, causes: Sequence[UUID], *, limit: int) -> Sequence[SentCommand]:
        """Return the commands that were not accepted and whose causation is one of these, the oldest first."""
        return [sent_of_attempt(each) for each in await self._trail.caused_by(causes, limit=limit)]

    async def trail(self) -> Trail:
        """Return how many commands that were not accepted are kept, and how many were ever dropped, as stored."""
        return await self._trail.figures()

    async def written(self) -> None:
        """Return once all that this process noted is in the trail."""
        if self._noting is not None:
            await self._noting.written()

    @property
    def dropped(self) -> int:
        """Return how many commands this process dropped from the trail, for want of room or of a disk."""
        return 0 if self._noting is None else self._noting.dropped

    @property
    def waiting(self) -> int:
        """Return how many commands wait to be written to the trail."""
        return 0 if self._noting is None else self._noting.waiting

    async def _records(self, wanted: Wanted, place: _Place, limit: int) -> Sequence[Record]:
        if not isinstance(self._log, Listed):
            return ()
        return await self._log.records(wanted, before=(place.at, place.command), limit=limit)

    async def _noted(self, wanted: Wanted, outcome: str | None, place: _Place, limit: int) -> Sequence[Noted]:
        return await self._trail.attempts(wanted, outcome=outcome, before=(place.at, place.number), limit=limit)

    async def _took_effect(self, command: SentCommand) -> bool:
        """Say whether a command whose sender did not hear so was accepted: then its record tells of it."""
        return command.outcome in _UNSURE and await self._log.record(command.command_id) is not None


class _Place(NamedTuple):
    """Where a page ended; of one moment, accepted commands come first."""

    at: int
    command: bytes
    number: int


class _Found(NamedTuple):
    command: SentCommand
    place: tuple[int, int, bytes, int]

    @property
    def cursor(self) -> str:
        at, accepted, command, number = self.place
        return f"{at}-{command.hex()}" if accepted else f"{at}.{number}"


def sent_of_record(record: Record) -> SentCommand:
    """Return an accepted command."""
    at = instant(record.recorded_at)
    return SentCommand(record.id, record.name, ACCEPTED, at, record.actor, record.position)


def sent_of_attempt(attempt: Attempt) -> SentCommand:
    """Return a command that was not accepted."""
    return SentCommand(
        attempt.id,
        attempt.name,
        attempt.outcome,
        instant(attempt.at),
        attempt.principal,
        reason=attempt.reason,
        seconds=attempt.micros / _SECOND,
        correlation=attempt.correlation,
        causation=attempt.causation,
        content=None if attempt.content is None else msgspec.json.decode(attempt.content),
    )


def _of_records(records: Sequence[Record]) -> Iterator[_Found]:
    for each in records:
        yield _Found(sent_of_record(each), (each.recorded_at, 1, each.id.bytes, 0))


def _of_noted(noted: Noted) -> _Found:
    return _Found(sent_of_attempt(noted.attempt), (noted.attempt.at, 0, b"", noted.number))


def _order(found: _Found) -> tuple[int, int, bytes, int]:
    return found.place


def _place_of(cursor: str | None) -> _Place:
    if cursor is None:
        return _Place(NEWEST, _LAST_ID, NEWEST)
    found = _CURSOR.fullmatch(cursor)
    if found is None:
        raise ValueError(f"{cursor!r:.40} is no cursor: pass on the one of the page before")
    at, command, number = found.groups()
    return _Place(int(at), b"", int(number)) if command is None else _Place(int(at), bytes.fromhex(command), NEWEST)
