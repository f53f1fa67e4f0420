"""The OpenAPI document of an API, completed by what FastAPI does not see: our messages, headers and problems."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

from diptych.web import openapi_parts as parts
from diptych.web.fastapi.components import Components
from diptych.web.fastapi.marks import ASKS, MARKS, MEMBER, RECEIVES, REMAPS, SENDS
from diptych.web.fastapi.received import WITHOUT_BODY
from diptych.web.fastapi.shown import FOREIGN
from diptych.web.fastapi.statuses import Remapping
from diptych.web.json_schemas import Schema

Document = Callable[[], dict[str, Any]]
_PARAMETER = re.compile(r"{(\w+)}")
_UNTOLD = "422"
_PROBLEM = {MEMBER: {"schema": {"$ref": FOREIGN.format(name="Problem")}, "components": {"Problem": parts.PROBLEM}}}
_OWN = "HTTPValidationError"


def completed(openapi: Document, tells_all: Callable[[], bool]) -> Document:
    """Return what makes the whole document of what makes FastAPI's; `tells_all` says that every error is a problem."""
    made: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def document() -> dict[str, Any]:
        base = openapi()
        if not made or made[0][0] is not base:
            made[:] = [(base, complete(base, tells_all=tells_all()))]
        return made[0][1]

    return document


def complete(base: dict[str, Any], *, tells_all: bool) -> dict[str, Any]:
    """Return a copy of a document in which what our marks say is written out."""
    document = copy.deepcopy(base)
    components = Components(document)
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if isinstance(operation, dict):
                _complete(operation, method, path, components, tells_all=tells_all)
    components.write_out(document)
    return document


def _complete(operation: Schema, method: str, path: str, components: Components, *, tells_all: bool) -> None:
    given = operation.get("parameters", [])
    said = {each["name"]: each["schema"][MEMBER] for each in given if each.get("name") in MARKS}
    kept = [each for each in given if each.get("name") not in MARKS]
    takes = any("name" in each for each in kept) or "requestBody" in operation
    _leave_out_validation(operation, components, takes=takes, tells_all=tells_all)
    if RECEIVES in said:
        body, added = _received(said[RECEIVES], method, path, kept, components)
        kept = [*added, *kept]
        if body is not None:
            operation["requestBody"] = body
    _add_headers(said, kept)
    _add_problems(operation, said, components)
    operation.pop("parameters", None)
    if kept:
        operation["parameters"] = kept


def _leave_out_validation(operation: Schema, components: Components, *, takes: bool, tells_all: bool) -> None:
    """Leave FastAPI's 422 out where it has no parameter of its own, or where it is told as a problem."""
    responses = operation.get("responses", {})
    found = responses.get(_UNTOLD, {}).get("content", {}).get("application/json", {}).get("schema", {})
    if found.get("$ref", "").endswith(f"/{_OWN}") and (tells_all or not takes):
        del responses[_UNTOLD]
        if tells_all and takes:
            responses[_UNTOLD] = _led(parts.problem("Parameters do not fit."))
            components.need_headers()


def _received(
    said: Schema, method: str, path: str, kept: list[Schema], components: Components
) -> tuple[Schema | None, list[Schema]]:
    """Return the body and the parameters in which a message comes."""
    named = set(_PARAMETER.findall(path))
    known = {each.get("name") for each in kept}
    in_path = [_in_path(each) for each in said["arguments"] if each["name"] in named - known]
    if said["is_query"] and method.upper() in WITHOUT_BODY:
        rest = [each for each in said["arguments"] if each["name"] not in named]
        return None, [components.take(each, said) for each in (*in_path, *rest)]
    required = any(each["required"] and each["name"] not in named for each in said["arguments"])
    content = {"application/json": {"schema": components.body(said, without=named)}}
    return {"required": required, "content": content}, [components.take(each, said) for each in in_path]


def _in_path(parameter: Schema) -> Schema:
    return {"name": parameter["name"], "in": "path", "required": True, "schema": parameter["schema"]}


def _add_headers(said: Schema, kept: list[Schema]) -> None:
    names = (*(parts.ON_COMMANDS if SENDS in said else ()), *(parts.ON_QUERIES if ASKS in said else ()))
    kept += [each for each in parts.parameter_refs(names) if each not in kept]


def _add_problems(operation: Schema, said: Schema, components: Components) -> None:
    kinds = dict.fromkeys(_kinds(said, "requestBody" in operation))
    if not kinds:
        return
    statuses = Remapping({})
    for name in (SENDS, ASKS):
        statuses.by_kind.update(said.get(name, {}).get("statuses", {}))
    statuses.by_kind.update(said.get(REMAPS, {}))
    components.need_headers()
    responses = operation.setdefault("responses", {})
    for status, described in parts.problems(statuses.by_status(kinds)).items():
        told = _led(described)
        there = responses.setdefault(status, told)
        if there is not told:
            there.setdefault("content", {}).update(told["content"])


def _led(described: Schema) -> Schema:
    """Let a problem refer to our schema of one, whatever else the API calls so."""
    return {**described, "content": {"application/problem+json": {"schema": _PROBLEM}}}


def _kinds(said: Schema, has_body: bool) -> Iterator[str]:  # noqa: FBT001 (private)
    if SENDS in said:
        yield from parts.OF_COMMANDS
    if ASKS in said:
        yield from parts.OF_QUERIES
    if RECEIVES in said:
        yield from ("malformed", "invalid", *(["too-large"] if has_body else []))
