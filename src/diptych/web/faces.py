"""Faces: commands and queries over bare ASGI, with no request object, router or middleware in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from time import perf_counter

from starlette.requests import ClientDisconnect
from starlette.types import Send

from diptych.dispatch import likely
from diptych.errors import UnknownMessageError
from diptych.web.bodies import Receive
from diptych.web.edge import Edge, Reply, Scope
from diptych.web.headers import Headers
from diptych.web.metrics import Meter

_NAMED = 80  # so much of an unknown name is repeated
Serve = Callable[[str, Scope, Headers, Receive], Awaitable[Reply]]


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownMessageError:
    """Return the error of a name that no message has, with the one that may have been meant."""
    return UnknownMessageError(f"there is no {kind} named {name[:_NAMED]!r}{likely(name, known)}")


class Face:
    """Answer requests for messages of one kind, each by its name after the prefix; `serve` makes the answer.

    It is an ASGI application. Whatever goes wrong leaves as a problem, never as an exception.
    """

    def __init__(self, edge: Edge, kind: str, prefix: str, names: Iterable[str], serve: Serve) -> None:
        self.meter = Meter(kind, names)
        self._edge, self._serve, self._start = edge, serve, len(prefix)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = perf_counter()
        name = scope["path"][len(scope.get("root_path", "")) + self._start :]
        try:
            reply = await self._serve(name, scope, self._edge.admit_message(scope), receive)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer, a bug is logged there)
            reply = await self._edge.reply_to_error(error, scope)
        self.meter.observe(name, reply.outcome, perf_counter() - started)
        await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.body", "body": body})
