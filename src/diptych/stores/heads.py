"""The head of a log as this process knows it, and who waits for it to move."""

from __future__ import annotations

import asyncio
import contextlib
import threading


class KnownHead:
    """Hold the last position known to be on disk; wake the waiters of all threads and loops when it moves.

    A wake-up is a hint: waiters look at the position again.
    """

    def __init__(self) -> None:
        self.position = 0
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def publish(self, position: int) -> None:
        """Say that everything up to this position is on disk; from any thread."""
        with self._lock:
            if position <= self.position:
                return
            self.position = position
            if not self._waiting:
                return
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            with contextlib.suppress(RuntimeError):  # its loop is closed: nobody waits there any more
                loop.call_soon_threadsafe(_wake, future)

    def forget(self) -> None:
        """Know nothing: the log is opened anew, and may end before where it did, or be another one."""
        with self._lock:
            self.position = 0

    async def moved(self, after: int, timeout: float) -> bool:  # noqa: ASYNC109 (silence is no error here)
        """Return whether the head lies beyond `after`, as soon as it may, or when `timeout` seconds have passed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._lock:
            if self.position > after:
                return True
            self._waiting.append((loop, future))
        timer = loop.call_later(timeout, _wake, future)
        try:
            await future
        finally:
            timer.cancel()
            with self._lock, contextlib.suppress(ValueError):
                self._waiting.remove((loop, future))
        return self.position > after


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
