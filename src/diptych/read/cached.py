"""Cached queries: answered from what is kept for as long as it is what the caller was promised, else loaded once."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from diptych.codec import encode, encoded
from diptych.dispatch import Handler
from diptych.errors import StaleError
from diptych.model.caching import Cached
from diptych.model.meta import Context
from diptych.ports import Checkpoint, Clock
from diptych.read.cache import AnswerCache, CacheKey, Kept, Outcome, written
from diptych.read.flights import Flights, landed
from diptych.read.rows import Asking, Shelf, asking


@dataclass(frozen=True, slots=True)
class Reading:
    """Name what a query reads: the read models that its handler takes, and their projections."""

    models: frozenset[str]
    projections: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Asker:
    """What a caller was promised when it came: `begun` loads had begun by then."""

    asking: Asking
    came: float
    begun: int


class CachedQuery:
    """Handle a query within the cache; what wraps it, middleware, runs for every caller.

    An answer serves a caller when its load began after the caller came; or, with `ttl`, when it is young enough and
    holds the caller's `after`; or, with `until_change`, when nothing that it was made from has changed since. That
    holds for an answer that is being loaded as for one that is kept.
    """

    def __init__(
        self,
        policy: Cached,
        handler: Handler,
        reading: Reading,
        *,
        shelf: Shelf,
        cache: AnswerCache,
        flights: Flights[CacheKey, Kept],
        clock: Clock,
    ) -> None:
        self._policy, self._handler, self._reading = policy, handler, reading
        self._shelf, self._cache, self._flights, self._clock = shelf, cache, flights, clock
        self._begun = 0

    async def __call__(self, query: Any, context: Context) -> Any:
        """Answer a query, and tell the panel what the answer is worth."""
        mine = asking.get()
        if mine is None or mine.as_of is not None:
            self._cache.count(type(query).__name__, "bypass")
            return await self._handler(query, context)
        asker = _Asker(mine, self._clock.monotonic(), self._begun)
        kept, outcome = await self._found(self._key(query, context), query, context, asker)
        self._cache.count(type(query).__name__, outcome)
        mine.kept = kept
        if self._policy.ttl is not None or kept.number > asker.begun:
            mine.position, mine.changed = kept.position, kept.changed
        # Else nothing has changed since: the answer holds all that the caller itself found the rows to hold.
        return kept.value

    def _key(self, query: Any, context: Context) -> CacheKey:
        cls, vary = type(query), self._policy.vary
        body = encoded(cls, query)
        return (cls, body) if vary is None else (cls, b"%b\x00%b" % (body, encode(vary(context))))

    async def _found(self, key: CacheKey, query: Any, context: Context, asker: _Asker) -> tuple[Kept, Outcome]:
        kept = self._cache.get(key)
        if kept is not None and await self._serves(kept, asker):
            return kept, "hit"
        # The first load met may have begun too early for this caller; one that began since then serves all who wait.
        for _ in range(2):
            under_way = self._flights.get(key)
            if under_way is None:
                break
            try:
                joined = await landed(under_way)
            except StaleError:  # of a position and a patience that are not this caller's
                break
            if await self._serves(joined, asker):
                return joined, "joined"
        loaded = await landed(self._begin(key, query, context, asker.asking))
        return loaded, "miss" if kept is None else "stale"

    async def _serves(self, kept: Kept, asker: _Asker) -> bool:
        mine = asker.asking
        if kept.number > asker.begun:
            return kept.models == self._reading.models or mine.after <= max(kept.after, kept.position)
        if self._policy.ttl is not None:
            return mine.after <= kept.position and asker.came - kept.taken <= self._policy.ttl
        # Numbers of the feed only grow: equal sums over the same read models are equal numbers.
        await self._shelf.cover(mine, kept.models)
        return kept.changed == mine.changed

    def _begin(self, key: CacheKey, query: Any, context: Context, mine: Asking) -> asyncio.Task[Kept]:
        self._begun += 1
        return self._flights.begin(key, self._load(key, query, context, mine, self._begun))

    async def _load(self, key: CacheKey, query: Any, context: Context, mine: Asking, number: int) -> Kept:
        taken, shelf, reading = self._clock.monotonic(), self._shelf, self._reading
        # In this order, and all of it before the handler reads: what changes meanwhile makes the answer old, not wrong.
        changed = await shelf.reader.changed(tuple(reading.models))
        await shelf.reach.reach(reading.projections, 0, timeout=mine.wait)
        position = await shelf.reach.position(reading.projections)
        before = await shelf.reader.checkpoints()
        loading = Asking(mine.after, mine.wait, reading.models, position, changed, watched=self._policy.ttl is None)
        asking.set(loading)  # in the context of this task
        value = await self._handler(query, context)
        kept = Kept(
            value, written(value), loading.position, loading.changed, loading.covered, mine.after, taken, number
        )
        after = await shelf.reader.checkpoints()
        if all(_is_whole(before.get(name), after.get(name)) for name in shelf.projections_of(loading.covered)):
            self._cache.put(key, kept)
        return kept


def _is_whole(before: Checkpoint | None, after: Checkpoint | None) -> bool:
    """Say whether rows that were read between the two are none of a rebuild that began meanwhile.

    Views have no checkpoint: they are swapped whole.
    """
    if before is None or after is None:
        return before is after
    return before.target is None and before.generation == after.generation
