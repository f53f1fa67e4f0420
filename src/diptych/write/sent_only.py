"""SentOnly: middleware whose effects a dry run must not have."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

from diptych.dispatch import Handler, Middleware
from diptych.model.meta import Context
from diptych.write.requests import Request


@dataclass(frozen=True, slots=True)
class SentOnly:
    """Leave a middleware out of dry runs: `middleware=[authorise, SentOnly(notify)]`.

    All other middleware sees a command that is only tried exactly as one that is sent, so that a dry run is authorised
    and answered alike. Wrap what has an effect of its own.
    """

    middleware: Middleware

    def __call__(self, handler: Handler) -> Handler:
        """Wrap a handler, for every message but the command of a dry run."""
        wrapped = self.middleware(handler)

        def call(message: Any, context: Context) -> Awaitable[Any]:
            tried = isinstance(context, Request) and context.withheld is not None
            return handler(message, context) if tried else wrapped(message, context)

        return call
