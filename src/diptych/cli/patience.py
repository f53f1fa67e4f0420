"""Patience: at a prompt nobody asks again, so that a read model which is being built is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from diptych.errors import RebuildingError

T = TypeVar("T")
_AGAIN = 0.02


async def once_built(work: Callable[[float], Awaitable[T]], *, wait: float) -> T:
    """Return what `work(seconds left)` does; begin anew while it raises RebuildingError, for at most `wait` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + wait
    while True:
        try:
            return await work(max(0.0, end - loop.time()))
        except RebuildingError:
            if loop.time() >= end:
                raise
            await asyncio.sleep(_AGAIN)
