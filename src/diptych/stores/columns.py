"""Columns: how each Python type is stored, sorted and read back, alike for hot statements and for users' selects."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, time
from decimal import Decimal
from math import inf
from operator import attrgetter, pos
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from diptych.codec import decoder, encode
from diptych.model.rows import Column
from diptych.stores.kinds import (
    IN_JSON,
    POSTGRES,
    SQLITE,
    Convert,
    Converted,
    Letters,
    Real,
    Scaled,
    Storage,
    Stored,
    Whole,
    scaling,
    unscaling,
)


def moment_to_text(moment: datetime) -> str:
    """Return a datetime as UTC text of fixed width, sortable, as the database's own date functions read it.

    >>> moment_to_text(datetime(2011, 10, 6, 12, 30, tzinfo=UTC))
    '2011-10-06 12:30:00.000000'
    """
    if moment.tzinfo is not UTC:
        if moment.tzinfo is None:
            raise ValueError(f"{moment.isoformat()} has no offset; datetimes of rows are UTC")
        moment = moment.astimezone(UTC)
    return moment.isoformat(" ", "microseconds")[:26]


def _text_to_moment(text: str) -> datetime:
    return datetime.fromisoformat(text + "+00:00")


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no offset; datetimes of rows are UTC")
    return moment


def _zoned(moment: datetime) -> datetime:
    # The first and the last moment are infinities to asyncpg, which gives them back without an offset.
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _number(value: float) -> float:
    if value != value:  # noqa: PLR0124 (the one number that is not equal to itself)
        raise ValueError("nan is no number: it has no place among others, and no store keeps it")
    return value


def _number_in_json(value: float) -> float | str:
    return pos(value) if -inf < value < inf else str(_number(value))


ENDS: Mapping[date, str] = {
    # To asyncpg, which reads them and looks for them, these are infinities.
    **dict.fromkeys((date.min, datetime.min.replace(tzinfo=UTC)), "-infinity"),
    **dict.fromkeys((date.max, datetime.max.replace(tzinfo=UTC)), "infinity"),
}


def _moment_in_json(moment: datetime) -> datetime | str:
    universal = moment if moment.tzinfo is UTC else _aware(moment).astimezone(UTC)
    return universal if MINYEAR < universal.year < MAXYEAR else ENDS.get(universal, universal)


def _day_in_json(day: date) -> date | str:
    return ENDS.get(day, day)


def _bytes_in_json(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _text_to_uuid(text: str) -> UUID:
    return msgspec.convert(text, UUID)


_PLAIN: dict[Any, TypeEngine[Any]] = {
    str: Letters(),
    int: Whole,
    float: Real,
    bytes: sa.LargeBinary(),
    bool: Converted("bool", Whole, int, bool, native=Storage(sa.Boolean())),
    UUID: Converted("uuid", sa.Text(), msgspec.to_builtins, _text_to_uuid, native=Storage(sa.Uuid())),
    datetime: Converted(
        "datetime",
        sa.Text(),
        moment_to_text,
        _text_to_moment,
        native=Storage(sa.DateTime(timezone=True), _aware, _zoned),
    ),
    date: Converted("date", sa.Text(), date.isoformat, date.fromisoformat, native=Storage(sa.Date())),
    # A time of day may have an offset, which no type of PostgreSQL keeps and sorts as it is written.
    time: Converted("time", sa.Text(), time.isoformat, time.fromisoformat),
    Decimal: Converted("decimal", sa.Text(), str, Decimal),
}


_IN_JSON: Mapping[Any, Convert] = {
    Whole: pos,  # a truth value is a number here, as it is to Python
    Real: _number_in_json,
    _PLAIN[bytes]: _bytes_in_json,
    _PLAIN[datetime]: _moment_in_json,
    _PLAIN[date]: _day_in_json,
}
"""What JSON has no form of its own for, or another one than PostgreSQL."""


def storage_of(column: Column, dialect: str = SQLITE) -> Storage:
    """Return how a column is stored: the type that both databases know, and the conversions that one of them needs."""
    if dialect == IN_JSON:
        return _in_json(storage_of(column, POSTGRES))
    kind = kind_of(column)
    if isinstance(kind, Scaled) and dialect != POSTGRES:
        return Storage(kind, scaling(kind.places), unscaling(kind.places))
    if isinstance(kind, Stored):
        form = kind.form(dialect)
        exact = kind.exact if isinstance(kind, Converted) else None
        return Storage(kind, exact or form.to_store, form.from_store)
    return Storage(kind, _number if kind is Real and dialect == POSTGRES else None)


def _in_json(stored: Storage) -> Storage:
    there = _IN_JSON.get(stored.type)
    return stored if there is None else Storage(stored.type, there, stored.from_store)


def kind_of(column: Column) -> TypeEngine[Any]:
    """Return the type of a column for SQLAlchemy; what has no place of its own is canonical JSON text."""
    if column.type is Decimal and column.scale is not None:
        return Scaled(column.scale)
    if column.type in _PLAIN:
        return _PLAIN[column.type]
    if isinstance(column.type, type) and issubclass(column.type, enum.Enum):
        return _choice(column.type)
    if get_origin(column.type) is Literal:
        return _kind_of(get_args(column.type)) or _json(Any)
    return _json(column.type)


def is_json(column: Column) -> bool:
    """Say whether a column is stored as JSON text."""
    kind = kind_of(column)
    return isinstance(kind, Converted) and kind.name.startswith("json")


def _choice(cls: type[enum.Enum]) -> Converted:
    stored = _kind_of(tuple(member.value for member in cls))
    name = f"enum {cls.__module__}.{cls.__qualname__}"
    if issubclass(cls, enum.Flag):  # its combinations are no members that could be listed
        return Converted(name, Whole, lambda value: cls(value).value, cls, exact=attrgetter("value"))
    # Values that are neither all texts nor all whole numbers have no column of theirs: those members go by name.
    values = {member: member.name if stored is None else member.value for member in cls}
    members = {value: member for member, value in values.items()}

    def there(value: Any) -> Any:
        return values[value if isinstance(value, cls) else cls(value)]

    kind = Whole if stored is Whole else sa.Text()
    return Converted(name, kind, there, members.__getitem__, exact=values.__getitem__)


def _kind_of(values: tuple[Any, ...]) -> TypeEngine[Any] | None:
    if all(type(value) is int for value in values):
        return Whole
    return Letters() if all(type(value) is str for value in values) else None


def _json(tp: Any) -> Converted:
    decode = decoder(tp)

    def there(value: Any) -> str:
        return encode(value).decode()

    return Converted(f"json {tp}", sa.Text(), there, decode)
