"""The audit trail in memory: what the store in a file promises, as long as the process lives."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from types import TracebackType
from typing import Self
from uuid import UUID

from diptych.ports import Attempt, Noted, Trail, Wanted


class MemoryAuditTrail:
    """Keep attempts in this process, the newest ones."""

    def __init__(self) -> None:
        self._noted: deque[Noted] = deque()
        self._number = self._dropped = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep everything: the trail is gone with the object."""

    async def add(self, attempts: Sequence[Attempt], *, dropped: int, keep: int, since: int) -> None:
        """Store all of these attempts, and forget the oldest beyond `keep`, and those from before `since`."""
        self._dropped += dropped
        for attempt in attempts:
            self._number += 1
            self._noted.append(Noted(self._number, attempt))
        while self._noted and (len(self._noted) > keep or self._noted[0].attempt.at < since):
            self._noted.popleft()

    async def attempts(
        self, wanted: Wanted, *, outcome: str | None, before: tuple[int, int], limit: int
    ) -> Sequence[Noted]:
        """Return at most `limit` attempts below `before`, the newest first."""
        newest = sorted(self._noted, key=_place, reverse=True)
        found = (each for each in newest if _place(each) < before and _fits(each.attempt, wanted, outcome))
        return tuple(islice(found, limit))

    async def of_command(self, command_id: UUID) -> Sequence[Attempt]:
        """Return every attempt of a command id, the oldest first."""
        return tuple(each.attempt for each in self._noted if each.attempt.id == command_id)

    async def caused_by(self, causes: Sequence[UUID], *, limit: int) -> Sequence[Attempt]:
        """Return the attempts whose causation is one of these, the oldest first, at most `limit`."""
        wanted = frozenset(causes)
        return tuple(islice((each.attempt for each in self._noted if each.attempt.causation in wanted), limit))

    async def figures(self) -> Trail:
        """Return how much the trail holds, and how much was dropped."""
        return Trail(len(self._noted), self._dropped)


def _place(noted: Noted) -> tuple[int, int]:
    return noted.attempt.at, noted.number


def _fits(attempt: Attempt, wanted: Wanted, outcome: str | None) -> bool:
    return (
        attempt.at >= wanted.since
        and wanted.name in (None, attempt.name)
        and wanted.principal in (None, attempt.principal)
        and outcome in (None, attempt.outcome)
    )
