"""Flights: loads that are under way, each in a task that no caller owns."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

from diptych.errors import StoreError

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class Flights(Generic[K, T]):
    """Let callers share loads by key. A caller who is cancelled leaves; the load goes on for whoever is or comes."""

    def __init__(self) -> None:
        self._newest: dict[K, asyncio.Task[T]] = {}
        self._all: set[asyncio.Task[T]] = set()

    def get(self, key: K) -> asyncio.Task[T] | None:
        """Return the newest load of a key, while it is under way."""
        return self._newest.get(key)

    def begin(self, key: K, load: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a load; who comes from now on finds this one."""
        task = asyncio.get_running_loop().create_task(load)
        self._newest[key] = task
        self._all.add(task)
        task.add_done_callback(partial(self._ended, key))
        return task

    async def close(self) -> None:
        """End all loads."""
        tasks = tuple(self._all)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, key: K, task: asyncio.Task[T]) -> None:
        self._all.discard(task)
        if self._newest.get(key) is task:
            del self._newest[key]
        if not task.cancelled():
            task.exception()  # whoever waited has it; when nobody is left, nobody needs it


async def landed(task: asyncio.Task[T]) -> T:
    """Return what a load brings, or raise what it raised; cancelling the caller leaves the load alone.

    Raises StoreError for a load that was ended itself, by the closing of its application.
    """
    await asyncio.wait((task,))
    if task.cancelled():
        raise StoreError("the answer was being loaded when its application was closed; ask again")
    return task.result()
