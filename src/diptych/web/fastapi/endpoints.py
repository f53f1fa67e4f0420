"""Endpoints: which message a route of a router takes, where, and how it answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from diptych.application import Application
from diptych.errors import WiringError
from diptych.errors.casing import parted
from diptych.model.fields import fields_of, place_of
from diptych.model.messages import is_command, is_query
from diptych.web.fastapi.enclosures import Enclosure
from diptych.web.fastapi.statuses import Remapping, Statuses
from diptych.web.openapi_parts import summary

_PARAMETER = re.compile(r"{(\w+)(?::\w+)?}")
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_SUCCEEDED = range(200, 300)
NO_CONTENT = 204


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Say how one command or query is served by a router: `Endpoint(AddItem, "/orders/{order}/items", status=201)`.

    Fields that the path names are taken from there. By default the path is the message's name in words, the method POST
    for a command and GET for a query. `status` is that of success; 204 answers a command without a body. `statuses` are
    those of problems, over those of the router and the door. `missing` is the status of a query that finds None: 404 is
    a problem, 200 answers null. `enclosure` stands around the answer; None takes that of the router.
    """

    message: type = field(kw_only=False)
    path: str = field(default="", kw_only=False)
    method: str = ""
    status: int = 200
    statuses: Statuses = field(default_factory=dict)
    missing: Literal[200, 404] = 404
    enclosure: Enclosure | None = None
    tags: Sequence[str] = ()
    summary: str | None = None
    description: str | None = None
    operation_id: str | None = None
    deprecated: bool = False

    @property
    def route(self) -> str:
        """Return the path, or the one that the message's name makes."""
        return self.path or f"/{parted(self.message.__name__, '-')}"

    @property
    def verb(self) -> str:
        """Return the method, or the one that fits the message."""
        return self.method.upper() or ("GET" if is_query(self.message) else "POST")

    def told(self) -> Mapping[str, Any]:
        """Return what the document says of it, as FastAPI's routes take it."""
        return {
            "status_code": self.status,
            "tags": list(self.tags) or None,
            "summary": self.summary or summary(self.message) or None,
            "description": self.description,
            "operation_id": self.operation_id or self.message.__name__,
            "deprecated": self.deprecated or None,
            "name": self.message.__name__,
        }

    def refuse_misfit(self, application: Application) -> None:
        """Raise WiringError for a message that the application does not serve, and for a path that does not fit it."""
        known = application.commands if is_command(self.message) else application.queries
        if known.get(self.message.__name__) is not self.message:
            raise self._misfit("is no command or query of this application", "register it in one of its modules")
        names = {described.name for described in fields_of(self.message)}
        strange = [name for name in _PARAMETER.findall(self.route) if name not in names]
        if strange:
            there = ", ".join(sorted(names)) or "none"
            raise self._misfit(f"has no field {strange[0]!r}, which its path names", f"name one of: {there}")
        if self.verb not in _METHODS or (is_command(self.message) and self.verb == "GET"):
            raise self._misfit(f"cannot be served by {self.verb}", "take POST, PUT, PATCH or DELETE, a query also GET")
        if self.status not in _SUCCEEDED or (self.status == NO_CONTENT and is_query(self.message)):
            raise self._misfit(f"cannot succeed with {self.status}", "give a status from 200 to 299, a query a body")
        Remapping(self.statuses)

    def _misfit(self, what: str, fix: str) -> WiringError:
        message, place = self.message, place_of(self.message)
        return WiringError(f"{message.__qualname__} at {self.route!r} {what}", where=place, fix=fix)
