"""Batches of appends: which can be judged in one go, and what of each goes into which argument of the function."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from diptych.model.criteria import Guard
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, NewEvent
from diptych.stores.postgres.hashes import id_of, ids_of, tag_ids

_VERSION = 76  # the bit of a UUID where its version begins
_TIME_ORDERED = 7
_encode = msgspec.json.Encoder().encode


def is_new(append: Append) -> bool:
    """Say whether the record's id, if there is one, is fresh: of version 7, made for this one command."""
    return append.record is None or append.record.id.int >> _VERSION & 0xF == _TIME_ORDERED


def text_of(tags: Sequence[str]) -> str:
    """Return tags as they are stored: a JSON array of texts."""
    return _encode(tags).decode()


Written = Mapping[str, Sequence[tuple[NewEvent, int]]]
"""Events and their positions, under each tag; under the empty text all of them."""


class Footprint:
    """What the appends of a batch will write, and how much: no other that asks about it may be judged with them."""

    def __init__(self) -> None:
        self.bytes = 0
        self._tags: set[str] = set()
        self._types: set[str] = set()
        self._ids: set[Any] = set()

    def touches(self, append: Append) -> bool:
        """Say whether the outcome of an append may depend on those before it."""
        if append.record is not None and append.record.id in self._ids:
            return True
        return bool(self._types) and any(map(self._is_asked_by, append.condition))

    def add(self, append: Append) -> None:
        """Take an append in."""
        self.bytes += len(append.metadata)
        if append.record is not None:
            self.bytes += len(append.record.answer)
            self._ids.add(append.record.id)
        for event in append.events:
            self.bytes += len(event.data)
            self._types.add(event.name)
            self._tags.update(event.tags)

    def _is_asked_by(self, guard: Guard) -> bool:
        types, tags = guard.clause.types, guard.clause.tags
        return self._tags.issuperset(tags) and (not types or not self._types.isdisjoint(types))


@dataclass(slots=True)
class Batch:
    """Appends as columns: one argument of `append_many` each, in their order."""

    appends: Sequence[Append]
    fresh: Sequence[str] = ()
    """Stored names of types that the database may not know yet."""
    _now: int = field(default=0, init=False)

    def arguments(self) -> tuple[Any, ...]:
        """Return the arguments of `append_many`."""
        appends = self.appends
        return (
            [self._latest(each.now) for each in appends],
            list(_lasts(appends)),
            [each.metadata for each in appends],
            *_records(appends),
            *_guards(appends),
            *_names(self.fresh),
            *_events(appends),
        )

    def _latest(self, now: int) -> int:
        self._now = max(now, self._now)
        return self._now

    def outcomes(self, head: int, recorded_at: int, refused: dict[int, int]) -> Iterator[AppendOutcome | None]:
        """Yield what became of each append; None for one whose command id is taken.

        `refused` says which, counted from 1, were not taken in: the position of the conflict, 0 for a taken id.
        """
        for number, append in enumerate(self.appends, start=1):
            recorded_at = max(recorded_at, append.now)
            if number in refused:
                yield Conflicted(refused[number]) if refused[number] else None
                continue
            yield appended(append, head, recorded_at)
            head += len(append.events)


def appended(append: Append, head: int, recorded_at: int) -> Appended:
    """Return the outcome of an append that was taken in when the log ended at `head`."""
    if append.events:
        return Appended(head + 1, head + len(append.events), recorded_at)
    position = head if append.record is None else append.record.position
    return Appended(position, position, recorded_at)


def one_arguments(append: Append, fresh: Sequence[str]) -> tuple[Any, ...]:
    """Return the arguments of `append_one`."""
    record, one = append.record, (append,)
    known = (None,) * 6
    if record is not None:
        known = (
            record.id,
            record.name,
            record.fingerprint,
            record.answer,
            record.position,
            record.actor,
        )  # type: ignore[assignment]  # mypy takes the length and None from the line above
    return (append.now, append.metadata, *known, *_guards(one)[1:], *_names(fresh), *_events(one)[1:])


def written_by(taken_in: Iterable[tuple[Append, int]]) -> Written:
    """Return the events of appends, each of which comes with its first position, by each of their tags and by none."""
    written: dict[str, list[tuple[NewEvent, int]]] = {}
    for append, first in taken_in:
        for position, event in enumerate(append.events, start=first):
            for tag in ("", *event.tags):
                written.setdefault(tag, []).append((event, position))
    return written


def conflict_with(written: Written, append: Append) -> int:
    """Return the last position after which an append can no longer hold, of what was just written; 0 for none."""
    found = 0
    for guard in append.condition:
        clause, after = guard.clause, guard.after
        for event, position in written.get(clause.tags[0] if clause.tags else "", ()):
            if position > max(after, found) and clause.matches(event.name, event.tags):
                found = position
    return found


def _lasts(appends: Sequence[Append]) -> Iterator[int]:
    last = 0
    for each in appends:
        last += len(each.events)
        yield last if each.events else 0


def _records(appends: Sequence[Append]) -> tuple[list[Any], ...]:
    records = [each.record for each in appends]
    return (
        [None if each is None else each.id for each in records],
        [None if each is None else each.name for each in records],
        [None if each is None else each.fingerprint for each in records],
        [None if each is None else each.answer for each in records],
        [None if each is None else each.position for each in records],
        [None if each is None else each.actor for each in records],
    )


def _guards(appends: Sequence[Append]) -> tuple[list[Any], ...]:
    asked = [(number, guard) for number, append in enumerate(appends, start=1) for guard in append.condition]
    clauses = [guard.clause for _, guard in asked]
    return (
        [number for number, _ in asked],
        [guard.after for _, guard in asked],
        [id_of(clause.tags[0]) if clause.tags else None for clause in clauses],
        [text_of(clause.tags) if clause.tags else None for clause in clauses],
        [ids_of(clause.types) for clause in clauses],
    )


def _names(fresh: Sequence[str]) -> tuple[list[int] | None, list[str] | None]:
    return ([id_of(name) for name in fresh], list(fresh)) if fresh else (None, None)


def _events(appends: Sequence[Append]) -> tuple[list[Any], ...]:
    owned = [(number, event) for number, append in enumerate(appends, start=1) for event in append.events]
    events = [event for _, event in owned]
    tagged = [(place, tag) for place, event in enumerate(events, start=1) for tag in tag_ids(event.tags)]
    return (
        [number for number, _ in owned],
        [id_of(event.name) for event in events],
        [event.version for event in events],
        [text_of(event.tags) for event in events],
        [event.data for event in events],
        [event.hash for event in events],
        [place for place, _ in tagged],
        [tag for _, tag in tagged],
    )
