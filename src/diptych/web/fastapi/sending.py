"""Sending: how a route sends commands, as its request's headers say."""

from __future__ import annotations

from typing import Any, TypeVar

from diptych.history.trial import Trial
from diptych.model.messages import Command
from diptych.model.results import Result
from diptych.web.edge import Edge
from diptych.web.fastapi.visits import Visit
from diptych.web.headers import expected_position, idempotency_key, wait_seconds

R = TypeVar("R")


class Sending:
    """Send commands on behalf of a request's principal, with its `Idempotency-Key` and `If-Match`.

    The answer carries the position of the last command. Of several commands, each has a key of its own made from that
    of the request and their order, and only the first is held to `If-Match`, since it moves the log on itself.
    """

    def __init__(self, edge: Edge, visit: Visit) -> None:
        self._edge, self._visit = edge, visit
        self._key, self._expected = idempotency_key(visit.headers), expected_position(visit.headers)
        self._count = 0

    @property
    def principal(self) -> str | None:
        """Return on whose behalf the request comes."""
        return self._visit.principal

    async def __call__(self, command: Command[R]) -> Result[R]:
        """Return the result of a command; its `unwrap()` ends the request with the problem of a failure."""
        key, expected = self._next()
        result = await self._edge.application.send(command, key=key, principal=self.principal, expected=expected)
        self._visit.wrote(result.position)
        return result

    async def receive(self, command: type[Command[R]], body: bytes) -> Result[R]:
        """Return the result of the command of this type whose JSON is `body`; what is wrong with it is Invalid too."""
        key, expected = self._next()
        result: Result[R] = await self._edge.application.receive(
            command.__name__, body, key=key, principal=self.principal, expected=expected
        )
        self._visit.wrote(result.position)
        return result

    async def try_(self, command: Command[Any]) -> Trial[Any]:
        """Return what `send` would do now; nothing is stored."""
        key, expected = self._next()
        wait = wait_seconds(self._visit.headers)
        return await self._edge.application.try_(
            command, key=key, principal=self.principal, expected=expected, wait=wait
        )

    def _next(self) -> tuple[str | None, int | None]:
        self._count += 1
        if self._count == 1:
            return self._key, self._expected
        # No client can send the separator, so no key of a client's is one of these.
        return self._key and f"{self._key}\x1f{self._count}", None
