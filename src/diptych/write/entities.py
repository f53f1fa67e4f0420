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
from diptych.model.decisions import Selection
from diptych.model.fields import place_of
from diptych.model.folds import Fold

_NOTHING_YET = 0


class Known(NamedTuple):
    """A state with the position of its last event, and `through`: up to there no event of its clause is missing."""

    state: Any
    version: int
    through: int


@dataclass(slots=True, eq=False)
class Entity:
    """One entity in the course of one command: its clause and what is known of it, `cached` or just read."""

    fold: Fold[Any]
    tag: str
    clause: Clause
    known: Known | None = None
    cached: bool = False

    @property
    def cache_key(self) -> tuple[int, str]:
        """Return the key of its state among all states: the fold (one object per process) and the tag."""
        return id(self.fold), self.tag

    def guard(self) -> Guard:
        """Return the guard that forbids events which this decision did not know."""
        return Guard(self.clause, self.known.through if self.known is not None else _NOTHING_YET)


@dataclass(frozen=True, slots=True)
class Selected:
    """A selection compiled: from a command to entities, and from entities to the argument of its parameter."""

    parameter: str
    fold: Fold[Any]
    prefix: str
    keys: Callable[[Any], Iterable[Any]]
    single: bool

    def entities(self, command: Any) -> dict[Any, Entity]:
        """Return the entities that the command names, by key, each once, in the order named."""
        fold, prefix, types = self.fold, self.prefix, self.fold.types
        found: dict[Any, Entity] = {}
        for key in self.keys(command):
            if key not in found:
                tag = f"{prefix}{key}"
                found[key] = Entity(fold, tag, Clause(types, (tag,)))
        return found

    def argument(self, entities: dict[Any, Entity]) -> Any:
        """Return the state of the one entity, or a mapping of key to state."""
        if self.single:
            return next(iter(entities.values())).known.state  # type: ignore[union-attr]  # loaded before
        return {key: entity.known.state for key, entity in entities.items()}  # type: ignore[union-attr]  # loaded before


def selected(parameter: str, selection: Selection[Any], injector: Injector) -> Selected:
    """Compile a selection; raise WiringError when nobody provides what its keys take beside the command."""
    model = selection.model
    return Selected(parameter, model.fold, f"{model.tag}:", _bound(selection.keys, injector), selection.single)


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
