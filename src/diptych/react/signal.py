"""A signal: wakes everyone who waits for it in this loop, again and again."""

from __future__ import annotations

import asyncio


class Signal:
    """Give out the next occasion to wait for. Take it before you look, so that nothing falls between."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Return the event that the next `give` sets."""
        return self._next

    def give(self) -> None:
        """Wake all who wait."""
        given, self._next = self._next, asyncio.Event()
        given.set()
