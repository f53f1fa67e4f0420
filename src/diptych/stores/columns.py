"""Columns: how each Python type is stored, sorted and read back, alike for hot statements and for users' selects."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Context, Decimal
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

from diptych.codec import decoder, encode
from diptych.model.rows import Column

Convert = Callable[[Any], Any]
Whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_WIDE = Context(prec=60)
_UNORDERED = ("json", "decimal")


@dataclass(frozen=True, slots=True)
class Storage:
    """Say how values of a column are stored: SQL type, and conversion there and back (None: as they are)."""

    type: TypeEngine[Any]
    to_store: Convert | None = None
    from_store: Convert | None = None


class Converted(TypeDecorator[Any]):
    """Store values of one kind by a pair of conversions; both let None pass."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, name: str, stored: TypeEngine[Any], there: Convert, back: Convert) -> None:
        super().__init__()
        self.name, self.stored, self.there, self.back = name, stored, there, back

    class Comparator(TypeDecorator.Comparator[Any]):
        """Refuse to compare and sort what has no order that all stores share."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Apply an operator; JSON and Decimals without a scale are only looked at for null."""
            if self.type.name.startswith(_UNORDERED) and op not in (operators.is_, operators.is_not):  # type: ignore[attr-defined]  # ours
                raise TypeError(
                    f"a column stored as {self.type.name} cannot be compared or sorted; "  # type: ignore[attr-defined]  # ours
                    f"give a Decimal its Scale, or keep what you look for in a column of its own"
                )
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Return the SQL type underneath."""
        return dialect.type_descriptor(self.stored)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Convert a value on its way into a statement."""
        return None if value is None else self.there(value)

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Convert a value on its way out of a row."""
        return None if value is None else self.back(value)


class Scaled(TypeDecorator[Decimal]):
    """Store a Decimal of fixed places as a whole number: exact, sortable, summable."""

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places

    class Comparator(TypeDecorator.Comparator[Any]):
        """Refuse arithmetic whose result would not have this column's places."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Apply an operator: sums with the same places and whole multiples are exact, other products are not."""
            _refuse_inexact(self.type, op, other)
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Return the SQL type underneath."""
        return dialect.type_descriptor(Whole)

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Bind a factor as the whole number it is, anything else with this column's places."""
        return Whole if op is operators.mul and isinstance(value, int) else self

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Convert a Decimal on its way into a statement."""
        return None if value is None else scaling(self.places)(Decimal(value))

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Decimal | None:  # noqa: ARG002 (the same)
        """Convert a whole number on its way out of a row."""
        return None if value is None else _WIDE.scaleb(Decimal(value), -self.places)


def _refuse_inexact(own: Any, op: Any, other: tuple[Any, ...]) -> None:
    if op not in (operators.mul, operators.truediv, operators.floordiv, operators.mod, operators.add, operators.sub):
        return
    kind = getattr(other[0], "type", None)
    if op in (operators.add, operators.sub):
        fits = isinstance(other[0], (Decimal, int)) or (isinstance(kind, Scaled) and kind.places == own.places)
    else:
        fits = op is operators.mul and (isinstance(other[0], int) or isinstance(kind, (sa.Integer, sa.BigInteger)))
    if not fits:
        raise TypeError(
            f"a column of {own.places} decimal places is stored as a whole number: in SQL it adds to columns of equal "
            f"places and multiplies by whole numbers; compute the rest in Python, or in a computed column"
        )


def scaling(places: int) -> Callable[[Decimal], int]:
    """Return the function that scales a Decimal to a whole number; it raises ValueError rather than round."""
    scaleb = _WIDE.scaleb

    def scaled(value: Decimal) -> int:
        wide = scaleb(value, places)
        whole = int(wide)
        if whole != wide:
            raise ValueError(f"{value} has more than {places} decimal places; round it where the rule is known")
        return whole

    return scaled


def _unscaling(places: int) -> Convert:
    scaleb = _WIDE.scaleb
    return lambda whole: scaleb(Decimal(whole), -places)


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


def _text_to_uuid(text: str) -> UUID:
    return msgspec.convert(text, UUID)


_PLAIN: dict[Any, Storage] = {
    str: Storage(sa.Text()),
    int: Storage(Whole),
    float: Storage(sa.REAL()),
    bytes: Storage(sa.BLOB()),
    bool: Storage(Converted("bool", Whole, int, bool), int, bool),
    UUID: Storage(Converted("uuid", sa.Text(), msgspec.to_builtins, _text_to_uuid), msgspec.to_builtins, _text_to_uuid),
    datetime: Storage(
        Converted("datetime", sa.Text(), moment_to_text, _text_to_moment), moment_to_text, _text_to_moment
    ),
    date: Storage(Converted("date", sa.Text(), date.isoformat, date.fromisoformat), date.isoformat, date.fromisoformat),
    time: Storage(Converted("time", sa.Text(), time.isoformat, time.fromisoformat), time.isoformat, time.fromisoformat),
    Decimal: Storage(Converted("decimal", sa.Text(), str, Decimal), str, Decimal),
}


def storage_of(column: Column) -> Storage:
    """Return how a column is stored; types without a place of their own are canonical JSON text."""
    if column.type is Decimal and column.scale is not None:
        return Storage(Scaled(column.scale), scaling(column.scale), _unscaling(column.scale))
    if column.type in _PLAIN:
        return _PLAIN[column.type]
    if isinstance(column.type, type) and issubclass(column.type, enum.Enum):
        return _choice(column.type)
    if get_origin(column.type) is Literal:
        kind = _kind_of(get_args(column.type))
        return Storage(kind) if kind is not None else _json(Any)
    return _json(column.type)


def is_json(column: Column) -> bool:
    """Say whether a column is stored as JSON text."""
    kind = storage_of(column).type
    return isinstance(kind, Converted) and kind.name.startswith("json")


def _choice(cls: type[enum.Enum]) -> Storage:
    stored = _kind_of(tuple(member.value for member in cls))
    name = f"enum {cls.__module__}.{cls.__qualname__}"
    if issubclass(cls, enum.Flag):  # its combinations are no members that could be listed
        return Storage(Converted(name, Whole, lambda value: cls(value).value, cls), _value, cls)
    # Values that are neither all texts nor all whole numbers have no column of theirs: those members go by name.
    values = {member: member.name if stored is None else member.value for member in cls}
    members = {value: member for member, value in values.items()}

    def there(value: Any) -> Any:
        return values[value if isinstance(value, cls) else cls(value)]

    kind = sa.Text() if stored is None else stored
    return Storage(Converted(name, kind, there, members.__getitem__), values.__getitem__, members.__getitem__)


def _value(member: enum.Enum) -> Any:
    return member.value


def _kind_of(values: tuple[Any, ...]) -> TypeEngine[Any] | None:
    if all(type(value) is int for value in values):
        return Whole
    return sa.Text() if all(type(value) is str for value in values) else None


def _json(tp: Any) -> Storage:
    decode = decoder(tp)

    def there(value: Any) -> str:
        return encode(value).decode()

    return Storage(Converted(f"json {tp}", sa.Text(), there, decode), there, decode)
