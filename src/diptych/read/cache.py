"""The cache of answers: one for all queries of an application, bounded in bytes."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, NamedTuple

from diptych.codec import encode_answer
from diptych.model.weights import weight_of

Outcome = Literal["hit", "joined", "miss", "stale", "bypass"]
"""How a cached query was answered.

`hit`: from the cache. `joined`: by a load that another caller had begun. `miss`: loaded, there was nothing. `stale`:
loaded, what there was is older than promised. `bypass`: asked of the past, which is not kept.
"""

CacheKey = tuple[type, bytes]
"""The query's class; the query and what it varies by as canonical JSON."""

CACHE_BYTES = 64 * 1024 * 1024
_OVERHEAD = 900  # of an entry and its place, as measured
_SHARE = 16


class Written(NamedTuple):
    """Hold an answer as canonical JSON, with a digest of it."""

    body: bytes
    digest: bytes


def written(value: Any) -> Written:
    """Write an answer as JSON."""
    body = encode_answer(value)
    return Written(body, blake2b(body, digest_size=8).hexdigest().encode())


@dataclass(frozen=True, slots=True, eq=False)
class Kept:
    """Hold an answer with what it is worth: all of it was found out before the handler ran.

    It holds everything up to `position`, and for raw selects at least what lies up to `after`; `changed` is the feed's
    number of the `models` that the handler read. Loads are numbered in the order in which they began.
    """

    value: Any
    written: Written
    position: int
    changed: int
    models: frozenset[str]
    after: int
    taken: float
    number: int


@dataclass(frozen=True, slots=True)
class CacheFigures:
    """Tell how the cache is doing: asks by query and outcome, bytes and entries now, and evictions so far."""

    asked: Mapping[tuple[str, str], int]
    bytes: int
    limit: int
    entries: int
    evictions: int
    oversize: int


class AnswerCache:
    """Keep the answers used last within a bound of bytes; one answer takes at most a sixteenth of it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._largest = limit_bytes, limit_bytes // _SHARE
        self._entries: OrderedDict[CacheKey, tuple[Kept, int]] = OrderedDict()
        self._bytes = self._evictions = self._oversize = 0
        self._asked: Counter[tuple[str, str]] = Counter()

    @property
    def figures(self) -> CacheFigures:
        """Return how the cache is doing."""
        return CacheFigures(
            dict(self._asked), self._bytes, self._limit, len(self._entries), self._evictions, self._oversize
        )

    def count(self, query: str, outcome: Outcome) -> None:
        """Count an ask."""
        self._asked[query, outcome] += 1

    def get(self, key: CacheKey) -> Kept | None:
        """Return what is kept under a key, or None."""
        found = self._entries.get(key)
        if found is None:
            return None
        self._entries.move_to_end(key)
        return found[0]

    def put(self, key: CacheKey, kept: Kept) -> None:
        """Keep an answer, unless one that was loaded later is kept; drop the answers used longest ago."""
        present = self._entries.get(key)
        if present is not None and present[0].number > kept.number:
            return
        self._drop(key)
        weight = self._weight(key, kept)
        if weight > self._largest:
            self._oversize += 1
            return
        self._entries[key] = kept, weight
        self._bytes += weight
        while self._bytes > self._limit:
            self._drop(next(iter(self._entries)))
            self._evictions += 1

    def clear(self) -> None:
        """Forget every answer; the counts go on."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: CacheKey) -> None:
        _, weight = self._entries.pop(key, (None, 0))
        self._bytes -= weight

    def _weight(self, key: CacheKey, kept: Kept) -> int:
        flat = _OVERHEAD + len(key[1]) + len(kept.written.body)
        return flat + weight_of(kept.value, at_most=self._largest)
