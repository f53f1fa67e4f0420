"""The dashboard: a page in the browser that asks the public queries, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_PAGE = "dashboard.html"
_ASSETS = {
    _PAGE: "text/html",
    "dashboard.css": "text/css",
    "dashboard.js": "text/javascript",
    "money.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def dashboard_routes() -> tuple[Route, ...]:
    """Return the routes of the page, `/` and `/dashboard`, and of what it loads."""
    page = _asset(_PAGE)
    loaded = [Route(f"/dashboard/{name}", _asset(name)) for name in _ASSETS if name != _PAGE]
    return (Route("/", page), Route("/dashboard", page), *loaded)


def _asset(name: str) -> Callable[[Request], Response]:
    content = (files("retail.dashboard") / "assets" / name).read_bytes()

    def page(_: Request) -> Response:
        return Response(content, media_type=_ASSETS[name], headers=_HEADERS)

    return page
