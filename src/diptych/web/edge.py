"""The edge: what every request meets before it is understood, and how an answer or a problem leaves."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.responses import Response

from diptych.application import Application
from diptych.errors import Error, RequestError
from diptych.outages import Outage
from diptych.web.bodies import MIB
from diptych.web.headers import Headers, read_headers
from diptych.web.hosts import LOOPBACK, Hosts
from diptych.web.principals import Principal, Principals
from diptych.web.problems import CONTENT_TYPE, Problem, problem_of_error

Scope = Any
"""An ASGI scope: a dictionary whose values depend on the server."""

RawHeaders = list[tuple[bytes, bytes]]
OF_STATUS = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "unknown-path",
    405: "method-not-allowed",
    429: "too-many",
}
_log = logging.getLogger("diptych.web")


class Reply(NamedTuple):
    """Hold a whole answer: its status, its headers, its body, and its outcome as metrics count it."""

    status: int
    headers: RawHeaders
    body: bytes
    outcome: str


class Edge:
    """Admit requests to one application and turn what goes wrong into problems."""

    def __init__(
        self,
        application: Application,
        *,
        principal: Principal | None = None,
        hosts: Iterable[str] = LOOPBACK,
        origins: Iterable[str] = (),
        max_body: int = MIB,
    ) -> None:
        self.application = application
        self.principals = Principals(principal)
        self.hosts = Hosts(hosts, origins)
        self.max_body = max_body
        self._outages = dict[type, Outage]()

    def admit(self, scope: Scope) -> Headers:
        """Return the headers of a request that may come in; raise RequestError for any other."""
        headers = read_headers(scope)
        self.hosts.admit(headers)
        return headers

    def admit_message(self, scope: Scope) -> Headers:
        """Return the headers of a request for a message; as `admit`, and only while the application is open."""
        if not self.application.is_open:
            raise RequestError("closed", "open it first: async with application, or run the lifespan of its HTTP face")
        return self.admit(scope)

    async def reply_to_error(self, error: Exception, scope: Scope) -> Reply:
        """Return the answer that tells an error; a bug is logged with its traceback under a reference."""
        return reply_to_problem(self.problem_met(error, scope), position=await self.head())

    def problem_met(self, error: Exception, scope: Scope) -> Problem:
        """Return the problem that tells an error, having logged what the people who run the server must see."""
        problem = _of_http(error) if isinstance(error, HTTPException) else problem_of_error(error)
        if problem is None:
            return _bug(error, scope)
        if problem.kind in {"store", "storage-full", "stopped"}:
            self._tell(problem, error, scope)
        return problem

    async def head(self) -> int | None:
        """Return the head of the log, which every problem carries too; None when the store cannot say."""
        try:
            return await self.application.head() if self.application.is_open else None
        except Error:
            return None

    def _tell(self, problem: Problem, error: Exception, scope: Scope) -> None:
        """Log one line for every request, and with the first of an outage the traceback."""
        outage = self._outages.setdefault(type(error), Outage("the store", _log))
        told = error if outage.is_news(error, time.monotonic()) else None
        reason = str(error).partition("\n")[0]
        _log.error("%s %r: %s: %s", scope["method"], scope["path"], problem.type, reason, exc_info=told)


def reply_to_problem(problem: Problem, *, position: int | None) -> Reply:
    """Return the answer that tells a problem, with the position at which it was judged."""
    body = problem.body()
    headers = [(b"content-type", CONTENT_TYPE), (b"content-length", b"%d" % len(body))]
    if position is not None:
        headers.append((b"diptych-position", b"%d" % position))
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in problem.headers.items()]
    return Reply(problem.status, headers, body, problem.kind)


def response_of(reply: Reply) -> Response:
    """Return an answer as Starlette sends it."""
    response = Response(reply.body, reply.status)
    response.raw_headers = reply.headers
    return response


def refuse_method(allowed: str) -> RequestError:
    """Return the error of a method that does not fit."""
    return RequestError("method-not-allowed", f"allowed: {allowed}", headers={"allow": allowed})


def _of_http(error: HTTPException) -> Problem | None:
    kind = OF_STATUS.get(error.status_code)
    return None if kind is None else Problem(kind, error.detail, headers=error.headers or {})


def _bug(error: Exception, scope: Scope) -> Problem:
    reference = secrets.token_hex(8)  # for people who read the log of the server; nothing depends on it
    _log.error("bug %s: %s %r", reference, scope["method"], scope["path"], exc_info=error)
    return Problem("bug", f"quote the reference {reference}", members={"reference": reference})
