"""Bare folding: the quick way of one entity whose fold asks for no Meta.

Nothing is made of a stored event but the event itself, and how its kind is read is looked up once, not for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import MsgspecError

from diptych.codec import EventCodec
from diptych.model.folds import Fold
from diptych.ports import BareSlice
from diptych.write.entities import Entity, Known


def is_bare(entities: Sequence[Entity]) -> bool:
    """Say whether bare slices are enough to load these entities."""
    return len(entities) == 1 and bool(entities[0].clause.tags) and not entities[0].fold.wants_meta


class BareFolding:
    """Fold bare slices of one store."""

    def __init__(self, codec: EventCodec) -> None:
        self._codec = codec
        self._readers: dict[Any, Callable[[bytes], Any]] = {}  # by kind

    def fold(self, fold: Fold[Any], known: Known, found: BareSlice) -> Known:
        """Return what is known after a slice; its version is that of the last event that the fold took."""
        state, version, through, unsaved = known
        evolve, kinds, readers = fold.evolve, fold.kinds, self._readers
        for position, kind, data in found.events:
            try:
                event = readers[kind](data)
            except (KeyError, MsgspecError, ValueError):  # not read before, or not readable
                event = self._read(found, kind, data)
            if type(event) in kinds:
                state, version = evolve(state, event), position
                if state is None:
                    fold.refuse_none(event)
            elif type(event) is tuple:  # what an upcaster made of one
                for each in event:
                    if type(each) in kinds:
                        state, version = evolve(state, each), position
                        if state is None:
                            fold.refuse_none(each)
        if fold.snapshots is not None:
            unsaved += len(found.events)
        return Known(state, version, max(through, found.through), unsaved)

    def _read(self, found: BareSlice, kind: Any, data: bytes) -> tuple[Any, ...]:
        stored = found.kinds[kind]
        events = self._codec.read(*stored, data)
        self._readers[kind] = self._codec.reader(*stored)
        return events
