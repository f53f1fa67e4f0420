"""Plan: what a projection does with each type of event, looked up once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from diptych.codec import EventCodec
from diptych.errors import CorruptionError, MessageError
from diptych.model.projections import KeysOf, Projection, ReadModel
from diptych.model.rows import in_utc
from diptych.ports import Slice, StoredEvent


class Step(NamedTuple):
    """One fold of one read model: which of the projection's models, what to call, with what keys."""

    at: int
    function: Callable[..., Any]
    keys: KeysOf
    must_exist: bool
    wants_meta: bool
    row: type | None
    """The row type when the read model is append-only."""
    in_utc: Callable[[Any], Any] | None
    """Turns the datetimes of a row to UTC, where its type has any."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stand for an event that current code cannot read."""

    error: Exception


class Learned(msgspec.Struct, frozen=True, gc=False):
    """An event of the log as read: its object, or Unreadable."""

    stored: StoredEvent
    event: Any


def learn(codec: EventCodec, found: Slice) -> list[Learned]:
    """Read the events of a slice; what cannot be read stands in its place and stops who needs it."""
    read = codec.read
    with contextlib.suppress(MessageError):
        return [Learned(stored, read(stored.name, stored.version, stored.data)) for stored in found.events]
    return [Learned(stored, _read(codec, stored)) for stored in found.events]


def _read(codec: EventCodec, stored: StoredEvent) -> Any:
    try:
        return codec.read(stored.name, stored.version, stored.data)
    except (MessageError, CorruptionError) as unreadable:
        return Unreadable(unreadable)


def steps_of(projection: Projection) -> dict[type, tuple[Step, ...]]:
    """Return the steps for each type of event, read models in the order of their declaration."""
    return {event: tuple(_steps(projection.models, event)) for event in projection.events}


def _steps(models: list[ReadModel[Any]], event: type) -> list[Step]:
    return [
        Step(
            at,
            fold.function,
            fold.keys,
            fold.must_exist,
            fold.wants_meta,
            model.row if model.append_only else None,
            in_utc(model.row),
        )
        for at, model in enumerate(models)
        for fold in model.folds.get(event, ())
    ]
