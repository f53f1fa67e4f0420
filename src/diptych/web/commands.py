"""Commands over HTTP: `POST /commands/{Name}` with the command as JSON."""

from __future__ import annotations

from diptych.codec import encode
from diptych.model.results import Accepted, Failure
from diptych.web.bodies import Receive, read_body
from diptych.web.edge import Edge, Reply, Scope, refuse_method, reply_to_problem
from diptych.web.faces import Face, unknown
from diptych.web.headers import Headers, expected_position, idempotency_key
from diptych.web.problems import problem_of_result

PREFIX = "/commands/"
_JSON = (b"content-type", b"application/json")


def command_face(edge: Edge) -> Face:
    """Return the ASGI application that takes commands."""
    application, principals, limit = edge.application, edge.principals, edge.max_body
    names = frozenset(application.commands)

    async def serve(name: str, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        if scope["method"] != "POST":
            raise refuse_method("POST")
        if name not in names:
            raise unknown("command", name, names)
        key, expected = idempotency_key(headers), expected_position(headers)
        principal = await principals.of(scope, headers)
        body = await read_body(receive, headers.get(b"content-length"), limit)
        result = await application.receive(name, body, key=key, principal=principal, expected=expected)
        if isinstance(result, Accepted):
            return _accepted(result)
        return await _failed(edge, result, conditional=expected is not None)

    return Face(edge, "command", PREFIX, names, serve)


def _accepted(result: Accepted[object]) -> Reply:
    position = b"%d" % result.position
    body = b'{"position":%b,"result":%b}' % (position, encode(result.value))
    headers = [_JSON, (b"content-length", b"%d" % len(body)), (b"diptych-position", position)]
    return Reply(200, headers, body, "accepted")


async def _failed(edge: Edge, result: Failure, *, conditional: bool) -> Reply:
    position = await edge.head() if result.position is None else result.position
    return reply_to_problem(problem_of_result(result, conditional=conditional), position=position)
