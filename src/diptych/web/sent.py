"""Sent commands over HTTP: `GET /commands`, `/commands/{id}` and `/commands/{id}/trace`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from diptych.application import Application
from diptych.codec import encode
from diptych.errors import RequestError, UnknownCommandError
from diptych.history.keys import command_of_text, number_of_text
from diptych.history.traced import told_sent, told_trace
from diptych.web.auditors import Oversight
from diptych.web.edge import Edge, response_of
from diptych.web.moments import moment, once

MOST = 500
PAGE = 50
LISTED_BY = ("name", "principal", "outcome", "since", "before", "limit")
_HEADERS = {"cache-control": "private, no-store"}
Told = Mapping[str, Any]
Tell = Callable[["_Asked"], Awaitable[Told]]


def sent_routes(edge: Edge, oversight: Oversight) -> list[Route]:
    """Return the routes that tell what was sent."""
    return [
        Route("/commands", _page(edge, oversight, _list, LISTED_BY)),
        Route("/commands/{id:uuid}", _page(edge, oversight, _outcome, ())),
        Route("/commands/{id}/trace", _page(edge, oversight, _trace, ())),
    ]


class _Asked:
    """A question, and who asks it."""

    def __init__(self, edge: Edge, oversight: Oversight, request: Request, given: Mapping[str, str]) -> None:
        self.application: Application = edge.application
        self.id: Any = request.path_params.get("id")
        self.given = given
        self._oversight = oversight
        self.principal: str | None = None

    async def refuse_others(self) -> None:
        """Raise NotAllowed unless the principal may see what others sent."""
        await self._oversight.admit(self.principal)


async def _list(asked: _Asked) -> Told:
    await asked.refuse_others()
    given, audit = asked.given, asked.application.audit
    chosen = {name: given.get(name) for name in ("name", "principal", "outcome", "before")}
    try:
        page = await audit.page(**chosen, since=_since(given), limit=_limit(given))
    except ValueError as wrong:
        raise RequestError("malformed", str(wrong)) from wrong
    trail = await audit.trail()
    kept = {"kept": trail.kept, "dropped": trail.dropped}
    return {"commands": [told_sent(each) for each in page.commands], "next": page.next, "trail": kept}


async def _outcome(asked: _Asked) -> Told:
    found = await asked.application.audit.of(asked.id)
    own = asked.principal is not None and all(each.principal == asked.principal for each in found)
    if not (found and own):
        await asked.refuse_others()
    if not found:
        raise UnknownCommandError(f"nothing is known of command {asked.id}: it never came, or is forgotten")
    record = await asked.application.outcome(asked.id)
    result = None if record is None else _result(record.answer)
    return {**told_sent(found[0] if record is not None else found[-1]), "result": result}


async def _trace(asked: _Asked) -> Told:
    await asked.refuse_others()
    try:
        named = command_of_text(asked.id)
    except ValueError as wrong:
        raise RequestError("malformed", str(wrong)) from wrong
    return told_trace(await asked.application.trace(named))


def _page(
    edge: Edge, oversight: Oversight, tell: Tell, names: tuple[str, ...]
) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        try:
            headers = edge.admit_message(request.scope)
            given = once(request.scope["query_string"], names)
            asked = _Asked(edge, oversight, request, given)
            asked.principal = await edge.principals.of(request.scope, headers)
            body = encode(await tell(asked))
            position = await edge.application.head()
        except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer, a bug is logged there)
            return response_of(await edge.reply_to_error(error, request.scope))
        return Response(body, media_type="application/json", headers={**_HEADERS, "diptych-position": str(position)})

    return page


def _since(given: Mapping[str, str]) -> datetime | None:
    if "since" not in given:
        return None
    found = moment("since", given["since"])
    if isinstance(found, int):
        raise RequestError("malformed", f"since: expected a time with a zone, found {found}")
    return found


def _limit(given: Mapping[str, str]) -> int:
    if "limit" not in given:
        return PAGE
    limit = number_of_text(given["limit"])
    if limit is None or not 1 <= limit <= MOST:
        raise RequestError("malformed", f"limit: expected 1 to {MOST}, found {given['limit'][:40]!r}")
    return limit


def _result(answer: bytes) -> Any:
    return msgspec.Raw(answer or b"null")
