"""Pace: how many events are folded in one go."""

from __future__ import annotations

_FIRST = 250
_LONG, _SHORT = 0.4, 0.1


class Pace:
    """Let a turn take less than half a second, however slow the folds are: between two turns leases are renewed."""

    def __init__(self, most: int) -> None:
        self._most, self.limit = most, min(_FIRST, most)

    def took(self, seconds: float) -> None:
        """Take note of how long the last turn was: `limit` events fit into the next one."""
        if seconds > _LONG:
            self.limit = max(1, int(self.limit * _LONG / seconds))
        elif seconds < _SHORT:
            self.limit = min(self._most, 2 * self.limit)
