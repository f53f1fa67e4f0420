"""Work: what one handler has loaded and recorded. It is appended as one when the handler returns, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from diptych.model.aggregates import Aggregate
from diptych.write.entities import Entity

A = TypeVar("A", bound=Aggregate[Any])

Refresh = Callable[[Sequence[Entity]], Awaitable[bool]]


class Work:
    """Hold the entities that a handler read, by fold and tags, and the events that it recorded, in order.

    An aggregate of one entity is one object, however often it is asked for.
    """

    def __init__(self, refresh: Refresh) -> None:
        self.entities: list[Entity] = []
        self.events: list[Any] = []
        self._refresh = refresh
        self._aggregates: dict[tuple[int, tuple[str, ...]], Aggregate[Any]] = {}

    @property
    def position(self) -> int:
        """Return the position of the last event of what was read."""
        return max((entity.known.version for entity in self.entities if entity.known), default=0)

    async def load(self, entity: Entity, make: Callable[[Any], A]) -> A | None:
        """Return the aggregate of an entity as the log has it now, or None where it has no event of it."""
        held = self._aggregates.get(entity.cache_key)
        if held is None:
            await self._refresh((entity,))
            self.entities.append(entity)  # that there is none is known too, and guarded
            if not (entity.known and entity.known.version):
                return None
            held = self._aggregates[entity.cache_key] = make(entity.known.state)
            self.take(held)
        return held  # type: ignore[return-value]  # made by `make`, or added as one

    def add(self, entity: Entity, aggregate: Aggregate[Any]) -> None:
        """Take a new aggregate in; the append conflicts when there are events of its entity."""
        self.entities.append(entity)
        self._aggregates[entity.cache_key] = aggregate
        self.take(aggregate)

    def take(self, aggregate: Aggregate[Any]) -> None:
        """Let what an aggregate records from now on come into one order with everything else."""
        aggregate.record_into(self.events)
