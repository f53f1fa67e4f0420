"""History over HTTP: `GET /history/{model}/{key}/blame`, `/diff` and `/versions`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from diptych.codec import encode
from diptych.errors import RequestError
from diptych.history.history import History, Moment
from diptych.history.keys import number_of_text
from diptych.history.refold import LIMIT
from diptych.history.telling import told_blame, told_diff, told_versions
from diptych.model.projections import Key, ReadModel
from diptych.web.auditors import Oversight
from diptych.web.edge import Edge, response_of
from diptych.web.headers import known_etags, wait_seconds
from diptych.web.moments import AS_OF, moment, once

Told = tuple[int, Mapping[str, Any]]
"""The position that an answer holds, and the answer."""
Tell = Callable[["_Asked"], Awaitable[Told]]
_MOST_VERSIONS = 1000
_VERSIONS = 100


class _Asked(NamedTuple):
    history: History
    model: ReadModel[Any]
    key: Key
    given: Mapping[str, str]
    wait: float

    @property
    def limit(self) -> int:
        # A caller may spend less than the server allows, never more.
        return min(_number(self.given, "limit", LIMIT), LIMIT)

    @property
    def as_of(self) -> Moment | None:
        return moment(AS_OF, self.given[AS_OF]) if AS_OF in self.given else None


def history_routes(edge: Edge, oversight: Oversight) -> list[Route]:
    """Return the routes that tell the past of rows."""

    def route(what: str, tell: Tell, *names: str) -> Route:
        return Route(f"/history/{{model}}/{{key:path}}/{what}", _page(edge, oversight, tell, names))

    return [
        route("blame", _blame, "field", "as_of", "limit"),
        route("diff", _diff, "from", "to", "limit"),
        route("versions", _versions, "after", "as_of", "count", "limit"),
    ]


async def _blame(asked: _Asked) -> Told:
    field, as_of = asked.given.get("field"), asked.as_of
    name, key = asked.model.name, asked.key
    found = await asked.history.blame(name, key, field=field, as_of=as_of, limit=asked.limit, wait=asked.wait)
    return found.position, told_blame(asked.model, found)


async def _diff(asked: _Asked) -> Told:
    lacking = [name for name in ("from", "to") if name not in asked.given]
    if lacking:
        raise RequestError("malformed", f"{lacking[0]} is required: a position or a time")
    start, end = (moment(name, asked.given[name]) for name in ("from", "to"))
    try:
        found = await asked.history.diff(asked.model.name, asked.key, start, end, limit=asked.limit, wait=asked.wait)
    except ValueError as wrong:  # the moments in the wrong order
        raise RequestError("malformed", str(wrong)) from wrong
    return found.end, told_diff(asked.model, found)


async def _versions(asked: _Asked) -> Told:
    after, count = _number(asked.given, "after", 0), _number(asked.given, "count", _VERSIONS)
    if not 1 <= count <= _MOST_VERSIONS:
        raise RequestError("malformed", f"count: expected 1 to {_MOST_VERSIONS}, found {count}")
    found = await asked.history.versions(
        asked.model.name,
        asked.key,
        after=after,
        as_of=asked.as_of,
        count=count,
        limit=asked.limit,
        wait=asked.wait,
    )
    return found[-1].cause.position if found else after, told_versions(asked.model, asked.key, found)


def _page(
    edge: Edge, oversight: Oversight, tell: Tell, names: tuple[str, ...]
) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        try:
            headers = edge.admit_message(request.scope)
            await oversight.admit_to_rows(await edge.principals.of(request.scope, headers))
            asked = _asked(edge.application.history, request, once(request.scope["query_string"], names), headers)
            position, told = await tell(asked)
        except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer, a bug is logged there)
            return response_of(await edge.reply_to_error(error, request.scope))
        return _response(position, encode(told), known_etags(headers))

    return page


def _asked(history: History, request: Request, given: Mapping[str, str], headers: Mapping[bytes, bytes]) -> _Asked:
    model = history.model(request.path_params["model"])
    return _Asked(history, model, history.key_of(model.name, request.path_params["key"]), given, wait_seconds(headers))


def _response(position: int, body: bytes, known: frozenset[bytes]) -> Response:
    etag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
    headers = {"etag": f"W/{etag}", "diptych-position": str(position), "cache-control": "private, no-cache"}
    if known & {etag.encode(), b"*"}:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _number(given: Mapping[str, str], name: str, default: int) -> int:
    if name not in given:
        return default
    number = number_of_text(given[name])
    if number is None:
        raise RequestError("malformed", f"{name}: expected a whole number, found {given[name][:40]!r}")
    return number
