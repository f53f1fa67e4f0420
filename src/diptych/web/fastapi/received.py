"""Messages that a route receives: read by our codec from path, query string and body, and described in full."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from diptych.codec import decode_message
from diptych.errors import RequestError
from diptych.model.messages import is_query
from diptych.web.arguments import query_of, with_path
from diptych.web.bodies import Receive, read_body
from diptych.web.fastapi.marks import RECEIVES, saying
from diptych.web.fastapi.shown import FOREIGN
from diptych.web.fastapi.visits import max_body_of
from diptych.web.headers import read_headers
from diptych.web.json_schemas import Schemas
from diptych.web.openapi_parts import arguments

M = TypeVar("M")
WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE"})
"""Methods by which a query comes from the query string."""

if TYPE_CHECKING:
    Received: TypeAlias = Annotated[M, ...]
else:

    class Received:
        """Say that a route takes a message from its request: `async def create(command: Received[CreateOrder], ...)`.

        Fields that the path names come from there. A query without a body comes from the query string, everything else
        from the body as JSON. It is a dataclass, a msgspec Struct or a pydantic model, read and checked as everywhere:
        what is wrong is a problem that names every wrong field. To type checkers it is the message itself.
        """

        def __class_getitem__(cls, message: Any) -> Any:
            return Annotated[message, Depends(receiver(message))]


@cache
def receiver(message: type) -> Callable[..., Awaitable[Any]]:
    """Return the dependency that reads a message of this type."""

    async def receive(request: Request, _: Any = None) -> Any:
        return await _read(message, request)

    return saying(RECEIVES, lambda: _said_of(message), receive)


@cache
def json_receiver(message: type) -> Callable[..., Awaitable[bytes]]:
    """Return the dependency that reads the JSON of a message of this type, which nobody checked."""

    async def receive(request: Request, _: Any = None) -> bytes:
        return await _json(message, request)

    return saying(RECEIVES, lambda: _said_of(message), receive)


async def _read(message: type, request: Request) -> Any:
    if is_query(message) and request.method in WITHOUT_BODY:
        return query_of(message, request.scope["query_string"], _path(request))
    return decode_message(message, await _json(message, request))


async def _json(message: type, request: Request) -> bytes:
    scope = request.scope
    try:
        declared = read_headers(scope).get(b"content-length")
        body = await read_body(_receiving(request), declared, max_body_of(scope))
    except ClientDisconnect as gone:
        raise RequestError("malformed", "the client went away while it was sending") from gone
    request._body = body  # noqa: SLF001 (as FastAPI's documentation does it: whoever else reads it gets it from there)
    return with_path(message, body, _path(request)) or b"{}"


def _receiving(request: Request) -> Receive:
    """Return what gives the body of a request, also when somebody has read it before: it comes only once."""
    chunks = request.stream()

    async def receive() -> MutableMapping[str, Any]:
        chunk = await anext(chunks, b"")
        return {"type": "http.request", "body": chunk, "more_body": bool(chunk)}

    return receive


def _path(request: Request) -> Mapping[str, str]:
    return {name: str(value) for name, value in request.path_params.items()}


def _said_of(message: type) -> dict[str, Any]:
    schemas = Schemas((message,), ref=FOREIGN)
    return {
        "is_query": is_query(message),
        "arguments": arguments(message, schemas.component(message)),
        "schema": schemas.messages[message],
        "components": schemas.components,
    }
