"""Routers: the routes that endpoints make, of the parts that a route of one's own is made of."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, get_origin

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from diptych.codec import encode
from diptych.errors import RequestError, UnwrapError
from diptych.model.fields import fields_of
from diptych.model.messages import is_command, result_type
from diptych.model.pages import CursorPage, Page
from diptych.model.results import Accepted, Result
from diptych.web import dry_runs
from diptych.web import openapi_parts as parts
from diptych.web.edge import response_of
from diptych.web.fastapi.answers import By, or_404
from diptych.web.fastapi.asking import Asking
from diptych.web.fastapi.enclosures import Enclosure
from diptych.web.fastapi.endpoints import NO_CONTENT, Endpoint
from diptych.web.fastapi.marks import MEMBER
from diptych.web.fastapi.received import json_receiver, receiver
from diptych.web.fastapi.sending import Sending
from diptych.web.fastapi.shown import FOREIGN
from diptych.web.fastapi.statuses import Remapping, remapped_as
from diptych.web.headers import read_headers
from diptych.web.json_schemas import Schema, Schemas
from diptych.web.moments import AS_OF, as_of_of
from diptych.web.queries import reply_to_answer

Serve = Callable[..., Awaitable[Response]]


class Way(NamedTuple):
    """What a route needs of its door: the dependencies that send and ask, and what tells an error."""

    sending: Callable[..., Any]
    asking: Callable[..., Any]
    tell: Callable[[Request, Exception], Awaitable[Response]]


def add_route(router: APIRouter, way: Way, endpoint: Endpoint, *, enclosure: Enclosure, statuses: Remapping) -> None:
    """Add the route of an endpoint to a router."""
    remapping = Remapping(endpoint.statuses).over(statuses)
    commands = is_command(endpoint.message)
    router.add_api_route(
        endpoint.route,
        _serving_command(way, endpoint, enclosure) if commands else _serving_query(way, endpoint, enclosure),
        methods=[endpoint.verb],
        response_class=Response,
        response_model=None,
        responses=_described_command(endpoint, enclosure) if commands else _described_query(endpoint, enclosure),
        dependencies=[remapped_as(remapping)] if remapping.by_kind else [],
        openapi_extra=None if commands else {"parameters": parts.parameter_refs((AS_OF, "If-None-Match"))},
        **endpoint.told(),
    )


def _serving_command(way: Way, endpoint: Endpoint, enclosure: Enclosure) -> Serve:
    received, sending = Depends(json_receiver(endpoint.message)), Depends(way.sending)

    async def serve(request: Request, send: Sending = sending, body: bytes = received) -> Response:
        try:
            accepted = await _accepted(request, endpoint.message, body, send)
        except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer)
            return await way.tell(request, error)
        if endpoint.status == NO_CONTENT:
            return Response(status_code=NO_CONTENT)
        told = enclosure.result(encode(accepted.value), accepted.position)
        return Response(told, endpoint.status, media_type="application/json")

    return serve


async def _accepted(request: Request, command: type[Any], body: bytes, send: Sending) -> Accepted[Any]:
    if dry_runs.NAME in request.query_params:
        raise RequestError("untriable", "this route takes no dry run: the command would be sent for real")
    result: Result[Any] = await send.receive(command, body)
    if not isinstance(result, Accepted):
        raise UnwrapError(result)
    return result


def _serving_query(way: Way, endpoint: Endpoint, enclosure: Enclosure) -> Serve:
    received, asking = Depends(receiver(endpoint.message)), Depends(way.asking)
    names = {described.name for described in fields_of(endpoint.message)}
    by: By = "page" if "page" in names else "offset"

    async def serve(request: Request, ask: Asking = asking, query: Any = received) -> Response:
        scope = request.scope
        try:
            answer = await ask.answer(query, as_of=as_of_of(scope["query_string"]))
            if endpoint.missing == 404:  # noqa: PLR2004 (Not Found)
                or_404(answer.value, f"{endpoint.message.__name__} finds nothing")
            reply = reply_to_answer(answer, read_headers(scope), enclose=enclosure.answer)
        except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer)
            return await way.tell(request, error)
        if endpoint.verb == "GET":
            ask.linked(answer.value, by=by)
        return response_of(reply._replace(status=endpoint.status if reply.body else reply.status))

    return serve


def _described_command(endpoint: Endpoint, enclosure: Enclosure) -> dict[int | str, dict[str, Any]]:
    if endpoint.status == NO_CONTENT:
        return {NO_CONTENT: {"description": "It took effect.", "headers": parts.POSITION}}
    schemas, tp = _schemas(endpoint)
    return {endpoint.status: _answered(enclosure.result_schema(schemas.answers[tp]), schemas)}


def _described_query(endpoint: Endpoint, enclosure: Enclosure) -> dict[int | str, dict[str, Any]]:
    schemas, tp = _schemas(endpoint)
    value = schemas.answers[tp]
    if endpoint.missing == 404:  # noqa: PLR2004 (Not Found)
        value = _found(value)
    page = schemas.component_behind(value) if get_origin(tp) in (Page, CursorPage) else None
    return {endpoint.status: _answered(enclosure.answer_schema(value, page), schemas), 304: parts.unchanged()}


def _schemas(endpoint: Endpoint) -> tuple[Schemas, Any]:
    tp = result_type(endpoint.message)
    return Schemas((), (tp,), ref=FOREIGN), tp


def _answered(schema: Schema, schemas: Schemas) -> Schema:
    return parts.answered({MEMBER: {"schema": schema, "components": schemas.components}}, parts.POSITION)


def _found(schema: Schema) -> Schema:
    """Return the schema of what is there: None is answered by a problem."""
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return choices[0] if len(choices) == 1 else {**schema, "anyOf": choices} if choices else schema
