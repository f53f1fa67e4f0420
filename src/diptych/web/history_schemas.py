"""How the past is asked for, as parts of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from diptych.history.refold import LIMIT

Schema = dict[str, Any]  # Any: JSON Schema is open

_CHOICES = [{"type": "integer", "minimum": 0, "maximum": 10**18 - 1}, {"type": "string", "format": "date-time"}]
AS_OF: Schema = {
    "name": "as_of",
    "in": "query",
    "required": False,
    "description": "Answer as it was at this position or time (with a zone): the last position recorded by then.",
    "schema": {"anyOf": _CHOICES, "examples": [123, "2026-01-31T12:00:00Z"]},
}
_MOMENT: Schema = {"anyOf": _CHOICES, "description": "A position, or a time with a zone."}
_CAUSE: Mapping[str, Schema] = {
    "at": {"type": "integer", "description": "The position of the event."},
    "event": {"type": "string"},
    "version": {"type": "integer"},
    "recorded_at": {"type": "string", "format": "date-time"},
    "command": {"type": ["string", "null"], "format": "uuid"},
    "actor": {"type": ["string", "null"]},
    "correlation": {"type": ["string", "null"], "format": "uuid"},
}
_CHANGED: Schema = {
    "type": "object",
    "additionalProperties": {"type": "object", "properties": {"before": {}, "after": {}}},
}
_EVENT: Schema = {
    "type": "object",
    "properties": {**_CAUSE, "deleted": {"type": "boolean"}, "changed": _CHANGED},
}
_ROW: Schema = {"type": ["object", "null"]}
_NAMED: Mapping[str, Schema] = {"model": {"type": "string"}, "key": {"type": "object"}}
_ANSWERS: Mapping[str, Mapping[str, Schema]] = {
    "blame": {
        "position": {"type": "integer"},
        "fields": {
            "type": "array",
            "items": {"type": "object", "properties": {"field": {"type": "string"}, "value": {}, **_CAUSE}},
        },
    },
    "diff": {
        "from": {"type": "integer"},
        "to": {"type": "integer"},
        "before": _ROW,
        "after": _ROW,
        "fields": _CHANGED,
        "events": {"type": "array", "items": _EVENT},
    },
    "versions": {
        "versions": {"type": "array", "items": {**_EVENT, "properties": {**_EVENT["properties"], "row": _ROW}}}
    },
}
_ARGUMENTS: Mapping[str, Mapping[str, Schema]] = {
    "blame": {"field": {"type": "string"}, "as_of": _MOMENT},
    "diff": {"from": _MOMENT, "to": _MOMENT},
    "versions": {
        "as_of": _MOMENT,
        "after": {"type": "integer"},
        "count": {"type": "integer", "minimum": 1, "maximum": 1000},
    },
}
_SUMMARIES: Mapping[str, str] = {
    "blame": "Which event, command and principal set each field of a row.",
    "diff": "What became of a row between two moments, and by which events.",
    "versions": "Every version of a row, the oldest first.",
}
_KEY: Schema = {"type": "string", "description": "The value of the key column; several parted by commas, as in CSV."}
_EVENTS = "How many events may be read for a row without history."
_LIMIT: Schema = {"type": "integer", "maximum": LIMIT, "description": _EVENTS}


def history_paths(models: Iterable[str]) -> Mapping[str, Schema]:
    """Return the paths that tell the past of rows of these read models."""
    names = list(models)
    return (
        {f"/history/{{model}}/{{key}}/{what}": {"get": _operation(what, names)} for what in _ANSWERS} if names else {}
    )


def _operation(what: str, models: list[str]) -> Schema:
    return {
        "operationId": f"history.{what}",
        "tags": ["history"],
        "summary": _SUMMARIES[what],
        "parameters": [
            _parameter("model", "path", {"enum": models}),
            _parameter("key", "path", _KEY),
            *_arguments(what),
        ],
        "responses": {
            "200": {
                "description": "The answer.",
                "headers": {"Diptych-Position": {"$ref": "#/components/headers/Diptych-Position"}},
                "content": {"application/json": {"schema": _answer(what)}},
            },
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }


def _answer(what: str) -> Schema:
    return {"type": "object", "properties": {**_NAMED, **_ANSWERS[what]}}


def _arguments(what: str) -> list[Schema]:
    given = {**_ARGUMENTS[what], "limit": _LIMIT}
    return [{**_parameter(name, "query", each), "required": name in ("from", "to")} for name, each in given.items()]


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": True, "schema": schema}
