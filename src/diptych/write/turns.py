"""Turns: commands that lost a race for an entity go one after another.

The first attempt of a command is free. Were the losers free as well, each commit would let one of n through and send
n - 1 back to decide again, n squared in all.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

Key = tuple[int, tuple[str, ...]]


@dataclass(slots=True, eq=False)
class _Turn:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class Turns:
    """Give one command at a time the turn of an entity, in the order in which they asked; forget who has none."""

    def __init__(self) -> None:
        self._turns: dict[Key, _Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    @contextlib.asynccontextmanager
    async def of(self, keys: Iterable[Key]) -> AsyncIterator[None]:
        """Hold the turns of all of these entities; they are taken in one order, so that nobody waits in a circle."""
        async with contextlib.AsyncExitStack() as held:
            for key in sorted(set(keys)):
                await held.enter_async_context(self._turn(key))
            yield

    @contextlib.asynccontextmanager
    async def _turn(self, key: Key) -> AsyncIterator[None]:
        turn = self._turns.setdefault(key, _Turn())
        turn.users += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[key]
