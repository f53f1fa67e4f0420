"""Causes: the events that changed a row, and who was behind them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from diptych.model.criteria import Criteria
from diptych.ports import EventReader
from diptych.recorded import instant, metadata_of


@dataclass(frozen=True, slots=True)
class Cause:
    """Name an event of the log, the command that it came of, and on whose behalf."""

    position: int
    event: str
    version: int
    recorded_at: datetime
    command: UUID | None = None
    actor: str | None = None
    correlation: UUID | None = None


async def causes_at(log: EventReader, positions: Iterable[int]) -> Mapping[int, Cause]:
    """Return the cause at each of these positions."""
    found: dict[int, Cause] = {}
    for position in dict.fromkeys(positions):
        stored = (await log.read(Criteria.all(), after=position - 1, until=position, limit=1)).events[0]
        known = metadata_of(stored.metadata)
        recorded = instant(stored.recorded_at)
        told = (recorded, known.command, known.actor, known.correlation)
        found[position] = Cause(position, stored.name, stored.version, *told)
    return found
