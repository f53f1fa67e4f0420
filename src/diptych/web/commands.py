"""Commands over HTTP: `POST /commands/{Name}` with the command as JSON."""

from __future__ import annotations

from diptych.codec import encode
from diptych.model.results import Accepted, Failure
from diptych.web.bodies import Receive, read_body
from diptych.web.dry_runs import is_dry_run, reply_marked, reply_to_trial
from diptych.web.edge import Edge, Reply, Scope, refuse_method, reply_to_problem
from diptych.web.faces import Face, unknown
from diptych.web.headers import Headers, expected_position, idempotency_key, wait_seconds
from diptych.web.problems import problem_of_result
from diptych.write.requests import Delivery

PREFIX = "/commands/"
_JSON = (b"content-type", b"application/json")


def command_face(edge: Edge) -> Face:
    """Return the ASGI application that takes commands."""
    return Face(edge, "command", PREFIX, edge.application.commands, _Intake(edge).serve)


class _Intake:
    """Take commands in, to be sent or only tried."""

    def __init__(self, edge: Edge) -> None:
        self._edge, self._application = edge, edge.application
        self._names = frozenset(edge.application.commands)

    async def serve(self, name: str, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        """Answer the request for a command."""
        if is_dry_run(scope["query_string"]):
            return await reply_marked(self._edge, scope, self._try(name, scope, headers, receive))
        body, how = await self._received(name, scope, headers, receive)
        result = await self._application.receive(
            name, body, key=how.key, principal=how.principal, expected=how.expected
        )
        if isinstance(result, Accepted):
            return _accepted(result)
        return await _failed(self._edge, result, conditional=how.expected is not None)

    async def _try(self, name: str, scope: Scope, headers: Headers, receive: Receive) -> Reply:
        wait = wait_seconds(headers)
        body, how = await self._received(name, scope, headers, receive)
        trial = await self._application.trials.receive(name, body, how, wait=wait)
        if isinstance(trial.result, Accepted):
            return reply_to_trial(trial)
        return await _failed(self._edge, trial.result, conditional=how.expected is not None)

    async def _received(self, name: str, scope: Scope, headers: Headers, receive: Receive) -> tuple[bytes, Delivery]:
        if scope["method"] != "POST":
            raise refuse_method("POST")
        if name not in self._names:
            raise unknown("command", name, self._names)
        key, expected = idempotency_key(headers), expected_position(headers)
        principal = await self._edge.principals.of(scope, headers)
        body = await read_body(receive, headers.get(b"content-length"), self._edge.max_body)
        return body, Delivery(key, principal, expected=expected)


def _accepted(result: Accepted[object]) -> Reply:
    position = b"%d" % result.position
    body = b'{"position":%b,"result":%b}' % (position, encode(result.value))
    headers = [_JSON, (b"content-length", b"%d" % len(body)), (b"diptych-position", position)]
    return Reply(200, headers, body, "accepted")


async def _failed(edge: Edge, result: Failure, *, conditional: bool) -> Reply:
    position = await edge.head() if result.position is None else result.position
    return reply_to_problem(problem_of_result(result, conditional=conditional), position=position)
