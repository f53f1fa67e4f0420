"""Asking: how a route asks queries, as its request's headers say."""

from __future__ import annotations

from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request

from diptych.history.history import Moment
from diptych.model.messages import Query
from diptych.read.cache import written
from diptych.read.panel import Answer
from diptych.web.edge import Edge
from diptych.web.fastapi.answers import By, page_links, public_url
from diptych.web.fastapi.visits import Visit
from diptych.web.headers import after_position, wait_seconds
from diptych.web.queries import entity_tag, is_known

R = TypeVar("R")
P = TypeVar("P")


class Asking:
    """Ask queries on behalf of a request's principal, from rows that hold what `Diptych-After` says.

    They also hold what the same request has sent before. Waits as long as `Prefer: wait=` says. The answer carries the
    lowest position that was read.
    """

    def __init__(self, edge: Edge, visit: Visit, request: Request) -> None:
        self._edge, self._visit, self._request = edge, visit, request
        self._after, self._wait = after_position(visit.headers), wait_seconds(visit.headers)

    @property
    def principal(self) -> str | None:
        """Return on whose behalf the request comes."""
        return self._visit.principal

    async def __call__(self, query: Query[R], *, as_of: Moment | None = None) -> R:
        """Return the answer of a query; raise what `Application.ask` raises, each of which is told as a problem."""
        return (await self.answer(query, as_of=as_of)).value  # type: ignore[no-any-return]  # the handler's R

    async def answer(self, query: Query[Any], *, as_of: Moment | None = None) -> Answer:
        """Return the answer of a query with its position; as calling it, but for None."""
        after = max((each for each in (self._after, self._visit.sent) if each is not None), default=None)
        answer = await self._edge.application.answer(
            query, after=after, as_of=as_of, wait=self._wait, principal=self.principal
        )
        self._visit.saw(answer.position)
        return answer

    async def if_changed(self, query: Query[R]) -> R:
        """Return the answer of a query, tagged with its `ETag`; end the request with 304 for a client that has it.

        For a route whose answer depends on this query and nothing else.
        """
        answer = await self.answer(query)
        if answer.value is not None:
            tag = entity_tag(answer.changed, (answer.written or written(answer.value)).digest)
            self._visit.marks |= {b"etag": b"W/" + tag, b"cache-control": b"private, no-cache"}
            if is_known(tag, self._visit.headers):
                raise HTTPException(304)
        return answer.value  # type: ignore[no-any-return]  # the handler's R

    def linked(self, page: P, *, by: By = "offset") -> P:
        """Return a page of a list; let the answer have a `Link` to the others, by the query parameters of this URL."""
        links = page_links(public_url(self._request), page, by=by)
        if links is not None:
            self._visit.marks[b"link"] = links.encode("latin-1")
        return page
