"""The cache of states, per fold and tags: shared by every command that needs the entity, bounded in bytes.

A cached state is a memory of the log, never a promise: an append is guarded by its `through`, and an answer without
events is confirmed by one read. So nothing ever needs to be invalidated.
"""

from __future__ import annotations

from collections import OrderedDict

from diptych.model.weights import weight_of
from diptych.write.entities import Known

CacheKey = tuple[int, tuple[str, ...]]
_OVERHEAD = 400
_SAMPLE_EVERY = 64


class StateCache:
    """Keep the states used last, within a bound of bytes; sizes are sampled per fold, since measuring costs."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._states: OrderedDict[CacheKey, Known] = OrderedDict()
        self._average: dict[int, int] = {}
        self._puts = 0
        self._bytes = 0
        self._weights: dict[CacheKey, int] = {}

    @property
    def bytes(self) -> int:
        """Return the estimated size of what is kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._states)

    def get(self, key: CacheKey) -> Known | None:
        """Return the state kept under a key, or None."""
        known = self._states.get(key)
        if known is not None:
            self._states.move_to_end(key)
        return known

    def put(self, key: CacheKey, known: Known) -> None:
        """Keep a state, unless one that knows more is kept already; drop the states used longest ago."""
        present = self._states.get(key)
        if present is not None:
            if present.through < known.through:
                self._states[key] = known
                self._states.move_to_end(key)
                self._bytes -= self._weights.pop(key)  # states grow
                self._admit(key, known)
            return
        if self._limit <= 0:
            return
        self._states[key] = known
        self._admit(key, known)

    def _admit(self, key: CacheKey, known: Known) -> None:
        self._weights[key] = weight = self._weigh(key, known)
        self._bytes += weight
        while self._bytes > self._limit:
            oldest, _ = self._states.popitem(last=False)
            self._bytes -= self._weights.pop(oldest)

    def _weigh(self, key: CacheKey, known: Known) -> int:
        self._puts += 1
        average = self._average.get(key[0])
        if average is None or self._puts % _SAMPLE_EVERY == 0:
            found = _OVERHEAD + sum(map(len, key[1])) + weight_of(known.state)
            average = found if average is None else (3 * average + found) // 4
            self._average[key[0]] = average
        return average
