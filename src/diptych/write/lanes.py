"""Lanes: middleware for commands that are sent only, and for those that are only tried."""

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
            return (handler if _is_tried(context) else wrapped)(message, context)

        return call


@dataclass(frozen=True, slots=True)
class TriedOnly:
    """Use a middleware for dry runs only: `middleware=[TriedOnly(staff_only)]`.

    A dry run shows rows of read models that its principal might not be allowed to ask for: this is where to refuse it.
    """

    middleware: Middleware

    def __call__(self, handler: Handler) -> Handler:
        """Wrap a handler, for the commands of dry runs."""
        wrapped = self.middleware(handler)

        def call(message: Any, context: Context) -> Awaitable[Any]:
            return (wrapped if _is_tried(context) else handler)(message, context)

        return call


def _is_tried(context: Context) -> bool:
    return isinstance(context, Request) and context.withheld is not None
