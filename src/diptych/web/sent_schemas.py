"""How sent commands are asked for, as parts of the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diptych.history.sent import OUTCOMES
from diptych.web.sent import MOST, PAGE

Schema = dict[str, Any]  # Any: JSON Schema is open

_TIME: Schema = {"type": "string", "format": "date-time"}
_TEXT: Schema = {"type": ["string", "null"]}
_ID: Schema = {"type": ["string", "null"], "format": "uuid"}
_COMMAND: Mapping[str, Schema] = {
    "command_id": {"type": "string", "format": "uuid"},
    "command": {"type": "string", "description": "Its name."},
    "outcome": {"enum": list(OUTCOMES)},
    "at": {**_TIME, "description": "When it was recorded, or came."},
    "principal": _TEXT,
    "position": {"type": ["integer", "null"], "description": "Of an accepted one."},
    "reason": {**_TEXT, "description": "Why it was not accepted."},
    "seconds": {"type": ["number", "null"], "description": "How long it took to say so."},
    "correlation": _ID,
    "causation": _ID,
    "content": {"description": "What the application keeps of those that were not accepted."},
}
_FIELDS: Schema = {
    "type": ["object", "null"],
    "additionalProperties": {"type": "object", "properties": {"before": {}, "after": {}}},
}
_ROW: Schema = {
    "type": "object",
    "properties": {"key": {"type": "array", "items": {}}, "deleted": {"type": "boolean"}, "fields": _FIELDS},
}
_ROWS: Schema = {
    "type": "object",
    "properties": {
        "model": {"type": "string"},
        "folded": {"type": "boolean", "description": "Whether the read model holds the event yet."},
        "whole": {"type": "boolean", "description": "Whether these are all rows."},
        "rows": {"type": "array", "items": _ROW},
    },
}
_CAUSED: Schema = {"type": "array", "items": {"$ref": "#/components/schemas/Trace"}}
_EVENT: Schema = {
    "type": "object",
    "properties": {
        "position": {"type": "integer"},
        "event": {"type": "string"},
        "version": {"type": "integer"},
        "recorded_at": _TIME,
        "id": {"type": "string", "format": "uuid"},
        "changes": {"type": "array", "items": _ROWS},
        "subscribers": {
            "type": "object",
            "additionalProperties": {"enum": ["passed", "pending", "failing", "skipped"]},
        },
        "caused": _CAUSED,
    },
}
SCHEMAS: Mapping[str, Schema] = {
    "SentCommand": {"type": "object", "properties": dict(_COMMAND)},
    "Trace": {
        "description": "A command, its events, the rows that they changed, and what it caused.",
        "type": "object",
        "properties": {
            **_COMMAND,
            "events": {"type": "array", "items": _EVENT},
            "caused": _CAUSED,
            "whole": {"type": "boolean", "description": "Whether all that was caused was looked at."},
        },
    },
}
"""The components that the paths refer to."""

_LIST: Schema = {
    "type": "object",
    "required": ["commands", "next", "trail"],
    "properties": {
        "commands": {"type": "array", "items": {"$ref": "#/components/schemas/SentCommand"}},
        "next": {**_TEXT, "description": "The `before` of the next page; null after the last."},
        "trail": {
            "description": "How many that were not accepted are kept, and were ever dropped.",
            "type": "object",
            "properties": {"kept": {"type": "integer"}, "dropped": {"type": "integer"}},
        },
    },
}
_OUTCOME: Schema = {
    "type": "object",
    "properties": {**_COMMAND, "result": {"description": "The value of an accepted one, as it was answered."}},
}
_ARGUMENTS: Mapping[str, Schema] = {
    "name": {"type": "string"},
    "principal": {"type": "string"},
    "outcome": {"enum": list(OUTCOMES)},
    "since": _TIME,
    "before": {"type": "string", "description": "`next` of the page before."},
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE},
}


def sent_paths() -> Mapping[str, Schema]:
    """Return the paths that tell what was sent."""
    by_id = _parameter("id", "path", {"type": "string", "format": "uuid"})
    either = [{"type": "string", "format": "uuid"}, {"type": "integer", "minimum": 1, "maximum": 10**18 - 1}]
    any_id = _parameter("id", "path", {"anyOf": either, "description": "A command id, or the position of an event."})
    arguments = [{**_parameter(name, "query", each), "required": False} for name, each in _ARGUMENTS.items()]
    trace: Schema = {"$ref": "#/components/schemas/Trace"}
    return {
        "/commands": _path("list", "What was sent and what became of it, the newest first.", arguments, _LIST),
        "/commands/{id}": _path("outcome", "What became of a command.", [by_id], _OUTCOME),
        "/commands/{id}/trace": _path("trace", "What a command led to, as a tree.", [any_id], trace),
    }


def _path(what: str, summary: str, parameters: list[Schema], schema: Schema) -> Schema:
    position = {"Diptych-Position": {"$ref": "#/components/headers/Diptych-Position"}}
    answered = {"description": "The answer.", "headers": position, "content": {"application/json": {"schema": schema}}}
    return {
        "get": {
            "operationId": f"commands.{what}",
            "tags": ["audit"],
            "summary": summary,
            "parameters": parameters,
            "responses": {"200": answered, "default": {"$ref": "#/components/responses/Problem"}},
        }
    }


def _parameter(name: str, place: str, schema: Schema) -> Schema:
    return {"name": name, "in": place, "required": True, "schema": schema}
