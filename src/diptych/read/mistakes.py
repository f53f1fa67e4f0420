"""Mistakes of query handlers, told with the place of the handler."""

from __future__ import annotations

from types import CoroutineType
from typing import Any

from diptych.errors import StatementError, WiringError
from diptych.model.fields import place_of


def unawaited(function: Any) -> WiringError:
    """Return the error of a handler that cannot await what it takes."""
    return WiringError(
        f"{function.__qualname__} takes Rows and is not async: what they answer must be awaited",
        where=place_of(function),
        fix=f"write async def {function.__name__}(...), and await rows.get(...)",
    )


def forgotten(function: Any, found: CoroutineType[Any, Any, Any]) -> TypeError:
    """Return the error of a handler that did not await what it answers."""
    called = found.__qualname__
    found.close()
    return TypeError(f"{function.__qualname__} answered the coroutine {called}, which nobody awaited; await it")


def unfit(function: Any, wrong: StatementError) -> StatementError:
    """Return the error of a handler that gave the database what it cannot run."""
    return StatementError(wrong.told, where=f"{function.__qualname__} ({place_of(function)})")
