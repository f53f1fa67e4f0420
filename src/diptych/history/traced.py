"""Traced: what a trace tells, as values, and as values that JSON can hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from diptych.history.blame import FieldChange
from diptych.history.sent import SentCommand
from diptych.model.projections import Key

Standing = Literal["passed", "pending", "failing", "skipped"]
"""Where a subscriber stands beside an event: its checkpoint passed it (it handled it, unless it began later), ..."""


@dataclass(frozen=True, slots=True)
class ChangedRow:
    """Tell what an event did to one row; `fields` is None where knowing them takes reading too much."""

    key: Key
    fields: tuple[FieldChange, ...] | None
    deleted: bool = False
    added: bool = False


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """Tell which rows of a read model an event changed.

    `folded` says whether the projection holds the event yet; `whole` is False where there may be more rows.
    """

    model: str
    rows: tuple[ChangedRow, ...]
    folded: bool = True
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """Tell where a subscriber that reacts to an event stands beside it."""

    subscriber: str
    standing: Standing


@dataclass(frozen=True, slots=True)
class TracedEvent:
    """Tell an event of the log: what became of rows, who reacts to it, which commands it caused.

    `id` is that of its envelope: a command sent with it as `causation` is caused by this event. Where an upcaster makes
    several events of it, it is that of the first, and what any of them caused is told.
    """

    position: int
    name: str
    version: int
    recorded_at: datetime
    id: UUID
    changes: tuple[ChangedRows, ...] = ()
    subscribers: tuple[Heard, ...] = ()
    caused: tuple[Trace, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """Tell a command, its events, and the commands that it caused itself, not by one of its events.

    `whole` is False where there is more than is told, or where not all was looked at that it may have caused.
    """

    command: SentCommand
    events: tuple[TracedEvent, ...] = ()
    caused: tuple[Trace, ...] = ()
    whole: bool = True


def told_sent(command: SentCommand) -> dict[str, Any]:
    """Return a command as a value that JSON can hold."""
    return {
        "command_id": command.command_id,
        "command": command.name,
        "outcome": command.outcome,
        "at": command.at,
        "principal": command.principal,
        "position": command.position,
        "reason": command.reason,
        "seconds": command.seconds,
        "correlation": command.correlation,
        "causation": command.causation,
        "content": command.content,
    }


def told_trace(trace: Trace) -> dict[str, Any]:
    """Return a trace as a value that JSON can hold, `codec.encode_answer` first."""
    return {
        **told_sent(trace.command),
        "events": [_event(each) for each in trace.events],
        "caused": [told_trace(each) for each in trace.caused],
        "whole": trace.whole,
    }


def _event(event: TracedEvent) -> dict[str, Any]:
    return {
        "position": event.position,
        "event": event.name,
        "version": event.version,
        "recorded_at": event.recorded_at,
        "id": event.id,
        "changes": [_rows(each) for each in event.changes],
        "subscribers": {each.subscriber: each.standing for each in event.subscribers},
        "caused": [told_trace(each) for each in event.caused],
    }


def _rows(changed: ChangedRows) -> dict[str, Any]:
    rows = [
        {"key": list(each.key), "added": each.added, "deleted": each.deleted, "fields": _fields(each)}
        for each in changed.rows
    ]
    return {"model": changed.model, "folded": changed.folded, "whole": changed.whole, "rows": rows}


def _fields(row: ChangedRow) -> dict[str, Any] | None:
    if row.fields is None:
        return None
    return {each.field: {"before": each.before, "after": each.after} for each in row.fields}
