"""The past: given events as the log would hold them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from diptych.codec import encode_message
from diptych.model.messages import event_type
from diptych.model.meta import Meta
from diptych.model.tags import tagger
from diptych.testing.clock import NOON


@dataclass(frozen=True, slots=True)
class Recorded:
    """Give an event together with what is recorded beside it: `given(Recorded(PriceUpdated(...), actor="ann"))`."""

    event: Any
    at: datetime = NOON
    actor: str | None = None
    command_id: UUID | None = None
    correlation: UUID | None = None


class Past(NamedTuple):
    """A given event with what the engine knows about it: stored name, tags, metadata."""

    event: Any
    name: str
    tags: tuple[str, ...]
    meta: Meta


def past_of(events: Sequence[Any]) -> tuple[Past, ...]:
    """Return the events as the log would hold them, from position 1; raise InvalidMessageError for one it refuses."""
    given = [each if isinstance(each, Recorded) else Recorded(each) for each in events]
    return tuple(_past(position, each) for position, each in enumerate(given, 1))


def _past(position: int, given: Recorded) -> Past:
    encode_message(given.event)
    cls = type(given.event)
    meta = Meta(position, given.at, given.actor, given.command_id, given.correlation)
    return Past(given.event, event_type(cls).name, tagger(cls)(given.event), meta)
