"""Noting: attempts on their way to the trail, in a queue that is bounded and that no command waits for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from types import TracebackType
from typing import Self

from diptych.errors import Error
from diptych.model.auditing import Audit
from diptych.ports import Attempt, AuditTrail, Clock

PAUSE = 0.1
"""Seconds that attempts gather before they are written: a killed process loses these, and a batch in writing."""
_AGAIN = 1.0
_BATCH = 1000
_CLOSING = 5.0
_DAY = 24 * 3600 * 1_000_000
_log = logging.getLogger("diptych.audit")


class Noting:
    """Take attempts at once, and write them in batches by a task of its own, as long as it is open.

    When a batch cannot be stored it is tried again, every second; what finds the queue full is dropped and counted.
    The end waits at most five seconds for what is left.
    """

    def __init__(self, audit: Audit, trail: AuditTrail, clock: Clock) -> None:
        self._audit, self._trail, self._clock = audit, trail, clock
        self._queue: deque[Attempt] = deque()
        self._task: asyncio.Task[None] | None = None
        self._counted = 0
        self.dropped = 0
        """How many attempts this process has dropped."""

    async def __aenter__(self) -> Self:
        self._news, self._idle, self._closing = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self._task = asyncio.create_task(self._write(), name="diptych audit")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None:
            return
        task, self._task = self._task, None
        self._closing.set()
        self._news.set()
        done, _ = await asyncio.wait({task}, timeout=_CLOSING)
        if not done:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._idle.set()
        if self._queue:
            self.dropped += len(self._queue)
            _log.error("%d commands that were not accepted are lost to the audit trail", len(self._queue))
            self._queue.clear()

    @property
    def waiting(self) -> int:
        """Return how many attempts are not written yet."""
        return len(self._queue)

    def note(self, attempt: Attempt) -> None:
        """Take an attempt, or drop and count it."""
        if self._task is None or len(self._queue) >= self._audit.queue:
            self._drop()
            return
        self._queue.append(attempt)
        self._idle.clear()
        self._news.set()

    async def written(self) -> None:
        """Return once all that was noted is in the trail."""
        if self._task is not None:
            await self._idle.wait()

    def _drop(self) -> None:
        if self.dropped == self._counted:  # once until the trail takes something again
            _log.warning("the audit trail does not keep up: commands that are not accepted are dropped from it")
        self.dropped += 1

    async def _write(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            await self._pause(PAUSE)
            while self._queue or self.dropped != self._counted:
                if not await self._stored() and await self._pause(_AGAIN):
                    return
            self._idle.set()
            if self._closing.is_set():
                return

    async def _pause(self, seconds: float) -> bool:
        """Let attempts gather; return at once, and True, when all is to end."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
        return self._closing.is_set()

    async def _stored(self) -> bool:
        batch = [self._queue[at] for at in range(min(_BATCH, len(self._queue)))]
        dropped = self.dropped - self._counted
        since = self._clock.micros() - int(self._audit.days * _DAY)
        try:
            await self._trail.add(batch, dropped=dropped, keep=self._audit.keep, since=since)
        except Error as wrong:
            _log.warning("the audit trail cannot be written, %d wait: %s", len(self._queue), wrong)
            return False
        except Exception:  # noqa: BLE001 (a bug, and the next batch need not have it)
            self.dropped += len(batch)
            _log.exception("%d commands that were not accepted are lost to the audit trail", len(batch))
        for _ in batch:
            self._queue.popleft()
        self._counted += dropped
        return True
