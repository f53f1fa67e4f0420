"""Cursors: where a list was left, as an opaque text that fits in an address."""

from __future__ import annotations

import binascii
import enum
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import time
from hashlib import blake2b
from typing import Any

import msgspec

from diptych.codec import encode
from diptych.errors import InvalidMessageError
from diptych.model.operands import storable
from diptych.model.rows import Column
from diptych.read.ordering import Ordering


def cursor_of(ordering: Ordering, values: Sequence[Any]) -> str:
    """Return the cursor behind the row with these values in the columns of the ordering."""
    written = [_written(value) for value in values]
    return urlsafe_b64encode(encode([_digest(ordering), *written])).rstrip(b"=").decode()


def values_at(ordering: Ordering, cursor: str) -> tuple[Any, ...]:
    """Return the values behind which the cursor stands.

    Raises InvalidMessageError, path `cursor`, for one of another read model or order, and for what is no cursor.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        digest, *values = msgspec.json.decode(urlsafe_b64decode(padded), type=list[Any])
        if digest == _digest(ordering):
            columns = [place.column for place in ordering.places]
            return tuple(_read(column, value) for column, value in zip(columns, values, strict=True))
    except (ValueError, TypeError, KeyError, ArithmeticError, RecursionError, msgspec.MsgspecError, binascii.Error):
        pass  # whatever is wrong with it, it was not made here
    problem = f"is no cursor of {ordering.model!r} in this order; leave it out to start from the beginning"
    raise InvalidMessageError("the page", {"cursor": (problem,)})


def _digest(ordering: Ordering) -> str:
    """Return what binds a cursor to its read model, order and key; the key is part of every ordering."""
    columns = [(place.column.name, place.down, str(place.column.type)) for place in ordering.places]
    return blake2b(encode([ordering.model, columns]), digest_size=6).hexdigest()


def _written(value: Any) -> Any:
    match value:
        case enum.Flag():
            return value.value
        case enum.Enum():
            return value.name
        case float():
            return repr(value)  # JSON knows no infinity
        case time():
            return value.isoformat()  # JSON rounds its offset to minutes
        case _:
            return value


def _read(column: Column, value: Any) -> Any:
    if value is None:
        if not column.optional:
            raise ValueError(column.name)
        return None
    tp = column.type
    if tp is float:
        return float(value)
    if isinstance(tp, type) and issubclass(tp, enum.Enum):
        return tp(value) if issubclass(tp, enum.Flag) else tp[value]
    if tp is time:
        return time.fromisoformat(value)
    read = msgspec.convert(value, tp)
    # A row may have any text, also one that no specification compares with.
    return read if tp is str else storable(column, read)
