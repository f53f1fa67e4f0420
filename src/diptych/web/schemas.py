"""Schemas: what the application understands, as an OpenAPI 3.1 document with real JSON Schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import msgspec

from diptych.application import Application
from diptych.model.answers import records_in, rows_in, shape_of
from diptych.model.fields import fields_of
from diptych.model.marks import GeneratedMark, Scale
from diptych.model.messages import event_type, result_type
from diptych.web import dry_runs
from diptych.web.arguments import is_repeated
from diptych.web.history_schemas import AS_OF, history_paths

Schema = dict[str, Any]  # Any: JSON Schema is open

_REF = "#/components/schemas/{name}"
_PROBLEM: Schema = {
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
_POSITION = {"Diptych-Position": {"$ref": "#/components/headers/Diptych-Position"}}
_DRY_RUN = {dry_runs.HEADER: {"$ref": f"#/components/headers/{dry_runs.HEADER}"}}
_POSITION_HEADER = {
    "description": "Of a command: the position of its last event. Of a query: up to where its answer holds.",
    "schema": {"type": "integer"},
}
_HEADERS: Mapping[str, tuple[str, Schema]] = {
    "Idempotency-Key": ("The same key and request get the same answer, however often sent.", {"type": "string"}),
    "If-Match": ("Nothing that the decision reads lies after this quoted position.", {"type": "string"}),
    "Diptych-After": ("Answer what holds up to this position.", {"type": "integer"}),
    "Prefer": ("`wait=2`: how many seconds to wait for the read models.", {"type": "string"}),
    "If-None-Match": ("304 when the answer has this entity tag.", {"type": "string"}),
}
_ON_COMMANDS = ("Idempotency-Key", "If-Match", "Prefer")
_ON_QUERIES = ("as_of", "Diptych-After", "Prefer", "If-None-Match")


def openapi(application: Application, *, title: str, version: str) -> Schema:
    """Return the OpenAPI document of an application; events stand beside the paths as `x-events`."""
    schemas = _Schemas(application)
    paths = {f"/commands/{name}": {"post": _command(cls, schemas)} for name, cls in application.commands.items()}
    for name, cls in application.queries.items():
        paths[f"/queries/{name}"] = _query(cls, schemas)
    paths.update(history_paths(application.history.models))
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, **dry_runs.SCHEMAS, "Problem": _PROBLEM},
            "headers": {"Diptych-Position": _POSITION_HEADER, dry_runs.HEADER: dry_runs.MARK},
            "parameters": {
                **{name: _header(name) for name in _HEADERS},
                dry_runs.NAME: dry_runs.PARAMETER,
                AS_OF["name"]: AS_OF,
            },
            "responses": {"Problem": _content({"$ref": _REF.format(name="Problem")}, "application/problem+json")},
        },
        "x-events": {name: _event(cls, schemas) for name, cls in application.events.items()},
    }


class _Schemas:
    """The schemas of every message and answer, made together so that equal names are told apart."""

    def __init__(self, application: Application) -> None:
        commands, queries = application.commands.values(), application.queries.values()
        messages = [*commands, *queries, *application.events.values()]
        types = [*messages, *(result_type(cls) for cls in (*commands, *queries))]
        records = list(dict.fromkeys(record for tp in types for record in records_in(tp) if not _is_generic(record)))
        found, self.components = msgspec.json.schema_components(
            [*types, *records], schema_hook=lambda _: {}, ref_template=_REF
        )
        self.messages = dict(zip(messages, found, strict=False))
        self.answers = dict(zip((*commands, *queries), found[len(messages) :], strict=False))
        for query in queries:
            self._add_computed(rows_in(result_type(query)))
        for record, reference in zip(records, found[len(types) :], strict=True):
            _describe(record, self._behind(reference))

    def _add_computed(self, rows: Iterable[type]) -> None:
        """Describe computed columns: they are shown beside the stored ones, and are no fields of the row."""
        for row in rows:
            (whole,), parts = msgspec.json.schema_components([shape_of(row)], ref_template=_REF)
            (stored,), _ = msgspec.json.schema_components([row], ref_template=_REF)
            shape = parts.pop(whole["$ref"].rpartition("/")[2])
            self.components.setdefault(stored["$ref"].rpartition("/")[2], {}).update(
                properties=shape["properties"], required=shape["required"]
            )
            self.components.update({name: part for name, part in parts.items() if name not in self.components})

    def component(self, cls: type) -> Schema:
        """Return the schema of a message itself, behind its reference."""
        return self._behind(self.messages[cls])

    def _behind(self, reference: Schema) -> Schema:
        found: Schema = self.components.get(reference.get("$ref", "").rpartition("/")[2], {})
        return found


def _is_generic(cls: type) -> bool:
    return bool(getattr(cls, "__parameters__", ()))


def _describe(cls: type, schema: Schema) -> None:
    """Add what msgspec does not say: how times are written, how exact decimals are, which fields are filled."""
    for field in fields_of(cls):
        told = schema.get("properties", {}).get(field.name, {})
        if field.type is datetime:
            for each in told.get("anyOf", [told]):
                each.update({"format": "date-time"} if each.get("type") == "string" else {})
        if (scale := field.mark(Scale)) is not None:
            told["description"] = _exactness(scale)
        if field.mark(GeneratedMark) is not None:
            told.pop("default", None)
            told["description"] = "Filled when absent."


def _exactness(scale: Scale) -> str:
    bounds = (("greater than", scale.gt), ("at least", scale.ge), ("less than", scale.lt), ("at most", scale.le))
    limits = (f"{words} {bound}" for words, bound in bounds if bound is not None)
    return ", ".join((f"up to {scale.places} decimal places", *limits))


def _command(cls: type, schemas: _Schemas) -> Schema:
    accepted = {
        "type": "object",
        "required": ["position", "result"],
        "properties": {"position": {"type": "integer"}, "result": schemas.answers[cls], **dry_runs.MEMBERS},
    }
    return {
        "operationId": cls.__name__,
        "tags": ["commands"],
        "summary": _summary(cls),
        "parameters": _parameter_refs((dry_runs.NAME, *_ON_COMMANDS)),
        "requestBody": {"required": True, **_body(schemas.messages[cls])},
        "responses": _responses(accepted, _POSITION | _DRY_RUN),
    }


def _query(cls: type, schemas: _Schemas) -> Schema:
    posted = {
        "operationId": f"{cls.__name__}.post",
        "tags": ["queries"],
        "summary": _summary(cls),
        "parameters": _parameter_refs(_ON_QUERIES),
        "requestBody": _body(schemas.messages[cls]),
        "responses": _responses(schemas.answers[cls], _POSITION),
    }
    got = {name: value for name, value in posted.items() if name != "requestBody"}
    got["operationId"] = cls.__name__
    got["parameters"] = [*_arguments(cls, schemas.component(cls)), *_parameter_refs(_ON_QUERIES)]
    return {"get": got, "post": posted}


def _arguments(cls: type, schema: Schema) -> list[Schema]:
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


def _event(cls: type, schemas: _Schemas) -> Schema:
    return {"version": event_type(cls).version, "summary": _summary(cls), "schema": schemas.messages[cls]}


def _responses(schema: Schema, headers: Schema) -> Schema:
    answered = {**_content(schema, "application/json"), "description": "The answer.", "headers": headers}
    return {"200": answered, "default": {"$ref": "#/components/responses/Problem"}}


def _content(schema: Schema, kind: str) -> Schema:
    return {"description": "What went wrong.", "headers": _POSITION, "content": {kind: {"schema": schema}}}


def _body(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _header(name: str) -> Schema:
    text, schema = _HEADERS[name]
    return {"name": name, "in": "header", "required": False, "description": text, "schema": schema}


def _parameter_refs(names: Iterable[str]) -> list[Schema]:
    return [{"$ref": f"#/components/parameters/{name}"} for name in names]


def _summary(cls: type) -> str:
    text = cls.__dict__.get("__doc__") or ""
    first = text.strip().partition("\n")[0]
    return "" if first.startswith(f"{cls.__name__}(") else first
