"""Soundness: one fast yes or no on a message's values, asked of everything that is written.

A yes is final. After a no, the checks of `shape.checks_of` are asked for the reasons, and theirs is the last word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import Any, get_args

from diptych.model.cycles import is_cyclic
from diptych.model.fields import fields_of, is_record, split_marks, split_optional
from diptych.model.marks import Scale
from diptych.model.memo import memo
from diptych.model.shape import INT64, INT64_DIGITS, Check, bounds_of, checks_of, is_uniform

Sound = Callable[[Any], bool]


@memo
def soundness(hint: Any) -> Sound | None:
    """Compile the question for a type; None when its values are always sound."""
    bare, marks = split_marks(hint)
    bare, optional = split_optional(bare)
    inner, more = split_marks(bare)
    ask = _of(inner, marks + more)
    if ask is None or not optional:
        return ask
    return lambda value: value is None or ask(value)


def _of(tp: Any, marks: tuple[Any, ...]) -> Sound | None:
    if tp is Decimal:
        return _decimal(next((mark for mark in marks if isinstance(mark, Scale)), None))
    if is_record(tp):
        return _cyclic(tp) if is_cyclic(tp) else _record(tp)
    if is_uniform(tp):
        return _items(get_args(tp)[0])
    simple = _SIMPLE.get(tp) if isinstance(tp, type) else None
    return simple or _judged(checks_of(tp))


def _cyclic(cls: type) -> Sound:
    def sound(value: Any) -> bool:
        ask = _record(cls)
        return ask is None or ask(value)

    return sound


@memo
def _record(cls: type) -> Sound | None:
    asked = [(f.name, ask) for f in fields_of(cls) if (ask := soundness(f.hint)) is not None]
    whole = [name for name, ask in asked if ask is _is_int64]
    if len(whole) > 1:
        others = [(name, ask) for name, ask in asked if ask is not _is_int64]
        return _with_whole(attrgetter(*whole), others)
    if len(asked) == 1:
        name, only = asked[0]
        return lambda value: only(getattr(value, name))
    return _each(asked) if asked else None


def _each(asked: Sequence[tuple[str, Sound]]) -> Sound:
    def sound(value: Any) -> bool:
        for name, ask in asked:  # noqa: SIM110 (a loop costs half of `all` over a generator, and this is a hot path)
            if not ask(getattr(value, name)):
                return False
        return True

    return sound


def _with_whole(whole: Callable[[Any], tuple[int, ...]], others: Sequence[tuple[str, Sound]]) -> Sound:
    # Whole numbers are the commonest fields: they are taken at once and compared without a call each.
    def sound(value: Any) -> bool:
        for number in whole(value):
            if not -INT64 <= number < INT64:
                return False
        for name, ask in others:  # noqa: SIM110 (as above)
            if not ask(getattr(value, name)):
                return False
        return True

    return sound


def _is_int64(value: int) -> bool:
    return -INT64 <= value < INT64


def _items(item: Any) -> Sound | None:
    ask = soundness(item)
    return None if ask is None else lambda value: all(map(ask, value))


def _judged(check: Check | None) -> Sound | None:
    """Ask the checks themselves: mappings, unions, and what is known only by its value."""
    return None if check is None else lambda value: next(check(value, ""), None) is None


def _decimal(scale: Scale | None) -> Sound:
    if scale is None:
        return lambda value: bool(value.is_finite())
    places, room = scale.places, INT64_DIGITS - scale.places
    bounds = [(holds, limit) for holds, limit, _ in bounds_of(scale)]

    def sound(value: Any) -> bool:
        try:
            if value.adjusted() >= room:
                return False
            return round(value, places) == value and all(holds(value, limit) for holds, limit in bounds)
        except (ValueError, OverflowError, InvalidOperation):
            return False

    return sound


def _is_in_utc(value: datetime) -> bool:
    if value.tzinfo is UTC:
        return True
    if value.tzinfo is None:
        return False
    try:
        value.astimezone(UTC)
    except OverflowError:  # in the first and the last year an offset may lead out of the calendar
        return False
    return True


_SIMPLE: Mapping[type, Sound] = {
    float: math.isfinite,
    int: _is_int64,
    datetime: _is_in_utc,
}
