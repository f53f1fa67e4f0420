"""Telling: what history knows, as values that JSON can hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diptych.history.blame import Blame, Diff, FieldChange, RowEvent
from diptych.history.causes import Cause
from diptych.model.projections import Key, ReadModel


def told_blame(model: ReadModel[Any], blame: Blame) -> dict[str, Any]:
    """Return a blame: each field with its value and its cause."""
    fields = [{"field": each.field, "value": each.value, **_cause(each.cause)} for each in blame.fields]
    return {**_row(model, blame.key), "position": blame.position, "fields": fields}


def told_diff(model: ReadModel[Any], diff: Diff) -> dict[str, Any]:
    """Return a diff: the row before and after, the fields that differ, and the events between."""
    return {
        **_row(model, diff.key),
        "from": diff.start,
        "to": diff.end,
        "before": _fields(model, diff.before),
        "after": _fields(model, diff.after),
        "fields": _changes(diff.fields),
        "events": [_event(each) for each in diff.events],
    }


def told_versions(model: ReadModel[Any], key: Key, versions: Sequence[RowEvent]) -> dict[str, Any]:
    """Return versions: each event with the row after it and the fields that it changed."""
    return {
        **_row(model, key),
        "versions": [{**_event(each), "row": _fields(model, each.row)} for each in versions],
    }


def _row(model: ReadModel[Any], key: Key) -> dict[str, Any]:
    return {"model": model.name, "key": dict(zip(model.key, key, strict=True))}


def _event(each: RowEvent) -> dict[str, Any]:
    return {**_cause(each.cause), "deleted": each.row is None, "changed": _changes(each.fields)}


def _changes(fields: Sequence[FieldChange]) -> dict[str, Any]:
    return {each.field: {"before": each.before, "after": each.after} for each in fields}


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "at": cause.position,
        "event": cause.event,
        "version": cause.version,
        "recorded_at": cause.recorded_at,
        "command": cause.command,
        "actor": cause.actor,
        "correlation": cause.correlation,
    }


def _fields(model: ReadModel[Any], row: Any) -> dict[str, Any] | None:
    if row is None:
        return None
    names = (each.name for each in model.columns if not (model.append_only and each.name in model.key))
    return {name: getattr(row, name) for name in names}
