"""Gathering: what several callers want at the same time is read at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from diptych.errors import StoreError
from diptych.stores.postgres.readers import ended_soon

S = TypeVar("S")
Read = Callable[[S, Sequence[Any]], Awaitable[Mapping[Any, Any]]]
Asked = tuple[Sequence[Any], asyncio.Future[Mapping[Any, Any]]]
"""Keys, and who waits for them."""


class Gathering(Generic[S]):
    """Read keys of a source by at most `lanes` reads at a time; what comes meanwhile goes together into the next one.

    A read begins after everybody who is answered by it came, so that no answer is older than its question.
    """

    def __init__(self, read: Read[S], *, lanes: int) -> None:
        self._read, self._free = read, lanes
        self._waiting: dict[S, list[Asked]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def of(self, source: S, keys: Sequence[Any]) -> Mapping[Any, Any]:
        """Return what a source has of these keys; without keys, all of it."""
        if self._free:
            self._free -= 1
            try:
                return await self._read(source, keys)
            finally:
                self._released()
        future: asyncio.Future[Mapping[Any, Any]] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(source, []).append((keys, future))
        return await future

    async def close(self) -> None:
        """Return once everybody who waits has an answer, as far as that comes soon."""
        await ended_soon(self._tasks)

    def _released(self) -> None:
        self._free += 1
        while self._waiting and self._free:
            source = next(iter(self._waiting))
            self._free -= 1
            task = asyncio.create_task(self._serve(source, self._waiting.pop(source)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, source: S, asked: Sequence[Asked]) -> None:
        try:
            await self._answer(source, asked)
        finally:
            self._released()

    async def _answer(self, source: S, asked: Sequence[Asked]) -> None:
        try:
            found = await self._read(source, tuple(dict.fromkeys(key for keys, _ in asked for key in keys)))
        except BaseException as wrong:  # noqa: BLE001 (everybody who waits is told)
            if len(asked) > 1 and isinstance(wrong, Exception) and not isinstance(wrong, StoreError):
                # Somebody's keys are nonsense: that is nobody else's fault.
                middle = len(asked) // 2
                await self._answer(source, asked[:middle])
                await self._answer(source, asked[middle:])
                return
            for _, future in asked:
                if not future.done():
                    future.set_exception(wrong)
        else:
            for keys, future in asked:
                if not future.done():
                    future.set_result({key: found[key] for key in keys if key in found} if keys else found)
