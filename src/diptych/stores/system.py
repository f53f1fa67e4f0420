"""The real clock and the real source of ids."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, SafeUUID

_BLOCK = 512  # ids per call of the operating system: one call per id costs 2 us
_VERSION_AND_VARIANT = (7 << 76) | (0b10 << 62)
_RANDOM = (1 << 62) - 1
_SINCE_START = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # what a machine slept through has grown old, too

# UUID() checks its arguments for a microsecond; its slots are set directly.
_set_int: Any = UUID.__dict__["int"].__set__
_set_safe: Any = UUID.__dict__["is_safe"].__set__
_new_uuid = UUID.__new__
_unknown = SafeUUID.unknown


class SystemClock:
    """Tell the time of this machine, in UTC."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def micros(self) -> int:
        """Return microseconds since 1970 UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Return seconds since the machine was started, those of its sleep included where it counts them."""
        return time.clock_gettime(_SINCE_START)


class RandomIds:
    """Make ids that are in the order of time (UUID version 7) and random in 62 bits; safe from all threads.

    Keys that grow let a store append its records in place. Within one source no id sorts before an older one, whatever
    the clock does.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tick = 0
        self._random: list[int] = []
        os.register_at_fork(after_in_child=self._renew)

    def new(self) -> UUID:
        """Return an id that nobody else has."""
        with self._lock:
            if not self._random:
                self._refill()
            random = self._random.pop()
            micros = time.time_ns() // 1000
            self._tick = tick = max(self._tick + 1, (micros // 1000 << 12) + (micros % 1000) * 4)
        made = _new_uuid(UUID)
        _set_int(made, (tick >> 12) << 80 | (tick & 0xFFF) << 64 | _VERSION_AND_VARIANT | random)
        _set_safe(made, _unknown)
        return made

    def _refill(self) -> None:
        block = memoryview(os.urandom(8 * _BLOCK)).cast("Q")
        self._random = [number & _RANDOM for number in block]

    def _renew(self) -> None:
        # A forked child would draw what its parent draws; and the parent's lock may have been held by another thread.
        self._lock = threading.Lock()
        self._random = []
