"""Scalars: made-up values of plain types, within the bounds that a field's marks set.

Small values come often: bugs of decisions lie where amounts are equal, one apart, or nothing.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from hypothesis import strategies as st

from diptych.model.marks import NotBlank, Scale
from diptych.testing.clock import NOON
from diptych.testing.fuzzing.draw import Draw

Marks = tuple[Any, ...]
Scalar = Callable[[Draw], Any]
Whole = Callable[[Draw], int]
_FEW, _MANY, _BELOW = 10, 1000, 3
_LETTERS, _ODD = "abc", " 'é%_\\😀\u2028"
_CENTS = 2
_MINUTES = 24 * 60


def scalar(tp: Any, marks: Marks) -> Scalar | None:
    """Return how values of a plain type with these marks are made, or None when the type is not plain."""
    if get_origin(tp) is Literal:
        return _one_of(get_args(tp))
    if not isinstance(tp, type):
        return _anything if tp is Any else None
    if issubclass(tp, enum.Enum):
        return _one_of(tuple(tp))
    made = _MADE.get(tp)
    return made(marks) if made is not None else None


def _one_of(values: tuple[Any, ...]) -> Scalar:
    return lambda draw: draw.one(values)


def identity(tp: Any, tag: str) -> tuple[Any, ...]:
    """Return the few ids by which commands name the entities of a tag, or none for a type that has none to offer.

    The first comes often: a course gets far with one entity, and a second shows whether they are kept apart.

    >>> identity(str, "order")
    ('order-1', 'order-1', 'order-1', 'order-2')
    """
    known: Mapping[Any, Callable[[int], Any]] = {
        UUID: lambda number: UUID(int=number),
        str: lambda number: f"{tag}-{number}",
        int: lambda number: number,
    }
    return tuple(known[tp](number) for number in (1, 1, 1, 2)) if tp in known else ()


def around(value: Any) -> tuple[Any, ...]:
    """Return a value with its neighbours, where numbers have some: bugs are off by one.

    >>> around(3), around("three")
    ((3, 3, 4, 2), ('three',))
    """
    is_number = isinstance(value, (int, Decimal)) and not isinstance(value, (bool, enum.Enum))
    return (value, value, value + 1, value - 1) if is_number else (value,)


def limit(marks: Marks, name: str) -> Any:  # Any: a number, a length or a pattern; None where none is set
    """Return what the constraints among the marks, ours and pydantic's, say under this name: `ge`, `max_length`."""
    found = (getattr(mark, name, None) for mark in marks)
    return next((each for each in found if each is not None), None)


def _wholes(marks: Marks) -> Whole:
    low, high = limit(marks, "ge"), limit(marks, "le")
    above, below = limit(marks, "gt"), limit(marks, "lt")
    low = math.floor(above) + 1 if low is None and above is not None else low
    high = math.ceil(below) - 1 if high is None and below is not None else high
    step = limit(marks, "multiple_of")
    found = _between(None if low is None else math.ceil(low), None if high is None else math.floor(high))
    return found if step is None else lambda draw: (value := found(draw)) - value % step


def _between(low: int | None, high: int | None) -> Whole:
    centre = min(max(0, low if low is not None else 0), high if high is not None else max(0, low or 0))

    def within(under: int, over: int) -> tuple[int, int]:
        least = centre - under if low is None else max(low, centre - under)
        return least, centre + over if high is None else min(high, centre + over)

    near, far = within(_BELOW, _FEW), within(_MANY, _MANY)
    return lambda draw: draw.between(*(far if draw.rarely() else near))


def _decimals(marks: Marks) -> Scalar:
    scale = next((mark for mark in marks if isinstance(mark, Scale)), Scale(_CENTS))
    unit = Decimal(1).scaleb(-scale.places)
    ge, gt, le, lt = (limit(marks, name) for name in ("ge", "gt", "le", "lt"))
    low = _least(ge, gt, unit)
    high = None if (found := _least(_opposite(le), _opposite(lt), unit)) is None else -found
    fine = _between(low, high)
    least, most = (None if low is None else math.ceil(low * unit)), (None if high is None else math.floor(high * unit))
    if least is not None and most is not None and least > most:
        return lambda draw: _shortest(fine(draw) * unit)
    coarse = _between(least, most)
    return lambda draw: Decimal(coarse(draw)) if draw.coin() else _shortest(fine(draw) * unit)


def _least(inclusive: Any, exclusive: Any, unit: Decimal) -> int | None:
    if inclusive is not None:
        return math.ceil(Decimal(inclusive) / unit)
    return None if exclusive is None else math.floor(Decimal(exclusive) / unit) + 1


def _opposite(value: Any) -> Any:
    return None if value is None else -value


def _shortest(value: Decimal) -> Decimal:
    return value.quantize(Decimal(1)) if value == value.to_integral_value() else value.normalize()


def _floats(marks: Marks) -> Scalar:
    low, high = (limit(marks, name) for name in ("ge", "le"))
    above, below = (limit(marks, name) for name in ("gt", "lt"))
    low, high = (above if low is None else low), (below if high is None else high)
    tenths = _between(None if low is None else math.ceil(low * 10), None if high is None else math.floor(high * 10))
    wide = st.floats(
        low, high, exclude_min=above is not None, exclude_max=below is not None, allow_nan=False, allow_infinity=False
    )

    def made(draw: Draw) -> float:
        value = tenths(draw) / 10
        return draw.of(wide) if draw.rarely() or value in (above, below) else value

    return made


def _texts(marks: Marks) -> Scalar:
    least, most = limit(marks, "min_length") or 0, limit(marks, "max_length")
    pattern = limit(marks, "pattern")
    if pattern not in (None, NotBlank.pattern):
        found = st.from_regex(pattern).filter(lambda text: least <= len(text) <= (most or len(text)))
        return lambda draw: draw.of(found)
    least = max(least, 1) if pattern or most is None or most > 0 else least
    top = least + _BELOW if most is None else min(most, least + _BELOW)

    def made(draw: Draw) -> str:
        letters = _LETTERS + _ODD if draw.rarely() else _LETTERS
        text = "".join(draw.one(letters) for _ in range(draw.between(least, top)))
        return text if text.strip() or not pattern else f"a{text[1:]}"

    return made


def _bytes(marks: Marks) -> Scalar:
    least, most = limit(marks, "min_length") or 0, limit(marks, "max_length")
    top = least + _FEW if most is None else min(most, least + _FEW)
    return lambda draw: bytes(draw.between(0, 255) for _ in range(draw.between(least, top)))


def _instant(draw: Draw) -> datetime:
    number = _between(None, None)(draw)
    return NOON + (timedelta(minutes=number) if draw.coin() else timedelta(days=number))


def _anything(draw: Draw) -> Any:
    return draw.one((None, True, False, 0, 1, "", "a"))


_MADE: Mapping[type, Callable[[Marks], Scalar]] = {
    bool: lambda _: lambda draw: draw.coin(),
    int: _wholes,
    float: _floats,
    Decimal: _decimals,
    str: _texts,
    bytes: _bytes,
    UUID: lambda _: lambda draw: UUID(int=draw.between(1, 3)),
    datetime: lambda _: _instant,
    date: lambda _: lambda draw: _instant(draw).date(),
    time: lambda _: lambda draw: time(*divmod(draw.between(0, _MINUTES - 1), 60)),
    timedelta: lambda _: lambda draw: timedelta(minutes=_between(None, None)(draw)),
    type(None): lambda _: lambda _draw: None,
    object: lambda _: _anything,
}
