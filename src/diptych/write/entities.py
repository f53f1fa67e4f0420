"""Entities: what a decision knows about each thing that its command touches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from diptych.dispatch import sources_of
from diptych.errors import WiringError
from diptych.injection import Injector
from diptych.model.criteria import Clause, Guard
from diptych.model.decisions import DecisionModel, Selection
from diptych.model.fields import place_of
from diptych.model.folds import Fold
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.marks import Tag
from diptych.model.messages import event_type
from diptych.model.tags import tag_named, tag_text

_NOTHING_YET = 0

TagsOf = Callable[[Any], tuple[str, ...]]


class Known(NamedTuple):
    """A state with the position of its last event, and `through`: up to there no event of its clause is missing.

    `unsaved` counts the events since it was saved, for folds whose states are.
    """

    state: Any
    version: int
    through: int
    unsaved: int = 0


@dataclass(slots=True, eq=False)
class Entity:
    """One entity in the course of one command: what is read of it, what guards it, and what is known.

    `cached` says that it is known as of a moment of its own: from memory, or from where it was saved. `guarded` is the
    clause itself, a narrower one, or None for no guard.
    """

    fold: Fold[Any]
    clause: Clause
    guarded: Clause | None
    known: Known | None = None
    cached: bool = False

    @property
    def cache_key(self) -> tuple[int, tuple[str, ...]]:
        """Return the key of its state among all states: the fold (one object per process) and the tags."""
        return id(self.fold), self.clause.tags

    @property
    def is_narrowed(self) -> bool:
        """Say whether the condition is narrower than what is read: then memory does not do, and nothing is learnt."""
        return self.guarded is not self.clause

    def concerns(self, name: str, tags: Iterable[str]) -> bool:
        """Say whether the fold takes an event of this stored name that carries these tags, the first of its own too."""
        others = self.clause.tags[1:]
        return name in self.clause.types and (not others or set(others).issubset(tags))

    def guard(self) -> Guard | None:
        """Return the guard that forbids events which this decision did not know."""
        if self.guarded is None:
            return None
        return Guard(self.guarded, self.known.through if self.known is not None else _NOTHING_YET)


def guards_of(entities: Iterable[Entity]) -> tuple[Guard, ...]:
    """Return the condition of a decision on these entities."""
    return tuple([guard for entity in entities if (guard := entity.guard()) is not None])


@dataclass(frozen=True, slots=True)
class Selected:
    """A selection compiled: from a command to entities, and from entities to the argument of its parameter."""

    parameter: str
    fold: Fold[Any]
    tags: TagsOf
    keys: Callable[[Any], Iterable[Any]]
    single: bool
    types: tuple[str, ...]
    guarded: tuple[str, ...]

    def entities(self, command: Any) -> dict[Any, Entity]:
        """Return the entities that the command names, by key, each once, in the order named."""
        found: dict[Any, Entity] = {}
        for key in self.keys(command):
            try:
                known = key in found
            except TypeError as unhashable:
                raise self._no_key(key) from unhashable
            if not known:
                found[key] = self.entity(key)
        return found

    def entity(self, key: Any) -> Entity:
        """Return the entity of one key."""
        clause = Clause(self.types, self.tags(key))
        if self.guarded is self.types:
            return Entity(self.fold, clause, clause)
        return Entity(self.fold, clause, Clause(self.guarded, clause.tags) if self.guarded else None)

    def argument(self, entities: dict[Any, Entity]) -> Any:
        """Return the state of the one entity, or a mapping of key to state."""
        if self.single:
            return next(iter(entities.values())).known.state  # type: ignore[union-attr]  # loaded before
        return {key: entity.known.state for key, entity in entities.items()}  # type: ignore[union-attr]  # loaded before

    def _no_key(self, key: Any) -> WiringError:
        return WiringError(
            f"{key!r:.40} is no key of the decision model of {self.parameter!r}: a {type(key).__name__} has no hash",
            where=place_of(self.fold.evolve),
            fix="name one entity by its id, as its events carry it; several by of(...)",
        )


def selected(parameter: str, selection: Selection[Any], injector: Injector, lineage: Lineage = UNCHANGED) -> Selected:
    """Compile a selection; raise WiringError when nobody provides what its keys take beside the command."""
    model, keys = selection.model, _bound(selection.keys, injector)
    keys = keys if selection.single else _several(keys, selection.keys)
    types, narrower = lineage.stored_names(model.fold.types), selection.guarded
    guarded = types if narrower is None else lineage.stored_names([event_type(cls).name for cls in narrower])
    return Selected(parameter, model.fold, tags_of(model), keys, selection.single, types, guarded)


def tags_of(model: DecisionModel[Any]) -> TagsOf:
    """Compile the function from a key of a decision model to the tags of its events."""
    marks = tuple(tag_named(key, model.fold.events) for key in model.tags)
    if len(marks) == 1:
        return _one_tag(marks[0])
    return _all_tags(marks)


def _all_tags(marks: tuple[Tag, ...]) -> TagsOf:
    wanted = len(marks)

    def tags(key: Any) -> tuple[str, ...]:
        if type(key) is not tuple or len(key) != wanted:
            named = ", ".join(mark.key for mark in marks)
            raise WiringError(
                f"{key!r} is no key of a decision model with the tags ({named})",
                fix=f"let its keys be tuples of {wanted}: ({named})",
            )
        return tuple([tag_text(mark, part) for mark, part in zip(marks, key, strict=True)])

    return tags


def _one_tag(mark: Tag) -> TagsOf:
    prefix, text = f"{mark.key}:", mark.text
    if text is str:
        return lambda key: (f"{prefix}{key}",)
    return lambda key: (f"{prefix}{text(key)}",)


def _several(keys: Callable[[Any], Iterable[Any]], written: Callable[..., Any]) -> Callable[[Any], Iterable[Any]]:
    """Refuse one text in place of keys, each of whose letters would be one, and one id."""

    def several(command: Any) -> Iterable[Any]:
        found = keys(command)
        if isinstance(found, str):
            raise WiringError(
                f"the keys of a decision model are {found!r:.40}, one text: each of its letters would be a key",
                where=place_of(written),
                fix="return a list of keys, or select one entity by one(...)",
            )
        if not isinstance(found, Iterable):
            raise WiringError(
                f"the keys of a decision model are {found!r:.60}, which is one {type(found).__name__}",
                where=place_of(written),
                fix="return a list of keys, or select one entity by one(...)",
            )
        return found

    return several


def _bound(keys: Callable[..., Iterable[Any]], injector: Injector) -> Callable[[Any], Iterable[Any]]:
    if len(inspect.signature(keys).parameters) < 2:  # noqa: PLR2004 (the command, and what is injected)
        return keys
    sources = sources_of(keys, injector)
    changing = [source for source in sources if not source.is_constant]
    if changing:
        raise WiringError(
            f"{keys.__qualname__} takes what differs from message to message; the keys of a decision follow from its "
            "command",
            where=place_of(keys),
            fix="take values of the application only",
        )
    return lambda command: keys(command, *[source.value for source in sources])
