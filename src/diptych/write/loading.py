"""Loading: bring the entities of a decision up to date with the log, by one read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from diptych.codec import EventCodec
from diptych.model.criteria import Criteria
from diptych.model.folds import Fold
from diptych.ports import BareReader, EventReader, StoredEvent
from diptych.recorded import meta_of
from diptych.write.bare import BareFolding, is_bare
from diptych.write.entities import Entity, Known
from diptych.write.snapshots import Snapshotter
from diptych.write.states import StateCache

_PAGE = 1000
Read = Callable[[str, int, bytes], Sequence[Any]]  # Any: events, of classes of the user


def by_first_tag(entities: Iterable[Entity]) -> dict[str, list[Entity]]:
    """Group entities by the first of their tags; those without any stand under the empty text."""
    found: dict[str, list[Entity]] = {}
    for entity in entities:
        found.setdefault(entity.clause.tags[0] if entity.clause.tags else "", []).append(entity)
    return found


class Loader:
    """Fill entities from the cache, from where they were saved, and from the log."""

    def __init__(self, store: EventReader, codec: EventCodec, states: StateCache, snapshots: Snapshotter) -> None:
        self._store, self._codec, self._states, self._snapshots = store, codec, states, snapshots
        self._bare, self._folding = store if isinstance(store, BareReader) else None, BareFolding(codec)

    def recall(self, entities: Iterable[Entity]) -> Sequence[Entity]:
        """Fill entities from the cache; return those that are not known there, to be refreshed by one read."""
        unknown = []
        get = self._states.get
        for entity in entities:
            known = get(entity.cache_key)
            entity.known = known
            if known is None or entity.guarded is not entity.clause:  # a narrowed one is read afresh
                unknown.append(entity)
            else:
                entity.cached = True
        return unknown

    async def afresh(self, entities: Sequence[Entity]) -> bool:
        """Fill entities as the log has them now: of those that are remembered, only what is new is read."""
        for entity in entities:
            entity.known = self._states.get(entity.cache_key)
        return await self.refresh(entities)

    async def refresh(self, entities: Sequence[Entity]) -> bool:
        """Fold what is new since each entity's `through`; return whether there was anything."""
        behind = []
        for each in entities:
            if each.known is not None or each.fold.snapshots is None or not await self._resume(each):
                behind.append(each)
            else:  # it was read by itself, and the others at other moments
                each.cached = len(entities) > 1
        return await self._read(behind) if behind else True

    async def _resume(self, entity: Entity) -> bool:
        """Load an entity from where it was saved; say whether that could be done."""
        resumed = await self._snapshots.resume(entity, limit=_PAGE)
        if resumed is None:
            return False
        entity.known, found = resumed
        self._advance(entity, found.events)
        if found.complete:
            self._settle(entity, found.through)
        else:
            entity.known = entity.known._replace(through=found.through)
            await asyncio.sleep(0)
            await self._read((entity,))
        return True

    async def _read(self, entities: Sequence[Entity]) -> bool:
        if self._bare is not None and is_bare(entities):
            return await self._read_bare(self._bare, entities[0])
        criteria = Criteria(tuple(entity.clause for entity in entities))
        after = min(entity.known.through if entity.known is not None else 0 for entity in entities)
        news = False
        while True:
            found = await self._store.read(criteria, after=after, limit=_PAGE)
            news = self._fold(entities, found.events) or news
            after = found.through
            if found.complete:
                break
            await asyncio.sleep(0)  # no more than a page holds the loop
        for entity in entities:
            self._settle(entity, after)
        return news

    async def _read_bare(self, store: BareReader, entity: Entity) -> bool:
        known = entity.known or Known(entity.fold.initial(), 0, 0)
        began = known.version
        while True:
            found = await store.read_bare(entity.clause, after=known.through, limit=_PAGE)
            known = self._folding.fold(entity.fold, known, found)
            if found.complete:
                break
            await asyncio.sleep(0)
        self._keep(entity, known)
        return known.version > began

    def _settle(self, entity: Entity, through: int) -> None:
        known = entity.known or Known(entity.fold.initial(), 0, 0)
        self._keep(entity, Known(known.state, known.version, max(through, known.through), known.unsaved))

    def _keep(self, entity: Entity, known: Known) -> None:
        if entity.fold.snapshots is not None:
            known = self._snapshots.offer(entity, known)
        entity.known, entity.cached = known, False
        self._states.put(entity.cache_key, known)

    def _fold(self, entities: Sequence[Entity], events: Sequence[StoredEvent]) -> bool:
        if len(entities) == 1:
            return self._advance(entities[0], events)
        concerned, news = by_first_tag(entities), False
        for stored in events:
            for tag in ("", *stored.tags):
                for entity in concerned.get(tag, ()):
                    if entity.concerns(stored.name, stored.tags):
                        news = self._advance(entity, (stored,)) or news
        return news

    def _advance(self, entity: Entity, events: Sequence[StoredEvent]) -> bool:
        known = entity.known or Known(entity.fold.initial(), 0, 0)
        through, unsaved, fold = known.through, known.unsaved, entity.fold
        folded = _folded_with_meta if fold.wants_meta else _folded
        state, version = folded(fold, known, self._codec.read, events)
        if fold.snapshots is not None:
            unsaved += sum(stored.position > through for stored in events)
        entity.known = Known(state, version, through, unsaved)
        return version > known.version


def _folded(fold: Fold[Any], known: Known, read: Read, events: Sequence[StoredEvent]) -> tuple[Any, int]:
    """Return the state after events, and the position of the last that the fold took: an upcaster may make others."""
    state, version, through, _ = known
    evolve, kinds = fold.evolve, fold.kinds
    for stored in events:
        if stored.position > through:
            for event in read(stored.name, stored.version, stored.data):
                if type(event) in kinds:
                    state, version = evolve(state, event), stored.position
                    if state is None:
                        fold.refuse_none(event)
    return state, version


def _folded_with_meta(fold: Fold[Any], known: Known, read: Read, events: Sequence[StoredEvent]) -> tuple[Any, int]:
    state, version, through, _ = known
    evolve, kinds = fold.evolve, fold.kinds
    for stored in events:
        if stored.position > through:
            for index, event in enumerate(read(stored.name, stored.version, stored.data)):
                if type(event) in kinds:
                    state, version = evolve(state, event, meta_of(stored, index)), stored.position
                    if state is None:
                        fold.refuse_none(event)
    return state, version
