"""Repository: the aggregates of one class, found by key, for handlers that load them and save what they record."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar, get_args, get_origin

from diptych.errors import Missing, WiringError
from diptych.injection import Source
from diptych.model.aggregates import Aggregate, fold_of, model_of, tag_of_aggregate
from diptych.model.criteria import Clause
from diptych.model.fields import place_of
from diptych.model.folds import Parameter, parameters_of
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.tags import tagger
from diptych.write.deciding import refuse_mutable
from diptych.write.entities import Entity, TagsOf, tags_of
from diptych.write.work import Work

A = TypeVar("A", bound=Aggregate[Any])


_TAKEN = ("code", "message")
"""What a refusal says of itself: the data of one cannot be named so."""


class Repository(Generic[A]):
    """Load aggregates of class A and take new ones in; what they record is saved when the handler returns.

    It is saved at once or not at all, unless somebody else was faster: then `send` answers Conflict, as the handler
    may have had effects and is not run again. (A `@handles` method of the aggregate is pure, and is.)
    """

    def __init__(self, aggregate: type[A], tags: TagsOf, types: tuple[str, ...], work: Work) -> None:
        self._class, self._tags, self._types, self._work = aggregate, tags, types, work

    async def get(self, key: Any) -> A:
        """Return the aggregate of a key; raise Missing, which `send` answers by NotFound, where there is none."""
        found = await self.find(key)
        if found is None:
            name = tag_of_aggregate(self._class)
            raise Missing(f"there is no {name} {key}", **{name if name not in _TAKEN else "key": str(key)})
        return found

    async def find(self, key: Any) -> A | None:
        """Return the aggregate of a key as the log has it now, or None."""
        return await self._work.load(self._entity(self._tags(key)), self._class)

    def add(self, aggregate: A) -> None:
        """Take a new aggregate in, found by the tag of what it recorded; `send` answers Conflict if there is one.

        One that was loaded or added here stays what it is. Raises WiringError unless it recorded events of one entity.
        """
        if self._work.holds(aggregate):
            return
        name = tag_of_aggregate(self._class)
        tags = {tag for event in aggregate.recorded for tag in tagger(type(event))(event) if tag.startswith(f"{name}:")}
        if len(tags) != 1:
            raise WiringError(
                f"the {type(aggregate).__qualname__} to add recorded events of {len(tags)} entities: {sorted(tags)}",
                where=place_of(type(aggregate)),
                fix="record its first event before adding it, and events of one entity only",
            )
        self._work.add(self._entity(tuple(tags)), aggregate)

    def _entity(self, tags: tuple[str, ...]) -> Entity:
        fold = fold_of(self._class)
        clause = Clause(self._types, tags)
        return Entity(fold, clause, clause)


def repositories(parameter: Parameter, function: Callable[..., Any], *, lineage: Lineage = UNCHANGED) -> Source | None:
    """Provide `Repository[X]` to a handler; raise WiringError where X is no aggregate with a tag."""
    if parameter.type is not Repository and get_origin(parameter.type) is not Repository:
        return None
    cls = _aggregate_of(parameter, function)
    refuse_mutable(function, parameter.name, fold_of(cls).initial)
    tags, types = tags_of(model_of(cls)), lineage.stored_names(fold_of(cls).types)
    return Source(from_context=lambda request: Repository(cls, tags, types, request.work))  # type: ignore[attr-defined]  # the Request of the left panel


def aggregates_of(function: Callable[..., Any]) -> Iterable[type[Aggregate[Any]]]:
    """Return the aggregates whose repositories a handler takes."""
    return [_aggregate_of(each, function) for each in parameters_of(function) if get_origin(each.type) is Repository]


def _aggregate_of(parameter: Parameter, function: Callable[..., Any]) -> type[Aggregate[Any]]:
    cls = next(iter(get_args(parameter.type)), None)
    if isinstance(cls, type) and issubclass(cls, Aggregate):
        return cls
    raise WiringError(
        f"{parameter.name} of {function.__qualname__} is a Repository of {cls!r}, which is no aggregate",
        where=place_of(function),
        fix="write Repository[Order], where class Order(Aggregate[...], tag=...)",
    )
