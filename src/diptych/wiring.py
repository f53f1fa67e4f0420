"""Wiring: what an application is made of and how it was set, checked as a whole before anything is opened."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

from diptych.codec import EventCodec
from diptych.dispatch import Middleware
from diptych.errors import WiringError
from diptych.injection import Injector
from diptych.model.aggregates import fold_of
from diptych.model.answers import refuse_unreadable
from diptych.model.auditing import Audit
from diptych.model.decisions import events_yielded
from diptych.model.fields import fields_of, place_of
from diptych.model.gates import Guarding, Unguarded, guards_by_message, refuse_unguarded
from diptych.model.immutability import mutable_part
from diptych.model.lineage import Lineage
from diptych.model.messages import is_command
from diptych.model.projections import Projection, ReadModel
from diptych.model.subscribers import Reacts, Subscriber
from diptych.model.tags import tag_of
from diptych.module import Module, refuse_twice
from diptych.ports import Clock, EventStore, Ids, RowStore, SnapshotStore
from diptych.read.ownership import Only
from diptych.read.panel import ReadPanel
from diptych.write.auditing import Auditing
from diptych.write.panel import WritePanel
from diptych.write.repository import aggregates_of
from diptych.write.snapshots import Snapshotter, folds_of
from diptych.write.units import events_recorded

Mode = Literal["production", "dev"]
Runs = Literal["run", "follow"]
Part = Module | Projection | Subscriber
_log = logging.getLogger("diptych")


@dataclass(frozen=True)
class Wiring:
    """Hold the parts and settings of an application. Raises WiringError where two of a kind share a name."""

    parts: tuple[Part, ...]
    events: str
    reads: str | None
    provide: tuple[Any, ...]
    middleware: tuple[Middleware, ...]
    clock: Clock
    ids: Ids
    mode: Mode
    runs: Runs | tuple[str, ...]
    reacts: Reacts | tuple[str, ...]
    state_bytes: int
    cache_bytes: int
    unguarded: Unguarded = "allow"
    audit: Audit | None = None
    uow_limit: float = 2.0
    only: Only | None = None

    def keywords(self) -> dict[str, Any]:
        """Return the settings as the keywords of an application."""
        return {
            "events": self.events,
            "reads": self.reads,
            "provide": self.provide,
            "middleware": self.middleware,
            "clock": self.clock,
            "ids": self.ids,
            "mode": self.mode,
            "projections": self.runs,
            "subscribers": self.reacts,
            "state_bytes": self.state_bytes,
            "cache_bytes": self.cache_bytes,
            "unguarded": self.unguarded,
            "audit": self.audit,
            "uow_limit": self.uow_limit,
            "only": self.only,
        }

    def __post_init__(self) -> None:
        for part in self.parts:
            if not isinstance(part, Part):
                raise WiringError(
                    f"an application is made of modules, projections and subscribers, found {_shown(part)}",
                    where=place_of(part) if isinstance(part, type) else "",
                    fix="pass the Projection of a read model, and the Module that a decider, aggregate or handler is "
                    "registered in; by keyword what is no part: provide=[...], events=...",
                )
        refuse_twice(self.parts)
        _refuse_unknown("mode", self.mode, Mode)
        _refuse_unknown("projections", self.runs, Runs, self.projections)
        _refuse_unknown("subscribers", self.reacts, Reacts, self.subscribers)
        if self.only is not None:
            _refuse_unknown("only", self.only, Only)
        _refuse_unknown("unguarded", self.unguarded, Unguarded)
        if not self.uow_limit > 0:
            raise WiringError(f"uow_limit of the application is {self.uow_limit!r}", fix="write seconds, such as 2.0")

    @cached_property
    def modules(self) -> tuple[Module, ...]:
        """Return the modules in the order given."""
        return tuple(part for part in self.parts if isinstance(part, Module))

    @cached_property
    def projections(self) -> Mapping[str, Projection]:
        """Return the projections by name."""
        found: dict[str, Projection] = {}
        for part in self.parts:
            if isinstance(part, Projection) and found.setdefault(part.name, part) is not part:
                raise WiringError(f"two projections are named {part.name!r}", fix="rename one of them")
        return found

    @cached_property
    def subscribers(self) -> Mapping[str, Subscriber]:
        """Return the subscribers by name; raise WiringError for one that handles nothing."""
        found: dict[str, Subscriber] = {}
        for part in self.parts:
            if isinstance(part, Subscriber) and found.setdefault(part.name, part) is not part:
                raise WiringError(
                    f"two subscribers are named {part.name!r}", where=part.place, fix="rename one of them"
                )
        for each in found.values():
            if not each.reactions:
                fix = f"write @{each.name}.on above a handler"
                raise WiringError(f"subscriber {each.name!r} handles nothing", fix=fix)
        return found

    @cached_property
    def queries(self) -> Mapping[str, type]:
        """Return the queries by name."""
        return {query.__name__: query for module in self.modules for query in module.queries}

    @cached_property
    def guards(self) -> Mapping[type, tuple[Guarding, ...]]:
        """Return the guards of each message; raise WiringError for one that guards nothing, or a message without."""
        found = guards_by_message((module.gates, module.messages) for module in self.modules)
        if self.unguarded == "refuse":
            refuse_unguarded((each for module in self.modules for each in module.messages), found)
        return found

    @property
    def folds(self) -> frozenset[str]:
        """Return the names of the projections that this process folds as far as it owns them."""
        if self.only is not None or self.runs == "follow":
            return frozenset()
        return frozenset(self.projections if self.runs == "run" else self.runs)

    @property
    def reactions(self) -> tuple[Reacts, frozenset[str]]:
        """Return how this process runs subscribers, and the names of which."""
        if self.only is not None:
            return "off", frozenset()
        names = frozenset(self.subscribers if isinstance(self.reacts, str) else self.reacts)
        return (self.reacts if isinstance(self.reacts, str) else "run"), names

    def codec(self) -> EventCodec:
        """Return the codec of every event that a fold reads or a decision yields, and of what is upcast to them."""
        return codec_of(self.modules, self.projections.values(), self.subscribers.values())

    def refuse_clashes(self) -> None:
        """Raise WiringError for two messages of one name; in development, warn of keys that no tag finds."""
        known: dict[str, type] = {}
        for module in self.modules:
            for cls in (*module.decisions, *module.commands, *module.queries):
                refuse_unreadable(cls)
                other = known.setdefault(cls.__name__, cls)
                if other is not cls:
                    raise WiringError(
                        f"two messages are named {cls.__name__}: {place_of(other)} and {place_of(cls)}",
                        where=place_of(cls),
                        fix="names are the public face of messages: rename one of them",
                    )
        for query in self.queries.values():
            _refuse_as_of(query)
        if self.mode == "dev":
            for warning in self.untagged_keys():
                _log.warning("%s", warning)

    def left_panel(
        self,
        store: EventStore,
        codec: EventCodec,
        injector: Injector,
        around: Iterable[Middleware] = (),
        audit: Auditing | None = None,
        *,
        snapshots: SnapshotStore,
    ) -> WritePanel:
        """Return the left panel over a log; `around` goes around the middleware of the application."""
        return WritePanel(
            self.modules,
            store=store,
            codec=codec,
            injector=injector,
            middleware=(*around, *(() if audit is None else (audit.around,)), *self.middleware),
            clock=self.clock,
            ids=self.ids,
            state_bytes=self.state_bytes,
            snapshots=Snapshotter(folds_of(self.modules), store=snapshots, log=store, lineage=codec.lineage),
            guards={cls: found for cls, found in self.guards.items() if is_command(cls)},
            audit=audit,
            uow_limit=self.uow_limit,
        )

    def right_panel(self, store: EventStore, rows: RowStore, codec: EventCodec, injector: Injector) -> ReadPanel:
        """Return the right panel over a log and the rows that are folded from it."""
        return ReadPanel(
            self.modules,
            tuple(self.projections.values()),
            store=store,
            rows=rows,
            codec=codec,
            injector=injector,
            middleware=self.middleware,
            clock=self.clock,
            mode=self.mode,
            folds=self.folds,
            only=self.only,
            cache_bytes=self.cache_bytes,
            guards=self.guards,
        )

    def untagged_keys(self) -> Iterator[str]:
        """Yield a sentence for every field that keys rows and carries no tag: to refold such a row takes a scan."""
        for projection in self.projections.values():
            for model, fold in projection.folds():
                tagged = {each.name for each in fields_of(fold.event) if tag_of(each) is not None}
                for name in fold.key_fields:
                    if name not in tagged:
                        yield f"{model.name}: {fold.event.__name__}.{name} keys rows without a Tag (a refold must scan)"


def codec_of(
    modules: Iterable[Module], projections: Iterable[Projection], subscribers: Iterable[Subscriber]
) -> EventCodec:
    """Return the codec of every event that these name; raise WiringError where one names an outdated form of one."""
    modules, reactions = tuple(modules), [each for subscriber in subscribers for each in subscriber.reactions]
    uses = [*_used_by_modules(modules)]
    uses += [(fold.event, fold.function) for projection in projections for _, fold in projection.folds()]
    uses += [(cls, each.function) for each in reactions for cls in each.events]
    upcasters = [each for module in modules for each in module.upcasters]
    lineage = Lineage(upcasters)
    for cls, function in uses:
        lineage.refuse_outdated(cls, function)
    codec = EventCodec([cls for cls, _ in uses], upcasters)
    for cls in codec.types:
        _refuse_mutable(cls)
    for each in reactions:
        lineage.refuse_outdated_names(each.names - {stored.name for stored in codec.types.values()}, each.function)
    return codec


def _used_by_modules(modules: Iterable[Module]) -> Iterator[tuple[type, Callable[..., Any]]]:
    """Yield every event class that a decision, a fold or an aggregate names, and which of them does."""
    for module in modules:
        for decision in module.decisions.values():
            yield from ((cls, decision.function) for cls in events_yielded(decision.function))
            for _, selection in decision.selections:
                yield from ((cls, selection.model.fold.evolve) for cls in selection.model.fold.events)
        for handler in module.commands.values():
            for fold in map(fold_of, aggregates_of(handler)):
                yield from ((cls, fold.evolve) for cls in fold.events)
            yield from ((cls, handler) for cls in events_recorded(handler))


def _shown(part: object) -> str:
    return f"read model {part.name!r}" if isinstance(part, ReadModel) else f"{part!r:.60}"


def _refuse_unknown(setting: str, found: Any, allowed: Any, named: Iterable[str] = ()) -> None:
    if isinstance(found, tuple) and not set(found) <= set(named):
        unknown, known = min(set(found) - set(named)), ", ".join(named) or "none"
        raise WiringError(f"{setting} of the application name {unknown!r}", fix=f"there are: {known}")
    if not isinstance(found, tuple) and found not in get_args(allowed):
        known = " or ".join(repr(each) for each in get_args(allowed))
        raise WiringError(f"{setting} of the application is {found!r}", fix=f"write {setting}={known}")


def _refuse_as_of(query: type) -> None:
    if any(field.name == "as_of" for field in fields_of(query)):
        raise WiringError(
            f"{query.__qualname__} has a field named as_of, which is what every query is asked beside its fields",
            where=place_of(query),
            fix="leave it out and ask(query, as_of=...), or name it otherwise",
        )


def _refuse_mutable(event: type) -> None:
    found = mutable_part(event)
    if found is not None:
        raise WiringError(
            f"events of type {event.__qualname__} are mutable ({found.replace('state', 'event', 1)}), and all folds "
            "share one event",
            where=place_of(event),
            fix="use @dataclass(frozen=True), and tuple, frozenset and Mapping in place of list, set and dict",
        )
