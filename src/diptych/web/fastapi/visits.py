"""Visits: what one request has come to at a door, and the headers that its answer leaves with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from diptych.errors import WiringError
from diptych.web.bodies import MIB
from diptych.web.headers import Headers

_KEY = "diptych.visits"
_STATUSES = "diptych.statuses"
_ENTERED = "diptych.entered"


class Visit:
    """One request at one door: who it is, the headers it came with, the positions met and the headers to leave with."""

    def __init__(self, max_body: int) -> None:
        self.max_body = max_body
        self.headers: Headers = {}
        self.principal: str | None = None
        self.sent: int | None = None
        self.read: int | None = None
        self.marks: dict[bytes, bytes] = {}

    def wrote(self, position: int | None) -> None:
        """Take note of the position of a command's result."""
        if position is not None:
            self.sent = max(position, self.sent or 0)

    def saw(self, position: int) -> None:
        """Take note of the position of a query's answer."""
        self.read = position if self.read is None else min(position, self.read)

    def left_with(self) -> Mapping[bytes, bytes]:
        """Return the headers of the answer: that of the last command, or else the lowest that was read."""
        position = self.read if self.sent is None else self.sent
        return self.marks if position is None else {**self.marks, b"diptych-position": b"%d" % position}


class Visits:
    """An ASGI middleware: keep a visit for each request, and let its answer leave with the visit's headers."""

    def __init__(self, app: ASGIApp, door: object, max_body: int = MIB) -> None:
        self._app, self._door, self._max_body = app, door, max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        visit = scope.setdefault(_KEY, {})[self._door] = Visit(self._max_body)

        async def leave(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(message, visit.left_with())
            await send(message)

        return await self._app(scope, receive, leave)


def visit_of(scope: Scope, door: object) -> Visit:
    """Return the visit of a request; raise WiringError where the door was not installed."""
    visits = scope.get(_KEY, {})
    visit: Visit | None = visits.get(door)
    if visit is None:
        raise WiringError("a route uses a door that its application does not have", fix="call door.install(api)")
    visits[_ENTERED] = door
    return visit


def entered_door(scope: Scope) -> Any:  # Any: a door, above this module
    """Return the door that a request came through, None before it did."""
    return scope.get(_KEY, {}).get(_ENTERED)


def max_body_of(scope: Scope) -> int:
    """Return how long a body may be: as long as every door on the way allows."""
    visits = scope.get(_KEY, {}).values()
    return min((visit.max_body for visit in visits if isinstance(visit, Visit)), default=MIB)


def remap_here(scope: Scope, statuses: Any) -> None:
    """Let the problems of this request have other statuses."""
    scope.setdefault(_KEY, {})[_STATUSES] = statuses


def remapped_here(scope: Scope) -> Any:
    """Return the statuses that the route of this request gives problems; None where it gives none."""
    return scope.get(_KEY, {}).get(_STATUSES)


def _mark(message: Message, marks: Mapping[bytes, bytes]) -> None:
    if marks:
        present = {name.lower() for name, _ in message["headers"]}
        message["headers"] = [*message["headers"], *(each for each in marks.items() if each[0] not in present)]
