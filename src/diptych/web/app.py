"""The HTTP face of an application, as an ASGI application that serves alone or mounted in another."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Send

from diptych.application import Application
from diptych.web import commands, queries
from diptych.web.auditors import Auditor, Oversight
from diptych.web.bodies import MIB
from diptych.web.edge import Edge, Scope, response_of
from diptych.web.faces import Face
from diptych.web.history import history_routes
from diptych.web.hosts import LOOPBACK
from diptych.web.pages import page_routes
from diptych.web.principals import Principal
from diptych.web.sent import sent_routes


def asgi_app(
    application: Application,
    *,
    principal: Principal | None = None,
    hosts: Iterable[str] = LOOPBACK,
    origins: Iterable[str] = (),
    max_body: int = MIB,
    auditor: Auditor | None = None,
    title: str = "Diptych",
    version: str = "1",
    routes: Iterable[BaseRoute] = (),
) -> Starlette:
    """Return the HTTP face of an application: commands, queries, their schemas, health and metrics.

    `principal` names on whose behalf a request comes; without it only this machine is served. `hosts` are the names
    that are answered to, `origins` the pages of other origins that may write. `auditor` says which principal may see
    what others sent and what became of it; without it nobody may, but this machine where there is no `principal`.
    Where there are guards, it says so of `/history/` too.
    `routes` are your own, such as a page that asks its queries, behind the same door. Its lifespan opens the
    application unless it is open; when it is mounted in another ASGI application, that one opens it.
    """
    edge = Edge(application, principal=principal, hosts=hosts, origins=origins, max_body=max_body)
    faces = {
        commands.PREFIX: commands.command_face(edge),
        queries.PREFIX: queries.query_face(edge),
    }
    oversight = Oversight(edge, auditor)
    sent = sent_routes(edge, oversight)
    pages = page_routes(application, (face.meter for face in faces.values()), title=title, version=version)
    return WebFace(edge, faces, sent, (*pages, *history_routes(edge, oversight), *routes))


class WebFace(Starlette):
    """Serve messages by the shortest way, everything else by routes.

    A message goes past router and middleware stack straight to its face, unless middleware was added to this one.
    """

    def __init__(
        self, edge: Edge, faces: Mapping[str, Face], sent: Iterable[BaseRoute], pages: Iterable[BaseRoute]
    ) -> None:
        messages = [Route(f"{prefix}{{name:path}}", face) for prefix, face in faces.items()]
        super().__init__(
            routes=[*sent, *messages, *pages],
            lifespan=lambda _: _opened(edge.application),
            exception_handlers={HTTPException: self._refuse},
        )
        self._edge = edge
        (self._commands, self._command), (self._queries, self._query) = faces.items()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] == "http":
            if not self.user_middleware:
                path, root = scope["path"], scope.get("root_path", "")
                if scope["method"] == "POST" and path.startswith(self._commands, len(root)):
                    return await self._command(scope, receive, send)
                if path.startswith(self._queries, len(root)):
                    return await self._query(scope, receive, send)
            try:
                self._edge.admit(scope)
            except Exception as error:  # noqa: BLE001 (the edge of the house: an error is an answer)
                reply = await self._edge.reply_to_error(error, scope)
                return await response_of(reply)(scope, receive, send)
        return await super().__call__(scope, receive, send)

    async def _refuse(self, request: Request, error: Exception) -> Response:
        return response_of(await self._edge.reply_to_error(error, request.scope))


@contextlib.asynccontextmanager
async def _opened(application: Application) -> AsyncIterator[None]:
    if application.is_open:
        yield
    else:
        async with application:
            yield
