"""Principals: on whose behalf a request comes. From the hook, or on this machine from a header; never from the body."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import HTTPConnection

from diptych.errors import RequestError, WiringError
from diptych.web.headers import Headers, user_name
from diptych.web.hosts import comes_from_here

Principal = Callable[[HTTPConnection], str | Awaitable[str | None] | None]
"""Name the principal of a request, or None for nobody; raise NotAllowed to refuse it. It may be async."""


class Principals:
    """Find the principal of a request.

    Without a hook only this machine is served, and believed what X-Diptych-User says.
    """

    def __init__(self, hook: Principal | None) -> None:
        self._hook = hook

    @property
    def are_local(self) -> bool:
        """Say whether there is no hook, so that only this machine is served."""
        return self._hook is None

    def local(self, scope: Any, headers: Headers) -> str | None:  # Any: an ASGI scope
        """Return the principal that a client of this machine names; raise RequestError for one of another machine."""
        if not comes_from_here(scope.get("client")):
            raise RequestError("forbidden", "without a principal hook only this machine is served; pass principal=...")
        return user_name(headers)

    async def of(self, scope: Any, headers: Headers) -> str | None:  # Any: an ASGI scope
        """Return the principal; raise what the hook raises."""
        if self._hook is None:
            return self.local(scope, headers)
        found = self._hook(HTTPConnection(scope))
        return named(await found if inspect.isawaitable(found) else found)


def named(found: Any) -> str | None:  # Any: what a hook of the user's returned
    """Return the principal that a hook returned; raise WiringError for what is no name, such as a whole user."""
    if found is None or isinstance(found, str):
        return found
    raise WiringError(
        f"the principal hook returned a {type(found).__qualname__}; a principal is a text that is stored with every "
        "command, or None for nobody",
        fix="return the name or the id of the user, as a str",
    )
