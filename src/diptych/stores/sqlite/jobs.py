"""Jobs: work of a store's thread that goes on to its end when its caller is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

from diptych.stores.waiting import heard

T = TypeVar("T")


async def finished(thread: Executor | None, job: Callable[[], T]) -> T:
    """Return what a job returns; it ends, too, when its caller is cancelled, and what fails then is nobody's."""
    running = asyncio.get_running_loop().run_in_executor(thread, job)
    running.add_done_callback(heard)
    return await asyncio.shield(running)
