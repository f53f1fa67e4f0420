"""The past: given events as the log would hold them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from diptych.codec import EventCodec, event_encoder
from diptych.model.messages import event_type
from diptych.model.meta import Meta
from diptych.model.tags import tagger
from diptych.testing.clock import NOON
from diptych.testing.golden import AsStored


@dataclass(frozen=True, slots=True)
class Recorded:
    """Give an event together with what is recorded beside it: `given(Recorded(PriceUpdated(...), actor="ann"))`."""

    event: Any
    at: datetime = NOON
    actor: str | None = None
    command_id: UUID | None = None
    correlation: UUID | None = None


class Past(NamedTuple):
    """A given event, as it is today, with what the engine knows about it: its name, stored tags, metadata."""

    event: Any
    name: str
    tags: tuple[str, ...]
    meta: Meta


def past_of(events: Sequence[Any], codec: EventCodec) -> tuple[Past, ...]:
    """Return the events as they would be read from a log, from position 1; raise InvalidMessageError for a wrong one.

    Those of outdated classes, and those given as stored, are upcast.
    """
    return tuple(past for position, each in enumerate(events, 1) for past in _read(position, each, codec))


def _read(position: int, given: Any, codec: EventCodec) -> Iterator[Past]:
    if isinstance(given, AsStored):
        said, read, tags = given.metadata, given.read(codec), given.tagged(codec)
        told = given.at, said.actor, said.command, said.correlation
    else:
        known = given if isinstance(given, Recorded) else Recorded(given)
        event_type(type(known.event))  # says what is no event, before its fields are looked for
        event_encoder(type(known.event))(known.event)
        read, tags = codec.current(known.event), tagger(type(known.event))(known.event)
        told = known.at, known.actor, known.command_id, known.correlation
    for index, event in enumerate(read):
        yield Past(event, event_type(type(event)).name, tags, Meta(position, *told, index))
