"""The watchdog: names the function that holds an event loop for too long, while it holds it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

HELD_SECONDS = 0.010
_BEATS_PER_LIMIT = 2
_ITSELF = str(Path(__file__).parent)
_OTHERS = f"{Path(asyncio.__file__).parent.parent}/"
_log = logging.getLogger("diptych.loop")


class Watchdog:
    """Watch the running loop from a thread: `async with Watchdog(): ...`.

    A sync handler runs on the loop, and whoever computes there for more than `limit` seconds keeps every other request
    waiting. The watchdog says so once for each time, with the function's place: the innermost frame that is neither
    ours nor Python's own. What waits holds nothing and is never named.
    """

    def __init__(self, limit: float = HELD_SECONDS, *, tell: Callable[[str], None] = _log.warning) -> None:
        self._limit, self._tell = limit, tell
        self._ended = threading.Event()
        self._answered = threading.Event()
        self._thread: threading.Thread | None = None

    async def __aenter__(self) -> Self:
        loop, watched = asyncio.get_running_loop(), threading.get_ident()
        self._thread = threading.Thread(target=self._watch, args=(loop, watched), name="diptych-watchdog", daemon=True)
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._answered.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def _watch(self, loop: asyncio.AbstractEventLoop, watched: int) -> None:
        while not self._ended.wait(self._limit / _BEATS_PER_LIMIT):
            self._answered.clear()
            try:
                loop.call_soon_threadsafe(self._answered.set)
            except RuntimeError:  # the loop is closed
                return
            if not self._answered.wait(self._limit):
                holder = holder_of(sys._current_frames().get(watched))  # noqa: SLF001 (the only way to look into a thread)
                if holder is not None and not self._ended.is_set():
                    limit = self._limit * 1000
                    self._tell(f"the event loop is held for more than {limit:.0f} ms by {holder}: everybody else waits")
                self._answered.wait()


def holder_of(frame: FrameType | None) -> str | None:
    """Return `function (file:line)` of the innermost frame of a stack that is the user's, or None."""
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith((_ITSELF, _OTHERS, "<")):
            return f"{code.co_qualname} ({code.co_filename}:{frame.f_lineno})"
        frame = frame.f_back
    return None
