"""Work: what one handler has loaded and recorded. It is appended as one when the handler returns, or not at all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from diptych.errors import WiringError
from diptych.model.aggregates import Aggregate
from diptych.model.fields import place_of
from diptych.model.results import Conflict
from diptych.model.tags import tagger
from diptych.write.entities import Entity

A = TypeVar("A", bound=Aggregate[Any])

Refresh = Callable[[Sequence[Entity]], Awaitable[bool]]


class Work:
    """Hold the entities that a handler read, by fold and tags, and the events that it recorded, in order.

    An aggregate of one entity is one object, however often it is asked for.
    """

    def __init__(self, refresh: Refresh) -> None:
        self._entities: dict[tuple[int, tuple[str, ...]], Entity] = {}
        self.events: list[Any] = []
        self._refresh = refresh
        self._aggregates: dict[tuple[int, tuple[str, ...]], Aggregate[Any]] = {}
        self._held: dict[int, Aggregate[Any]] = {}
        self._is_over = False
        self.doubled: Conflict | None = None
        """The answer, once an aggregate was added although there is one of its entity here."""

    @property
    def entities(self) -> Sequence[Entity]:
        """Return the entities that were read or added, each once, as they were read first."""
        return [*self._entities.values()]

    @property
    def position(self) -> int:
        """Return the position of the last event of what was read."""
        return max((entity.known.version for entity in self._entities.values() if entity.known), default=0)

    @property
    def compares(self) -> bool:
        """Say whether there is anything to compare with the position that a sender expects."""
        return bool(self._entities)

    async def load(self, entity: Entity, make: Callable[[Any], A]) -> A | None:
        """Return the aggregate of an entity as the log has it now, or None where it has no event of it."""
        if entity.cache_key not in self._aggregates:
            await self._refresh((entity,))
            self._entities.setdefault(entity.cache_key, entity)  # that there is none is known too, and guarded
            if not (entity.known and entity.known.version):
                return None
            if entity.cache_key not in self._aggregates:  # it may have been loaded twice at once
                self._take(entity, make(entity.known.state))
        return self._aggregates[entity.cache_key]  # type: ignore[return-value]  # made by `make`, or added as one

    def holds(self, aggregate: Aggregate[Any]) -> bool:
        """Say whether an aggregate was loaded or added here."""
        return id(aggregate) in self._held

    def add(self, entity: Entity, aggregate: Aggregate[Any]) -> None:
        """Take a new aggregate in; the append conflicts with events of its entity: new ones, after a look."""
        if entity.cache_key in self._aggregates:
            self.doubled = Conflict(f"there is {entity.clause.tags[0]} already, and it is added", self.position)
        self._take(entity, aggregate)
        self._entities.setdefault(entity.cache_key, entity)

    def record(self, event: Any) -> None:
        """Take an event in, after all others; raise WiringError when the handler has returned."""
        if self._is_over:
            raise WiringError(
                f"{type(event).__qualname__} is recorded after its handler returned, and would be lost",
                where=place_of(type(event)),
                fix="record before the handler returns, await the tasks that it starts, and keep no aggregate",
            )
        self.events.append(event)

    def end(self) -> None:
        """Take no more events."""
        self._is_over = True

    def _take(self, entity: Entity, aggregate: Aggregate[Any]) -> None:
        """Let what an aggregate records come into one order with everything else."""
        aggregate.record_into(partial(self._record_of, entity.clause.tags[0]))
        self._aggregates[entity.cache_key] = self._held[id(aggregate)] = aggregate

    def _record_of(self, tag: str, event: Any) -> None:
        found = tagger(type(event))(event)
        if tag not in found:
            raise WiringError(
                f"the aggregate of {tag} records {type(event).__qualname__} of {', '.join(found) or 'nothing'}; "
                "it would not be found again with it",
                where=place_of(type(event)),
                fix=f"record events that carry {tag}",
            )
        self.record(event)
