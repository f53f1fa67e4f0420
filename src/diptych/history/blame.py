"""Blame and diff: what set each field of a row, and what lies between two states of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from diptych.history.causes import Cause
from diptych.model.projections import Key
from diptych.ports import Version


@dataclass(frozen=True, slots=True)
class FieldBlame:
    """Name the event that set a field to the value that it has."""

    field: str
    value: Any
    cause: Cause


@dataclass(frozen=True, slots=True)
class Blame:
    """Tell for each field of a row, computed ones too, which event set it to what it is at `position`."""

    model: str
    key: Key
    position: int
    fields: tuple[FieldBlame, ...]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """Hold a field before and after; None also where there was no row."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class RowEvent:
    """Tell what one event did to a row: the fields that it changed, and the row after it, None where it was deleted."""

    cause: Cause
    row: Any
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """Hold a row at two positions, the fields that differ, and every event between that was folded into it."""

    model: str
    key: Key
    start: int
    end: int
    before: Any
    after: Any
    fields: tuple[FieldChange, ...]
    events: tuple[RowEvent, ...]


class Since:
    """Find since which position each field has had its last value, taking versions stretch by stretch.

    A row that was deleted and made again has its fields since then.
    """

    def __init__(self, fields: Sequence[str]) -> None:
        self._fields, self._of = tuple(fields), [attrgetter(name) for name in fields]
        self.row: Any = None
        self.values: tuple[Any, ...] = ()
        self.positions: dict[str, int] = {}

    def take(self, versions: Sequence[Version]) -> None:
        """Take the next versions, the oldest first."""
        for position, row in versions:
            before, self.row = self.row, row
            if row is None:
                continue
            old, self.values = self.values, tuple([of(row) for of in self._of])
            if before is None:
                self.positions = dict.fromkeys(self._fields, position)
            elif old != self.values:
                changed = zip(self._fields, old, self.values, strict=True)
                self.positions.update((name, position) for name, was, now in changed if was != now)


def row_at(versions: Sequence[Version], position: int) -> Any:
    """Return the row at a position, None where there was none."""
    held = [each.row for each in versions if each.position <= position]
    return held[-1] if held else None


def changed(before: Any, after: Any, fields: Sequence[str]) -> tuple[FieldChange, ...]:
    """Return the fields in which two states of a row differ; all of them where one is None."""
    pairs = ((name, _value(before, name), _value(after, name)) for name in fields)
    whole = (before is None) != (after is None)
    return tuple(FieldChange(name, old, new) for name, old, new in pairs if whole or old != new)


def row_events(
    versions: Sequence[Version], causes: Mapping[int, Cause], fields: Sequence[str], *, before: Any = None
) -> Iterator[RowEvent]:
    """Yield what each event did, from the state before the first version."""
    for position, row in versions:
        yield RowEvent(causes[position], row, changed(before, row, fields))
        before = row


def _value(row: Any, name: str) -> Any:
    return None if row is None else getattr(row, name)
