"""Specifications: given these events, when this command, then these events; given these events, this row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from diptych.errors import WiringError
from diptych.history.folder import SequentialFolder
from diptych.injection import Injector
from diptych.model.meta import Context
from diptych.model.projections import Key, Projection, ReadModel
from diptych.model.subscribers import Subscriber
from diptych.module import Module
from diptych.testing.clock import NOON
from diptych.testing.deciding import decide_on
from diptych.testing.ids import COMMAND_ID
from diptych.testing.outcomes import Outcome
from diptych.testing.past import Past, past_of
from diptych.testing.reacting import handle_past
from diptych.testing.settling import settle
from diptych.testing.stored import Stored
from diptych.wiring import Part, codec_of

V = TypeVar("V")


class Scenario:
    """Specify modules and projections by example; pass what an Application would get.

    The real decisions, folds and query handlers run, in memory and without a store::

        spec = Scenario(catalog, views)
        given, rows = spec.given, spec.rows

    """

    def __init__(self, *parts: Part, provide: Iterable[Any] = ()) -> None:
        self.modules = tuple(part for part in parts if isinstance(part, Module))
        self.projections = tuple(part for part in parts if isinstance(part, Projection))
        self.provided = tuple(provide)

    def given(self, *events: Any) -> Given:
        """Start from these events, in this order; they are at positions 1, 2, 3 ... and at noon of 2026-01-01 UTC."""
        return Given(self, events)

    def rows(self, *rows: Any) -> Stored:
        """Start from these rows, each in the read model whose rows are of its type, and ask queries of them.

        Append-only rows are taken for those of events at positions 1, 2, 3 ...
        """
        counters: Counter[str] = Counter()
        return Stored(
            (*self.modules, *self.projections), self.provided, tuple(self._placed(row, counters) for row in rows)
        )

    def model(self, wanted: ReadModel[V] | type[V]) -> ReadModel[V]:
        """Return the read model whose rows are of this type; raise WiringError unless there is exactly one."""
        known = [model for projection in self.projections for model in projection.models]
        found = [model for model in known if model is wanted or model.row is wanted]
        if len(found) != 1:
            name = wanted.name if isinstance(wanted, ReadModel) else wanted.__qualname__
            raise WiringError(
                f"{len(found)} read models of this scenario are, or keep rows of type, {name}",
                fix="pass its projection to Scenario(...), or name the read model itself",
            )
        return found[0]

    def _placed(self, row: Any, counters: Counter[str]) -> tuple[ReadModel[Any], Key, Any]:
        model = self.model(type(row))
        counters[model.name] += 1
        return model, (counters[model.name], 0) if model.append_only else model.key_of(row), row


@dataclass(frozen=True, slots=True)
class Given:
    """Hold the events that a scenario starts from."""

    scenario: Scenario
    events: tuple[Any, ...]

    def when(
        self, command: Any, *, now: datetime = NOON, principal: str | None = None, provide: Iterable[Any] = ()
    ) -> Outcome:
        """Decide on a command at this time and on whose behalf; its id is always `COMMAND_ID`.

        `provide` adds to, or replaces, what the scenario provides. Raises UnknownMessageError when no module
        handles the command, and whatever a decision raises that is no Refusal.
        """
        injector = Injector((*self.scenario.provided, *provide))
        context = Context(now, COMMAND_ID, principal)
        return settle(decide_on(self.scenario.modules, self.past(), command, context, injector))

    def handled_by(self, subscriber: Subscriber, *, provide: Iterable[Any] = ()) -> None:
        """Let a subscriber's handlers handle the given events, in order; raises what a handler raises.

        `provide` adds to, or replaces, what the scenario provides. There are no rows: call a handler that reads some.
        """
        injector = Injector((*self.scenario.provided, *provide))
        settle(handle_past(self.past(subscriber), subscriber, injector))

    def row(self, model: ReadModel[V] | type[V], *key: Any) -> V | None:  # Any: values of the key columns
        """Return the row with this key, as the independent folder makes it from the given events, or None.

        The read model is named by itself or by the class of its rows. Raises FoldError where a row must exist and does
        not.
        """
        found = self.scenario.model(model)
        wanted = key[0] if len(key) == 1 and isinstance(key[0], tuple) else key
        if len(wanted) != len(found.key):
            raise TypeError(f"a key of {found.name!r} is ({', '.join(found.key)}), found {wanted!r}")
        folder = SequentialFolder(self._projection_of(found))
        for each in self.past():
            folder.fold(each.event, each.meta)
        row: V | None = folder.tables[found.name].get(wanted)
        return row

    def past(self, *subscribers: Subscriber) -> tuple[Past, ...]:
        """Return the events as they would be read from a log, upcast by the modules of the scenario."""
        return past_of(self.events, codec_of(self.scenario.modules, self.scenario.projections, subscribers))

    def _projection_of(self, model: ReadModel[Any]) -> Projection:
        return next(each for each in self.scenario.projections if model in each.models)


def given(*events: Any, parts: Iterable[Part]) -> Given:
    """Start from these events without naming a scenario: `given(..., parts=(catalog, views))`."""
    return Scenario(*parts).given(*events)


def rows(*rows: Any, parts: Iterable[Part]) -> Stored:
    """Start from these rows without naming a scenario: `rows(..., parts=(catalog, views))`."""
    return Scenario(*parts).rows(*rows)
