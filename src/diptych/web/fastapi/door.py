"""The door: where a FastAPI application meets one of Diptych's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import Response

from diptych.application import Application
from diptych.errors import Error, Refusal, UnwrapError, WiringError
from diptych.model.results import Accepted
from diptych.web.bodies import MIB
from diptych.web.edge import Edge, reply_to_problem, response_of
from diptych.web.fastapi.asking import Asking
from diptych.web.fastapi.documents import completed
from diptych.web.fastapi.enclosures import BARE, Enclosure
from diptych.web.fastapi.endpoints import Endpoint
from diptych.web.fastapi.marks import ASKS, SENDS, saying
from diptych.web.fastapi.routers import Way, add_route
from diptych.web.fastapi.sending import Sending
from diptych.web.fastapi.statuses import Remapping, Statuses
from diptych.web.fastapi.validation import tell_invalid
from diptych.web.fastapi.visits import Visit, Visits, entered_door, remapped_here, visit_of
from diptych.web.hosts import LOOPBACK
from diptych.web.principals import named as principal_named
from diptych.web.problems import problem_of_result

Dependency = Callable[..., Any]
"""A dependency as FastAPI takes it: its parameters are dependencies, headers and cookies in their turn."""


class Door:
    """Let a FastAPI application in to one of Diptych's.

    `principal` is a dependency that returns on whose behalf a request comes, or None for nobody, and raises
    HTTPException or NotAllowed to refuse it; without it only this machine is served, and believed what
    `X-Diptych-User` says. `hosts` are the names that its routes answer to, `origins` the pages of other origins that
    may write. `statuses` are those of problems, where they are to differ. Routes get `Depends(door.sending)` and
    `Depends(door.asking)`.
    """

    def __init__(
        self,
        application: Application,
        *,
        principal: Dependency | None = None,
        hosts: Iterable[str] = LOOPBACK,
        origins: Iterable[str] = (),
        max_body: int = MIB,
        statuses: Statuses | None = None,
    ) -> None:
        self.application = application
        self.statuses = Remapping(statuses or {})
        self._edge = Edge(application, hosts=hosts, origins=origins, max_body=max_body)
        entered = _entering(self, self._edge, principal)
        self.sending: Callable[..., Any] = _sending(self, self._edge, entered)
        self.asking: Callable[..., Any] = _asking(self, self._edge, entered)

    @contextlib.asynccontextmanager
    async def lifespan(self, api: FastAPI) -> AsyncIterator[None]:
        """Open the application while FastAPI runs, unless it is open: `FastAPI(lifespan=door.lifespan)`.

        Raises WiringError where the door was not installed.
        """
        if not any(each.kwargs.get("door") is self for each in api.user_middleware):
            raise WiringError("a door opens with a FastAPI application that does not have it", fix="door.install(api)")
        async with contextlib.AsyncExitStack() as stack:
            if not self.application.is_open:
                await stack.enter_async_context(self.application)
            yield

    def install(self, api: FastAPI) -> None:
        """Let routes of an API use this door, tell errors as problems, and complete its OpenAPI document.

        Routes that use no door, and errors that are not ours, stay as they are.
        """
        api.add_middleware(Visits, door=self, max_body=self._edge.max_body)
        for kind in (Error, Refusal):
            api.add_exception_handler(kind, self._tell)
        own = completed(api.openapi, lambda: api.exception_handlers.get(RequestValidationError) is tell_invalid)
        api.openapi = own  # type: ignore[method-assign]  # the way that FastAPI documents to extend it

    def router(
        self,
        *endpoints: Endpoint | type,
        enclosure: Enclosure = BARE,
        statuses: Statuses | None = None,
        tags: Sequence[str] = (),
    ) -> APIRouter:
        """Return a router with a route for every endpoint, or command or query; raise WiringError for what misfits."""
        router, here = APIRouter(tags=list(tags)), Remapping(statuses or {})
        way = Way(self.sending, self.asking, self.tell)
        for each in endpoints:
            endpoint = each if isinstance(each, Endpoint) else Endpoint(each)
            endpoint.refuse_misfit(self.application)
            add_route(router, way, endpoint, enclosure=endpoint.enclosure or enclosure, statuses=here)
        return router

    async def tell(self, request: Request, error: Exception) -> Response:
        """Return the problem that tells an error, under the status that it has here."""
        if isinstance(error, UnwrapError) and not isinstance(error.result, Accepted):
            result: Any = error.result
            problem = problem_of_result(result, conditional="if-match" in request.headers)
            position = result.position
        else:
            problem, position = self._edge.problem_met(error, request.scope), None
        own = remapped_here(request.scope)
        statuses = self.statuses if own is None else own.over(self.statuses)
        position = await self._edge.head() if position is None else position
        return response_of(reply_to_problem(statuses.applied(problem), position=position))

    async def _tell(self, request: Request, error: Exception) -> Response:
        door: Door = entered_door(request.scope) or self
        return await door.tell(request, error)


def _entering(door: Door, edge: Edge, principal: Dependency | None) -> Dependency:
    async def admitted(request: Request) -> Visit:
        visit = visit_of(request.scope, door)
        visit.headers = edge.admit_message(request.scope)
        return visit

    async def local(request: Request) -> Visit:
        visit = await admitted(request)
        visit.principal = edge.principals.local(request.scope, visit.headers)
        return visit

    if principal is None:
        return local
    visiting, named = Depends(admitted), Depends(principal)

    async def entered(visit: Visit = visiting, name: str | None = named) -> Visit:
        visit.principal = principal_named(name)
        return visit

    return entered


def _sending(door: Door, edge: Edge, entered: Dependency) -> Dependency:
    visiting = Depends(entered)

    async def sending(visit: Visit = visiting, _: Any = None) -> Sending:
        return Sending(edge, visit)

    return saying(SENDS, lambda: {"statuses": door.statuses.by_kind}, sending)


def _asking(door: Door, edge: Edge, entered: Dependency) -> Dependency:
    visiting = Depends(entered)

    async def asking(request: Request, visit: Visit = visiting, _: Any = None) -> Asking:
        return Asking(edge, visit, request)

    return saying(ASKS, lambda: {"statuses": door.statuses.by_kind}, asking)
