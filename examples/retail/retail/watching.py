"""Watching read models catch up with the log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from diptych import Application

Hear = Callable[[str, int, int | None], None]
_EVERY = 0.2
_PATIENCE = 43_200.0


async def caught_up(app: Application, hear: Hear) -> None:
    """Return once every read model holds all that is in the log now; tell how far the last of them is."""
    head = await app.head()
    waiting = asyncio.create_task(app.caught_up(timeout=_PATIENCE))
    while not waiting.done():
        hear("read models", await _slowest(app, head), head)
        await asyncio.wait([waiting], timeout=_EVERY)
    await waiting
    hear("read models", head, head)


async def _slowest(app: Application, head: int) -> int:
    checkpoints = await app.checkpoints()
    return min((checkpoint.position for checkpoint in checkpoints.values()), default=head)
