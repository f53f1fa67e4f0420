"""Operands: the values that a column is compared with, and the form in which every store compares them."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from diptych.model.rows import Column
from diptych.model.shape import INT64

Form = Callable[[Any], Any]
_DIGITS = 19  # of the largest whole number of 64 bits


@dataclass(frozen=True, slots=True)
class Kind:
    """Say how the values of a column are compared: what fits, in which form, and whether they have an order.

    `fit` returns the operand as it is kept; it raises TypeError or ValueError. `form` turns a value of a row, or an
    operand, into what is compared.
    """

    name: str
    fit: Form
    form: Form | None = None
    ordered: bool = True


def kind_of(column: Column) -> Kind | None:
    """Return how a column is compared; None for what has no order that all stores share: JSON, Decimals unscaled."""
    tp = column.type
    if tp is Decimal:
        return None if column.scale is None else _DECIMAL
    if tp in _KINDS:
        return _KINDS[tp]
    if isinstance(tp, type) and issubclass(tp, enum.Enum):
        return Kind(tp.__name__, _member_of(tp), ordered=False)
    if get_origin(tp) is Literal:
        return _choice(get_args(tp))
    return None


def fitting(column: Column, value: Any) -> Any:
    """Return the value as a column is compared with it.

    Raises TypeError for a value of another type, and ValueError for one that no store can hold.
    """
    kind = kind_of(column)
    if kind is None:
        raise TypeError(
            f"column {column.name!r} cannot be compared; give a Decimal its Scale, keep JSON out of filters"
        )
    try:
        return kind.fit(value)
    except _Unfit:
        found = f"{value!r} of type {type(value).__name__}"
        raise TypeError(f"column {column.name!r} is compared with a {kind.name}, found {found}") from None
    except (ValueError, OverflowError) as wrong:
        raise ValueError(f"column {column.name!r} cannot be compared with {value!r}: {wrong}") from None


def storable(column: Column, value: Any) -> Any:
    """Return the value as `fitting`, if a row can have it.

    Raises ValueError also for a Decimal of more places than the column's, and of more digits than 64 bits hold.
    """
    found = fitting(column, value)
    if isinstance(found, Decimal) and not _is_held(found, column.scale or 0):
        raise ValueError(f"column {column.name!r} has {column.scale} places and 64 bits, found {found!s:.40}")
    return found


def _is_held(value: Decimal, places: int) -> bool:
    if not value:
        return True
    if value.adjusted() + places >= _DIGITS:
        return False  # before it is made a whole number: that of 1E+999999 takes its time
    sign, digits, exponent = value.as_tuple()
    moved = Decimal((sign, digits, int(exponent) + places))  # exact, whatever the context
    whole = int(moved)
    return whole == moved and -INT64 <= whole < INT64


class _Unfit(Exception):  # noqa: N818 (never leaves this module)
    """The value is of another type."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Unfit
    value.encode()  # half of a surrogate pair is no character
    if "\x00" in value:
        raise ValueError("no store keeps the character U+0000")
    return str.__str__(value)  # of a subclass, the text itself


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise _Unfit
    if not -INT64 <= value < INT64:
        raise ValueError("it has more than 64 bits")
    return int(value)


def _real(value: Any) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise _Unfit
    if not math.isfinite(value):
        raise ValueError("it is not finite")
    if float(value) != value:
        raise ValueError("no float is equal to it")
    return float(value)


def _exact(value: Any) -> Decimal:
    if not isinstance(value, (Decimal, int)) or isinstance(value, bool):
        raise _Unfit
    exact = Decimal(value)
    if not exact.is_finite():
        raise ValueError("it is not finite")
    return exact


def _moment(value: Any) -> datetime:
    if not isinstance(value, datetime):
        raise _Unfit
    if value.utcoffset() is None:
        raise ValueError("it has no offset; datetimes of rows are UTC")
    return value.astimezone(UTC)


def _day(value: Any) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise _Unfit
    return value


def _hour(value: Any) -> time:
    if not isinstance(value, time):
        raise _Unfit
    if value.tzinfo is not None:
        raise ValueError("it has an offset, and times of day are compared as they are written")
    return value


def _of(*classes: type) -> Form:
    def fit(value: Any) -> Any:
        if not isinstance(value, classes):
            raise _Unfit
        return value

    return fit


def _member_of(cls: type[enum.Enum]) -> Form:
    return _of(cls)


def _choice(values: tuple[Any, ...]) -> Kind | None:
    def fit(value: Any) -> Any:
        kept = _whole(value) if isinstance(values[0], int) else _text(value)
        if kept not in values:
            raise ValueError(f"it is none of {', '.join(map(repr, values))}")
        return kept

    alike = any(all(type(value) is kind for value in values) for kind in (int, str))
    return Kind(f"Literal of {type(values[0]).__name__}", fit) if alike else None


def _present(value: float) -> float | None:
    return None if math.isnan(value) else value  # stores keep a NaN as NULL


_DECIMAL = Kind("Decimal", _exact)
_KINDS: dict[Any, Kind] = {
    str: Kind("str", _text),
    int: Kind("int", _whole),
    float: Kind("float", _real, _present),
    bytes: Kind("bytes", _of(bytes)),
    bool: Kind("bool", _of(bool), ordered=False),
    UUID: Kind("UUID", _of(UUID)),
    # Two datetimes of one zone would be compared by their clocks, which go back an hour in autumn.
    datetime: Kind("datetime", _moment, _moment),
    date: Kind("date", _day, date.isoformat),
    time: Kind("time", _hour, time.isoformat),
}
