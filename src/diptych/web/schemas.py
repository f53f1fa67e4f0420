"""Schemas: what the application understands, as an OpenAPI 3.1 document with real JSON Schemas."""

from __future__ import annotations

from diptych.application import Application
from diptych.model.fields import fields_of
from diptych.model.messages import event_type, result_type
from diptych.web import dry_runs, sent_schemas
from diptych.web import openapi_parts as parts
from diptych.web.history_schemas import history_paths
from diptych.web.json_schemas import Schema, Schemas

_OF_TRIALS = ("untriable", "stale", "rebuilding", "outdated", "stopped", "too-costly")
_OF_THE_PAST = ("no-history", "too-costly")


def openapi(application: Application, *, title: str, version: str) -> Schema:
    """Return the OpenAPI document of an application; events stand beside the paths as `x-events`."""
    commands, queries = application.commands.values(), application.queries.values()
    messages = (*commands, *queries, *application.events.values())
    schemas = Schemas(messages, (result_type(cls) for cls in (*commands, *queries)))
    paths = {f"/commands/{name}": {"post": _command(cls, schemas)} for name, cls in application.commands.items()}
    for name, cls in application.queries.items():
        paths[f"/queries/{name}"] = _query(cls, schemas)
    paths.update(history_paths(application.history.models))
    paths.update(sent_schemas.sent_paths())
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {
            "schemas": {**schemas.components, **dry_runs.SCHEMAS, **sent_schemas.SCHEMAS, "Problem": parts.PROBLEM},
            "headers": dict(parts.ANSWER_HEADERS),
            "parameters": dict(parts.PARAMETERS),
            "responses": {"Problem": parts.problem("What went wrong.")},
        },
        "x-events": {name: _event(cls, schemas) for name, cls in application.events.items()},
    }


def _command(cls: type, schemas: Schemas) -> Schema:
    result = schemas.answers[result_type(cls)]
    accepted = {
        "type": "object",
        "required": ["position", "result"],
        "properties": {"position": {"type": "integer"}, "result": result, **dry_runs.MEMBERS},
    }
    return {
        "operationId": cls.__name__,
        "tags": ["commands"],
        "summary": parts.summary(cls),
        "parameters": parts.parameter_refs((dry_runs.NAME, *parts.ON_COMMANDS, "Prefer")),
        "requestBody": {"required": True, **_body(schemas.messages[cls])},
        "responses": {
            "200": parts.answered(accepted, parts.POSITION | parts.DRY_RUN),
            **parts.problems(parts.by_status((*parts.OF_COMMANDS, *_OF_TRIALS))),
        },
    }


def _query(cls: type, schemas: Schemas) -> Schema:
    shared = parts.parameter_refs(("as_of", *parts.ON_QUERIES, "If-None-Match"))
    told: Schema = {
        "tags": ["queries"],
        "summary": parts.summary(cls),
        "responses": {
            "200": parts.answered(schemas.answers[result_type(cls)], parts.POSITION),
            "304": parts.unchanged(),
            **parts.problems(parts.by_status((*parts.OF_QUERIES, *_OF_THE_PAST))),
        },
    }
    body = {"required": any(field.required for field in fields_of(cls)), **_body(schemas.messages[cls])}
    arguments = parts.arguments(cls, schemas.component(cls))
    return {
        "get": {"operationId": cls.__name__, **told, "parameters": [*arguments, *shared]},
        "post": {"operationId": f"{cls.__name__}.post", **told, "parameters": shared, "requestBody": body},
    }


def _event(cls: type, schemas: Schemas) -> Schema:
    return {"version": event_type(cls).version, "summary": parts.summary(cls), "schema": schemas.messages[cls]}


def _body(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}
