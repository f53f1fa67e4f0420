"""Plan: what a projection does with each type of event, looked up once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from diptych.codec import EventCodec
from diptych.errors import CorruptionError, MessageError
from diptych.model.projections import Projection, ReadModel
from diptych.model.rowfolds import Key, KeysOf, RollupFold, RowFold
from diptych.model.rows import as_stored
from diptych.ports import Slice, StoredEvent


class Referring(NamedTuple):
    """A reference of a step: in which of the projection's models, under which key, and whether it must be there."""

    at: int
    key_of: Callable[[Any], Key | None]
    must_exist: bool
    parameter: str


class Step(NamedTuple):
    """One fold of an event into one read model: which of the projection's models, what to call, with what keys."""

    at: int
    function: Callable[..., Any]
    keys: KeysOf
    must_exist: bool
    as_stored: Callable[[Any, Any], Any] | None
    """Gives a row the form in which it will be stored, where its type has another."""
    followed: bool
    """Whether somebody asks for every change: a rollup, or the history of the rows."""
    extras: tuple[int, ...]
    references: tuple[Referring, ...]
    deletes: bool = True


class Appending(NamedTuple):
    """One fold of an event into append-only rows."""

    at: int
    function: Callable[..., Any]
    row: type
    as_stored: Callable[[Any, Any], Any] | None
    followed: bool
    extras: tuple[int, ...]
    references: tuple[Referring, ...]


class Fanning(NamedTuple):
    """One fold of an event into every row whose columns equal its fields."""

    step: Step
    where: tuple[tuple[str, str], ...]
    references: tuple[Referring, ...]


class Rolling(NamedTuple):
    """One fold of the changes that an event makes to the rows of another read model."""

    step: Step
    source: int
    fold: RollupFold
    references: tuple[Referring, ...] = ()


AnyStep = Step | Appending | Fanning | Rolling


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Stand for an event that current code cannot read."""

    error: Exception


class Learned(msgspec.Struct, frozen=True, gc=False):
    """An event of the log as read: what it is today, several events where an upcaster split it, or one Unreadable.

    They share the position, and are folded together or not at all.
    """

    stored: StoredEvent
    events: tuple[Any, ...]


def learn(codec: EventCodec, found: Slice) -> list[Learned]:
    """Read the events of a slice; what cannot be read stands in its place and stops who needs it."""
    read = codec.read
    with contextlib.suppress(MessageError):
        return [Learned(stored, read(stored.name, stored.version, stored.data)) for stored in found.events]
    return [Learned(stored, _read(codec, stored)) for stored in found.events]


def _read(codec: EventCodec, stored: StoredEvent) -> tuple[Any, ...]:
    try:
        return codec.read(stored.name, stored.version, stored.data)
    except (MessageError, CorruptionError) as unreadable:
        return (Unreadable(unreadable),)


def steps_of(projection: Projection) -> dict[type, tuple[AnyStep, ...]]:
    """Return the steps for each type of event, read models in the order of their declaration."""
    rolled = {rollup.source.order for model in projection.models for rollup in model.rollups}
    return {event: tuple(_steps(projection.models, event, rolled)) for event in projection.events}


def _steps(models: Sequence[ReadModel[Any]], event: type, rolled: AbstractSet[int]) -> Iterator[AnyStep]:
    touched: set[int] = set()
    for at, model in enumerate(models):
        found = [_step(model, fold, at in rolled or model.history) for fold in model.folds.get(event, ())]
        found += [_rolling(model, each, at in rolled) for each in model.rollups if each.source.order in touched]
        if found:
            touched.add(at)
        yield from found


def _step(model: ReadModel[Any], fold: RowFold, followed: bool) -> AnyStep:  # noqa: FBT001 (internal)
    references = tuple(
        Referring(each.model.order, each.key_of, each.must_exist, each.parameter) for each in fold.references
    )
    formed = as_stored(model.row)
    if model.append_only:
        return Appending(model.order, fold.function, model.row, formed, followed, fold.extras, references)
    how = (fold.must_exist, formed, followed, fold.extras, references, fold.deletes)
    step = Step(model.order, fold.function, fold.keys, *how)
    return Fanning(step, fold.where, references) if fold.where else step


def _rolling(model: ReadModel[Any], fold: RollupFold, rolled: bool) -> Rolling:  # noqa: FBT001 (internal)
    followed = rolled or model.history
    how = (fold.must_exist, as_stored(model.row), followed, fold.extras, (), fold.deletes)
    step = Step(model.order, fold.function, _none, *how)
    return Rolling(step, fold.source.order, fold)


def _none(_: Any) -> tuple[Key, ...]:
    return ()
