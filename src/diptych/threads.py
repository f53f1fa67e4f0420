"""Threads: where handlers run that block, so that the event loop goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

R = TypeVar("R")
_LIMIT = 16
_is_in_thread: ContextVar[bool] = ContextVar("diptych_is_in_thread", default=False)


class Threads:
    """Run what blocks in threads of an application's own, at most `limit` at once; the others wait their turn.

    `@blocking` handlers run there, and any handler may take them. An application has 16 of them unless it is told
    otherwise: `Application(..., provide=[Threads(64)])`.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self.limit = limit
        self._pool: ThreadPoolExecutor | None = None
        self._users = 0

    async def __aenter__(self) -> Self:
        self._users += 1
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._users -= 1
        if self._users == 0 and self._pool is not None:
            pool, self._pool = self._pool, None
            await asyncio.to_thread(pool.shutdown)

    async def run(self, function: Callable[..., R], *arguments: Any) -> R:  # Any: those of the function
        """Call the function in a thread, with the context variables of the caller, and return what it returns.

        Who is cancelled meanwhile ends only once the thread has ended: what it works with is not closed under it. What
        one of these threads calls, and waits for, does not wait for another of them: it would never come.
        """
        job = self._submitted(partial(_called, function, *arguments))
        waiting = asyncio.wrap_future(job)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if not job.cancel():
                await _ended(waiting)
            raise

    def _submitted(self, call: Callable[[], R]) -> Future[R]:
        context = copy_context()
        if _is_in_thread.get():
            beside = ThreadPoolExecutor(1, thread_name_prefix="diptych-blocking")
            job = beside.submit(context.run, call)
            beside.shutdown(wait=False)
            return job
        context.run(_is_in_thread.set, True)
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.limit, thread_name_prefix="diptych-blocking")
        return self._pool.submit(context.run, call)


def _called(function: Callable[..., R], *arguments: Any) -> R:
    try:
        return function(*arguments)
    except StopIteration as wrong:  # asyncio puts it into no future: who waits would wait for ever
        raise RuntimeError("what was called in a thread raised StopIteration") from wrong


async def _ended(waiting: asyncio.Future[Any]) -> None:
    """Wait until the thread has ended, however often the waiter is cancelled: nobody can stop a thread."""
    while not waiting.done():
        try:
            await asyncio.wait([waiting])
        except asyncio.CancelledError:
            continue
    if not waiting.cancelled():
        waiting.exception()  # nobody is left to be told
