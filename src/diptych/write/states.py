"""The cache of states, per fold and tags: shared by every command that needs the entity, bounded in bytes.

A cached state is a memory of the log, never a promise: an append is guarded by its `through`, and an answer without
events is confirmed by one read. So nothing ever needs to be invalidated.
"""

from __future__ import annotations

from collections import Counter, OrderedDict

from diptych.model.weights import weight_of
from diptych.write.entities import Known

CacheKey = tuple[int, tuple[str, ...]]
_OVERHEAD = 400
_SAMPLE_EVERY = 64


class StateCache:
    """Keep the states used last, within a bound of bytes; all states of a fold count as its samples weigh on average.

    Measuring costs: one put in 64 is a sample.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._states: OrderedDict[CacheKey, Known] = OrderedDict()
        self._average: dict[int, int] = {}
        self._count: Counter[int] = Counter()
        self._puts = 0
        self._bytes = 0

    @property
    def bytes(self) -> int:
        """Return the estimated size of what is kept."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._states)

    def clear(self) -> None:
        """Keep nothing of what was put so far."""
        self._states.clear()
        self._average.clear()
        self._count.clear()
        self._bytes = 0

    def get(self, key: CacheKey) -> Known | None:
        """Return the state kept under a key, or None."""
        known = self._states.get(key)
        if known is not None:
            self._states.move_to_end(key)
        return known

    def put(self, key: CacheKey, known: Known) -> None:
        """Keep a state, unless one that knows more is kept already; drop the states used longest ago."""
        present = self._states.get(key)
        if present is None:
            if self._limit > 0:
                self._admit(key, known)
        elif present.through < known.through:
            self._states[key] = known
            self._states.move_to_end(key)
            self._sample(key, known)  # states grow

    def _admit(self, key: CacheKey, known: Known) -> None:
        fold = key[0]
        if fold not in self._average:
            self._average[fold] = _weight(key, known)
        self._states[key] = known
        self._count[fold] += 1
        self._bytes += self._average[fold]
        self._sample(key, known)

    def _sample(self, key: CacheKey, known: Known) -> None:
        self._puts += 1
        if self._puts % _SAMPLE_EVERY == 0:
            average, fold = self._average[key[0]], key[0]
            self._average[fold] = (3 * average + _weight(key, known)) // 4
            self._bytes += self._count[fold] * (self._average[fold] - average)
        while self._bytes > self._limit:
            (fold, _), _ = self._states.popitem(last=False)
            self._count[fold] -= 1
            self._bytes -= self._average[fold]


def _weight(key: CacheKey, known: Known) -> int:
    return _OVERHEAD + sum(map(len, key[1])) + weight_of(known.state)
