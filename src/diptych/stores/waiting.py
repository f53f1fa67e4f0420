"""Waiting for what must come to its end though whoever asked for it is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any


async def until_done(future: asyncio.Future[Any]) -> None:
    """Wait until a future is done, however often the waiting task is cancelled; raise CancelledError only then."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as asked:
            cancelled = asked
    if cancelled is not None:
        raise cancelled


def heard(future: asyncio.Future[Any]) -> None:
    """Take note of how a future ended: whoever asked for it may be gone, and the loop would tell of it as forgotten."""
    if not future.cancelled():
        future.exception()
