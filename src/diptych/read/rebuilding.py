"""Rebuilding: tell on the log how far a read model has come that is folded anew."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from diptych.ports import Checkpoint

_SECONDS = 2.0
_log = logging.getLogger("diptych.projections")


class Rebuilding:
    """Tell the start, the progress every two seconds, and the end of one rebuild; nothing where there is none."""

    def __init__(self, checkpoint: Checkpoint, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._first, self._target = checkpoint.projection, checkpoint.position, checkpoint.target
        self._clock = clock
        self._began = self._told = clock()
        if self._target is not None:
            _log.info("projection %r: rebuilding, from position %d to %d", self._name, self._first, self._target)

    def at(self, position: int, *, ended: bool) -> None:
        """Take note of how far it is."""
        if self._target is None:
            return
        now = self._clock()
        rate = (position - self._first) / max(now - self._began, 1e-6)
        if ended:
            shown = (self._name, position, now - self._began, rate)
            _log.info("projection %r: rebuilt, up to position %d in %.1f s, %.0f positions/s", *shown)
            self._target = None
        elif now - self._told >= _SECONDS:
            self._told = now
            percent = 100 * position // self._target
            shown_now = (self._name, position, self._target, percent, rate)
            _log.info("projection %r: rebuilding, %d of %d (%d %%), %.0f positions/s", *shown_now)
