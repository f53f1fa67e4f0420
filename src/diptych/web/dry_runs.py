"""Dry runs over HTTP: `POST /commands/{Name}?dry_run=true`."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

from diptych.codec import encode_answer
from diptych.errors import RequestError
from diptych.history.trial import Trial, told
from diptych.web.edge import Edge, Reply, Scope

_JSON = (b"content-type", b"application/json")
_OUTCOME = "tried"
_ROW = {"description": "The row with its computed columns; null where there is none.", "type": ["object", "null"]}

NAME, HEADER = "dry_run", "Diptych-Dry-Run"
PARAMETER: Mapping[str, Any] = {
    "name": NAME,
    "in": "query",
    "required": False,
    "description": "`true`: tell what the command would do, and do nothing.",
    "schema": {"type": "boolean", "default": False},
}
MARK: Mapping[str, Any] = {"description": "`true` on every answer of a dry run.", "schema": {"const": "true"}}
SCHEMAS: Mapping[str, Any] = {
    "DryRunEvent": {
        "description": "An event as the log would hold it.",
        "type": "object",
        "required": ["name", "version", "position", "tags", "data"],
        "properties": {
            "name": {"type": "string"},
            "version": {"type": "integer"},
            "position": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "data": {"type": "object"},
        },
    },
    "DryRunChange": {
        "description": "A row of a read model that would change, with the columns that would differ.",
        "type": "object",
        "required": ["model", "key", "before", "after", "fields"],
        "properties": {
            "model": {"type": "string"},
            "key": {"type": "array", "items": {}},
            "before": _ROW,
            "after": _ROW,
            "fields": {"type": "array", "items": {"type": "string"}},
        },
    },
    "DryRunStop": {
        "description": "A projection that would stop at an event that its fold cannot take.",
        "type": "object",
        "required": ["projection", "position", "reason"],
        "properties": {
            "projection": {"type": "string"},
            "position": {"type": "integer"},
            "reason": {"type": "string"},
        },
    },
}
MEMBERS: Mapping[str, Any] = {
    NAME: {"description": "Only of a dry run, like the members below.", "const": True},
    "events": {"type": "array", "items": {"$ref": "#/components/schemas/DryRunEvent"}},
    "changes": {"type": "array", "items": {"$ref": "#/components/schemas/DryRunChange"}},
    "stops": {"type": "array", "items": {"$ref": "#/components/schemas/DryRunStop"}},
}
"""What a dry run adds to the answer of a command."""


def is_dry_run(query_string: bytes) -> bool:
    """Say whether the query string asks for a dry run.

    Raises RequestError for a `dry_run` that is not clear, and for any other argument: a slip of the pen is no reason to
    send the command for real.
    """
    if not query_string:
        return False
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    other = [name for name, _ in pairs if name != NAME]
    if other:
        raise RequestError(
            "malformed", f"{other[0][:40]}: a command takes no argument but {NAME}; its fields go in the body"
        )
    given = [value for _, value in pairs]
    if given not in ([], ["true"], ["false"]):
        shown = " and ".join(repr(value[:40]) for value in given)
        raise RequestError("malformed", f"dry_run: expected true or false, once, found {shown}")
    return given == ["true"]


async def reply_marked(edge: Edge, scope: Scope, work: Awaitable[Reply]) -> Reply:
    """Return the answer of a dry run, or the problem that it ends with, marked as one and counted as `tried`."""
    try:
        reply = await work
    except ClientDisconnect:
        raise
    except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer)
        reply = await edge.reply_to_error(error, scope)
    return Reply(reply.status, [*reply.headers, (HEADER.lower().encode(), b"true")], reply.body, _OUTCOME)


def reply_to_trial(trial: Trial[Any]) -> Reply:
    """Return what a command would do that would be accepted; Diptych-Position is the head that it was decided on."""
    body = encode_answer(told(trial))
    headers = [_JSON, (b"content-length", b"%d" % len(body)), (b"diptych-position", b"%d" % trial.head)]
    return Reply(200, headers, body, _OUTCOME)
