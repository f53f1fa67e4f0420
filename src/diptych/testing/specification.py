"""Specifications: given these events, when this command, then these events; given these events, this row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from diptych.errors import WiringError
from diptych.injection import Injector
from diptych.model.meta import Context
from diptych.model.projections import Projection, ReadModel
from diptych.module import Module
from diptych.testing.clock import NOON
from diptych.testing.deciding import decide_on, past_of
from diptych.testing.ids import COMMAND_ID
from diptych.testing.outcomes import Outcome
from diptych.testing.settling import settle

V = TypeVar("V")


class Specification:
    """Specify modules and projections by example; pass what an Application would get.

    The real decisions, folds and query handlers run, in memory and without a store::

        spec = Specification(catalog, views)
        given, rows = spec.given, spec.rows

    """

    def __init__(self, *parts: Module | Projection, provide: Iterable[Any] = ()) -> None:
        self.modules = tuple(part for part in parts if isinstance(part, Module))
        self.projections = tuple(part for part in parts if isinstance(part, Projection))
        self.provided = tuple(provide)

    def given(self, *events: Any) -> Given:
        """Start from these events, in this order; they are at positions 1, 2, 3 ... and at noon of 2026-01-01 UTC."""
        return Given(self, events)

    def model(self, wanted: ReadModel[V] | type[V]) -> ReadModel[V]:
        """Return the read model whose rows are of this type; raise WiringError unless there is exactly one."""
        if isinstance(wanted, ReadModel):
            return wanted
        found = [model for projection in self.projections for model in projection.models if model.row is wanted]
        if len(found) != 1:
            raise WiringError(
                f"{len(found)} read models of this specification keep rows of type {wanted.__qualname__}",
                fix="pass its projection to Specification(...), or name the read model itself",
            )
        return found[0]


@dataclass(frozen=True, slots=True)
class Given:
    """Hold the events that a specification starts from."""

    specification: Specification
    events: tuple[Any, ...]

    def when(
        self, command: Any, *, now: datetime = NOON, principal: str | None = None, provide: Iterable[Any] = ()
    ) -> Outcome:
        """Decide on a command at this time and on whose behalf; its id is always `COMMAND_ID`.

        `provide` adds to, or replaces, what the specification provides. Raises UnknownMessageError when no module
        handles the command, and whatever a decision raises that is no Refusal.
        """
        injector = Injector((*self.specification.provided, *provide))
        context = Context(now, COMMAND_ID, principal)
        return settle(decide_on(self.specification.modules, past_of(self.events), command, context, injector))


def given(*events: Any, parts: Iterable[Module | Projection]) -> Given:
    """Start from these events without naming a specification: `given(..., parts=(catalog, views))`."""
    return Specification(*parts).given(*events)
