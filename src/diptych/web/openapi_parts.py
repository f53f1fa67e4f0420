"""Parts of OpenAPI documents that every face of ours shares: headers, problems, arguments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from diptych.model.fields import fields_of
from diptych.web import dry_runs
from diptych.web.arguments import is_repeated
from diptych.web.headers import LONGEST_KEY
from diptych.web.history_schemas import AS_OF
from diptych.web.json_schemas import REF, Schema
from diptych.web.problems import KINDS

PROBLEM: Schema = {
    "title": "Problem",
    "description": "RFC 9457; `type` tells kinds apart, further members depend on it.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "examples": ["/problems/invalid", "/problems/refused/out-of-stock"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "description": "Field path to messages, of `/problems/invalid`.",
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "code": {"type": "string"},
        "data": {"type": "object"},
        "reference": {"type": "string"},
    },
}
POSITION = {"Diptych-Position": {"$ref": "#/components/headers/Diptych-Position"}}
DRY_RUN = {dry_runs.HEADER: {"$ref": f"#/components/headers/{dry_runs.HEADER}"}}
POSITION_HEADER = {
    "description": "Of a command: the position of its last event. Of a query: up to where its answer holds.",
    "schema": {"type": "integer"},
}
HEADERS: Mapping[str, tuple[str, Schema]] = {
    "Idempotency-Key": (
        "The same key and request get the same answer, however often sent.",
        {"type": "string", "pattern": r"^[\x21\x23-\x7e]+$", "maxLength": LONGEST_KEY},
    ),
    "If-Match": (
        "Nothing that the decision reads lies after this quoted position.",
        {"type": "string", "pattern": r'^"\d{1,18}"$'},
    ),
    "Diptych-After": (
        "Answer what holds up to this position.",
        {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
    ),
    "Prefer": (
        "`wait=2`: how many seconds to wait for the read models.",
        {"type": "string", "examples": ["wait=2"]},
    ),
    "If-None-Match": ("304 when the answer has this entity tag.", {"type": "string"}),
}
ON_COMMANDS = ("Idempotency-Key", "If-Match")
ON_QUERIES = ("Diptych-After", "Prefer")
OF_EVERY = ("malformed", "forbidden", "misdirected", "large-headers", "store", "closed")
OF_COMMANDS = (
    *OF_EVERY,
    *("not-found", "refused", "conflict", "changed", "too-large", "invalid", "key-reused"),
    *("outcome-unknown", "storage-full"),
)
OF_QUERIES = (
    *OF_EVERY,
    *("beyond-head", "not-found", "refused", "long-url", "invalid", "stale", "rebuilding", "outdated", "stopped"),
)
PARAMETERS: Mapping[str, Schema] = {
    **{
        name: {"name": name, "in": "header", "required": False, "description": text, "schema": schema}
        for name, (text, schema) in HEADERS.items()
    },
    dry_runs.NAME: dict(dry_runs.PARAMETER),
    AS_OF["name"]: AS_OF,
}
ANSWER_HEADERS: Mapping[str, Schema] = {"Diptych-Position": POSITION_HEADER, dry_runs.HEADER: dict(dry_runs.MARK)}


def arguments(cls: type, schema: Schema) -> list[Schema]:
    """Return the parameters of the fields of a message, whose schema is given, in a query string."""
    return [
        {
            "name": described.name,
            "in": "query",
            "required": described.required,
            "schema": schema.get("properties", {}).get(described.name, {}),
            **({"style": "form", "explode": True} if is_repeated(described) else {}),
        }
        for described in fields_of(cls)
    ]


def parameter_refs(names: Iterable[str]) -> list[Schema]:
    """Return references to the parameters of these names."""
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def answered(schema: Schema, headers: Schema) -> Schema:
    """Return the description of an answer."""
    return {"description": "The answer.", "headers": headers, "content": {"application/json": {"schema": schema}}}


def unchanged() -> Schema:
    """Return the description of an answer that the client has already."""
    return {"description": "The client has this answer.", "headers": POSITION}


def problem(description: str) -> Schema:
    """Return the description of an answer that tells a problem."""
    schema = {"$ref": REF.format(name="Problem")}
    return {
        "description": description,
        "headers": POSITION,
        "content": {"application/problem+json": {"schema": schema}},
    }


def problems(by_status: Mapping[int, Iterable[str]]) -> dict[str, Schema]:
    """Return the descriptions of these kinds of problems by status, and of any other as the default."""
    told = {str(status): problem(" ".join(map(_said, kinds))) for status, kinds in sorted(by_status.items())}
    return {**told, "default": problem("Any other problem.")}


def by_status(kinds: Iterable[str]) -> dict[int, list[str]]:
    """Return kinds of problems by their statuses."""
    found: dict[int, list[str]] = {}
    for kind in kinds:
        found.setdefault(KINDS[kind].status, []).append(kind)
    return found


def summary(cls: type) -> str:
    """Return the first line of the docstring that somebody wrote for a class."""
    text = cls.__dict__.get("__doc__") or ""
    first: str = text.strip().partition("\n")[0]
    return "" if first.startswith(f"{cls.__name__}(") else first


def _said(kind: str) -> str:
    return f"`/problems/{kind}`: {KINDS[kind.partition('/')[0]].title}."
