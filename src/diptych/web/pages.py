"""Pages beside the messages: `/openapi.json`, `/docs`, `/health/live`, `/health/ready`, `/metrics`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from diptych.application import Application
from diptych.codec import encode
from diptych.errors import Error
from diptych.ports import Checkpoint
from diptych.web import metrics, subscribers
from diptych.web.catalogue import catalogue_routes
from diptych.web.metrics import Meter
from diptych.web.schemas import openapi

_ASSETS = {"docs.html": "text/html", "docs.css": "text/css", "docs.js": "text/javascript"}
_JSON = "application/json"
_NOBODY: Mapping[str, str] = {}
_SECURE = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def page_routes(application: Application, meters: Iterable[Meter], *, title: str, version: str) -> list[Route]:
    """Return the routes of the pages beside the messages."""
    return [
        Route("/openapi.json", _openapi(application, title, version)),
        Route("/docs", _asset("docs.html")),
        *catalogue_routes(application, title=title),
        Route("/docs/docs.css", _asset("docs.css")),
        Route("/docs/docs.js", _asset("docs.js")),
        Route("/health/live", _live),
        Route("/health/ready", _ready(application)),
        Route("/metrics", _metrics(application, tuple(meters))),
    ]


def _openapi(application: Application, title: str, version: str) -> Callable[[Request], Response]:
    @cache
    def document(root: str) -> bytes:
        described = {**openapi(application, title=title, version=version), "servers": [{"url": root or "/"}]}
        return msgspec.json.encode(described)  # unsorted: fields stand in the order in which they were written

    def page(request: Request) -> Response:
        return Response(document(request.scope.get("root_path", "")), media_type=_JSON, headers=_SECURE)

    return page


def _asset(name: str) -> Callable[[Request], Response]:
    text = (files("diptych.web") / "assets" / name).read_text(encoding="utf-8")

    def page(_: Request) -> Response:
        return Response(text, media_type=_ASSETS[name], headers=_SECURE)

    return page


def _live(_: Request) -> Response:
    return Response(encode({"status": "live"}), media_type=_JSON)


def _ready(application: Application) -> Callable[[Request], Any]:
    async def page(_: Request) -> Response:
        state = await _readiness(application)
        return Response(encode(state), 200 if state["status"] == "ready" else 503, media_type=_JSON)

    return page


def _metrics(application: Application, meters: tuple[Meter, ...]) -> Callable[[Request], Any]:
    async def page(_: Request) -> Response:
        lines = [line for meter in meters for line in meter.lines()]
        lines += metrics.cached(application.cache)
        lines += metrics.audited(application.audit.dropped, application.audit.waiting)
        if application.is_open:
            try:
                lines += metrics.positions(await application.head(), await application.checkpoints())
                lines += subscribers.lines(await application.head(), await application.reactions.bookmarks())
                lines += metrics.owned(application.projections, application.ownership)
                lines += metrics.views(await application.views())
            except Error:  # counts are still worth having when the store is down
                lines.append("# the store cannot tell positions now")
        return Response("\n".join(lines) + "\n", media_type=metrics.CONTENT_TYPE)

    return page


async def _readiness(application: Application) -> dict[str, Any]:
    if not application.is_open:
        return {"status": "closed"}
    try:
        head, found = await application.head(), await application.checkpoints()
        bookmarks, folded = await application.reactions.bookmarks(), await _folded(application)
    except Error:
        return {"status": "unready", "store": "failed"}
    outdated = {name for name, each in found.items() if name in application.projections and not application.fits(each)}
    state = readiness(application.projections, head, found, outdated=outdated, folded=folded)
    only = application.ownership.only
    told = subscribers.standings(application.subscribers if only != "queries" else (), head, bookmarks)
    if told:
        failing = any(each["status"] == "failing" for each in told.values())
        state |= {"subscribers": told} | ({"status": "unready"} if failing else {})
    if only == "commands":  # no command waits for the rest
        state |= {"status": "ready"}
    return state if application.failure is None else {**state, "status": "unready", "runtime": "ended"}


async def _folded(application: Application) -> dict[str, str]:
    found = dict.fromkeys(await application.ownership.owners(), "another process")
    return found | dict.fromkeys(application.ownership.here, "this process")


def readiness(
    names: Iterable[str],
    head: int,
    checkpoints: Mapping[str, Checkpoint],
    *,
    outdated: Collection[str] = (),
    folded: Mapping[str, str] = _NOBODY,
) -> dict[str, Any]:
    """Return whether every projection runs, where each stands, and who folds it.

    `running`, `starting`, `rebuilding`, `stopped`; `outdated`: the rows are those of other code, which another process
    may still fold.
    """
    projections = {
        name: {**_standing(checkpoints.get(name), head, name in outdated), "folded_by": folded.get(name, "nobody")}
        for name in names
    }
    ready = all(each["status"] == "running" for each in projections.values())
    return {"status": "ready" if ready else "unready", "head": head, "projections": projections}


def _standing(checkpoint: Checkpoint | None, head: int, outdated: bool) -> dict[str, Any]:  # noqa: FBT001 (private)
    if checkpoint is None:
        return {"status": "starting", "position": 0, "lag": head}
    told = {"position": checkpoint.position, "lag": max(0, head - checkpoint.position)}
    if outdated:
        return {"status": "outdated", **told}
    if checkpoint.error is not None:
        return {"status": "stopped", **told}
    if checkpoint.target is not None:
        return {"status": "rebuilding", "target": checkpoint.target, **told}
    return {"status": "running", **told}
