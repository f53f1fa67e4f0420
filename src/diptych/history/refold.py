"""Refold: the versions of one row, from the events that it depends on and no others.

What a row depends on is found by folding: a reference adds the row that it names, a fan-out the events of every value
that the row's columns took, a rollup all rows of its source. Then the fold begins again, until nothing is added.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from diptych.codec import EventCodec
from diptych.errors import CostError
from diptych.history.dependencies import Dependencies, Wants
from diptych.history.folder import SequentialFolder
from diptych.model.criteria import Criteria
from diptych.model.meta import Meta
from diptych.model.projections import Key, Projection, ReadModel
from diptych.model.rowfolds import RollupFold, RowFold
from diptych.ports import EventReader, Version
from diptych.recorded import meta_of

LIMIT = 100_000
"""How many events a refold may read unless told otherwise."""
_SHORT = 200
_PAGE = 500
_Happened = tuple[tuple[Any, Meta], ...]
"""What was stored at one position: one event, or those that an upcaster makes of it."""


@dataclass(frozen=True, slots=True)
class Cost:
    """State what a refold costs before it is paid: the events of its first round, and whether it scans whole types.

    References and fan-outs add the events of what they lead to.
    """

    events: int
    scans: bool


class Refold:
    """Refold one row of a projection up to a position, reading at most `limit` events."""

    def __init__(
        self, projection: Projection, log: EventReader, codec: EventCodec, *, until: int, limit: int = LIMIT
    ) -> None:
        self._projection, self._log, self._codec = projection, log, codec
        self._until, self._limit = until, limit
        self._events: dict[int, _Happened] = {}
        self._read: frozenset[Wants] = frozenset()

    async def cost(self, model: ReadModel[Any], key: Key) -> Cost:
        """Count the events of the first round."""
        first = Dependencies(model, key, self._codec.lineage)
        return Cost(await self._log.count(first.criteria(), until=self._until), first.scans)

    async def versions(self, model: ReadModel[Any], key: Key) -> list[Version]:
        """Return the versions of a row, the oldest first.

        Raises CostError before anything beyond the limit is read, FoldError or UnreadableEventError as the projection
        itself would stop.
        """
        wanted = Dependencies(model, key, self._codec.lineage)
        while True:
            await self._learn(wanted)
            folding = _Restricted(self._projection, wanted)
            short = len(self._events) <= _SHORT
            # Many events are folded in a thread, as those of projections are: the loop is not held for them.
            failed = folding.run(self._events) if short else await asyncio.to_thread(folding.run, self._events)
            if folding.is_whole and wanted.wants() == self._read:
                if failed is not None:
                    raise failed
                return folding.versions

    async def _learn(self, wanted: Dependencies) -> None:
        criteria, wants = wanted.criteria(), wanted.wants()
        if wants == self._read:
            return
        count = await self._log.count(criteria, until=self._until)
        if count > self._limit:
            raise CostError(wanted.model.name, count, self._limit, scans=wanted.scans)
        await self._take(wanted.criteria(beside=self._read))
        self._read = wants

    async def _take(self, criteria: Criteria) -> None:
        after, complete = 0, not criteria.clauses
        while not complete:
            page = await self._log.read(criteria, after=after, until=self._until, limit=_PAGE)
            for stored in page.events:
                if stored.position not in self._events:
                    read = self._codec.read(stored.name, stored.version, stored.data)
                    self._events[stored.position] = tuple(
                        (event, meta_of(stored, index)) for index, event in enumerate(read)
                    )
            after, complete = page.through, page.complete
            await asyncio.sleep(0)


class _Restricted(SequentialFolder):
    """Fold only wanted rows; a row that a fold refers to becomes wanted, and then the fold counts for nothing."""

    def __init__(self, projection: Projection, wanted: Dependencies) -> None:
        super().__init__(projection)
        self._wanted = wanted
        self.is_whole = True
        self.versions: list[Version] = []

    def run(self, events: dict[int, _Happened]) -> Exception | None:
        """Fold the events; return what a fold raised: it may have lacked what the next round will have."""
        try:
            for _, happened in sorted(events.items(), key=_position):
                for event, meta in happened:
                    self.fold(event, meta)
        except Exception as wrong:  # noqa: BLE001 (whatever a user's fold raises; it is raised again when it counts)
            return wrong
        return None

    def _keys(self, model: ReadModel[Any], fold: RowFold, event: Any) -> list[Key]:
        return [key for key in super()._keys(model, fold, event) if self._wanted.has(model, key)]

    def _referred(self, fold: Any, index: int, event: Any, meta: Meta) -> Any:
        referred = fold.references[index]
        key = referred.key_of(event)
        if key is not None and self._wanted.add(referred.model, key):
            self.is_whole = False
        return super()._referred(fold, index, event, meta)

    def _append(self, model: ReadModel[Any], fold: RowFold, event: Any, meta: Meta) -> None:
        if self._wanted.has_position(model, meta.position):
            super()._append(model, fold, event, meta)

    def _change(
        self, model: ReadModel[Any], fold: RowFold | RollupFold, key: Key, given: tuple[Any, ...], position: int
    ) -> None:
        if self._wanted.has(model, key):
            super()._change(model, fold, key, given, position)

    def _put(self, model: ReadModel[Any], key: Key, table: dict[Key, Any], made: Any, position: int) -> None:
        super()._put(model, key, table, made, position)
        row = table.get(key)
        if row is not None:
            self._wanted.saw(model, key, row)
        if model is self._wanted.model and key == self._wanted.key:
            self._note(position, row)

    def _note(self, position: int, row: Any) -> None:
        if self.versions and self.versions[-1].position == position:
            self.versions.pop()
        if row is not None or (self.versions and self.versions[-1].row is not None):
            self.versions.append(Version(position, row))


def _position(item: tuple[int, Any]) -> int:
    return item[0]
