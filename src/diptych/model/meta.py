"""What is known about a command or an event beside its fields."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec


class Context(msgspec.Struct, frozen=True):
    """Tell a decision when it is made, for which command and on whose behalf."""

    now: datetime
    command_id: UUID
    principal: str | None = None


@dataclass(frozen=True, slots=True)
class Meta:
    """Tell a fold where its event stands in the log, when it was recorded (UTC) and who caused it.

    `index` counts the events that an upcaster makes of one stored event, from 0; they share the position.
    """

    position: int
    recorded_at: datetime
    actor: str | None = None
    command_id: UUID | None = None
    correlation: UUID | None = None
    index: int = 0
