"""Descriptions: commands, the events that they record, the read models folded from them, the queries over those."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

Kind = Literal["command", "event", "read_model", "query", "subscriber"]


@dataclass(frozen=True, slots=True)
class FieldPart:
    """Describe a field: its type as Python writes it, whether it must be given, and what bounds it."""

    name: str
    type: str
    required: bool
    constraints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommandPart:
    """Describe a command: who handles it, what it records, reads and may refuse."""

    name: str
    module: str
    summary: str
    place: str
    fields: tuple[FieldPart, ...]
    result: str
    events: tuple[str, ...]
    refusals: tuple[str, ...]
    guards: tuple[str, ...]
    example: Any = None


@dataclass(frozen=True, slots=True)
class EventPart:
    """Describe an event: its stored name, who records it, folds it, handles it."""

    name: str
    stored: str
    summary: str
    place: str
    fields: tuple[FieldPart, ...]
    recorded_by: tuple[str, ...]
    decided_on_by: tuple[str, ...]
    folded_by: tuple[str, ...]
    handled_by: tuple[str, ...]
    upcast_from: tuple[str, ...] = ()
    example: Any = None


@dataclass(frozen=True, slots=True)
class ReadModelPart:
    """Describe a read model, or a materialised view: its rows, and what it is made of."""

    name: str
    home: str
    form: Literal["read model", "view"]
    key: tuple[str, ...]
    fields: tuple[FieldPart, ...]
    events: tuple[str, ...]
    made_of: tuple[str, ...]
    refers_to: tuple[str, ...]
    read_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class QueryPart:
    """Describe a query: who answers it, from which read models, with what."""

    name: str
    module: str
    summary: str
    place: str
    fields: tuple[FieldPart, ...]
    result: str
    reads: tuple[str, ...]
    guards: tuple[str, ...]
    example: Any = None


@dataclass(frozen=True, slots=True)
class SubscriberPart:
    """Describe a subscriber: the events that it handles and the read models that its handlers take."""

    name: str
    events: tuple[str, ...]
    reads: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """Lead from one part to another, each named by its kind and name."""

    source: tuple[Kind, str]
    target: tuple[Kind, str]


@dataclass(frozen=True, slots=True)
class Description:
    """Describe an application: its parts, and what among them nobody uses.

    `unused_events` are folded, decided on and handled by nobody, or recorded by nobody. `unread_models` are taken by no
    query, view or subscriber. `untested` is None until tests were looked at.
    """

    commands: tuple[CommandPart, ...]
    events: tuple[EventPart, ...]
    read_models: tuple[ReadModelPart, ...]
    queries: tuple[QueryPart, ...]
    subscribers: tuple[SubscriberPart, ...]
    untested: tuple[str, ...] | None = None

    @property
    def unused_events(self) -> Mapping[str, str]:
        """Return the events that nobody uses, with the reason."""
        found = {}
        for each in self.events:
            if not each.recorded_by and not each.upcast_from:
                found[each.name] = "recorded by nobody"
            elif not (each.folded_by or each.decided_on_by or each.handled_by):
                found[each.name] = "folded and handled by nobody"
        return found

    @property
    def unread_models(self) -> tuple[str, ...]:
        """Return the read models that nobody reads."""
        return tuple(each.name for each in self.read_models if not each.read_by)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Return how the parts lead to each other: commands to events, events to rows, rows to answers."""
        return tuple(dict.fromkeys(self._edges()))

    def as_json(self) -> dict[str, Any]:
        """Return the description as JSON has it; its order is that of the wiring."""
        told = {each.name: _plain(getattr(self, each.name)) for each in fields(self)}
        return told | {"unused_events": dict(self.unused_events), "unread_models": list(self.unread_models)}

    def _edges(self) -> Iterator[Edge]:
        known = {each.name for each in self.events}
        for command in self.commands:
            yield from (Edge(("command", command.name), ("event", name)) for name in command.events if name in known)
        for model in self.read_models:
            yield from (Edge(("event", name), ("read_model", model.name)) for name in model.events)
            yield from (Edge(("read_model", name), ("read_model", model.name)) for name in model.made_of)
        for query in self.queries:
            yield from (Edge(("read_model", name), ("query", query.name)) for name in query.reads)
        for subscriber in self.subscribers:
            yield from (Edge(("event", name), ("subscriber", subscriber.name)) for name in subscriber.events)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if hasattr(value, "__dataclass_fields__"):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    return value
