"""Kinds: types of SQLAlchemy that store values alike in every database, each in its own form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.sql import operators
from sqlalchemy.types import TypeDecorator, TypeEngine

from diptych.stores.letters import paired, unpaired

Convert = Callable[[Any], Any]
SQLITE, POSTGRES = "sqlite", "postgresql"
"""The databases, by the names of SQLAlchemy's dialects."""
IN_JSON = "postgresql, in JSON"
"""Values on their way into a table of PostgreSQL, as JSON that it reads by the types of the columns."""
_WIDE = Context(prec=60)
_UNORDERED = ("json", "decimal")
_DIGITS, _LEAST, _MOST = 19, -(1 << 63), (1 << 63) - 1
_COMPARING = (
    *(operators.eq, operators.ne, operators.lt, operators.le, operators.gt, operators.ge),
    *(operators.is_distinct_from, operators.is_not_distinct_from),
)


@dataclass(frozen=True, slots=True)
class Storage:
    """Say how values of a column are stored: SQL type, and conversion there and back (None: as they are)."""

    type: TypeEngine[Any]
    to_store: Convert | None = None
    from_store: Convert | None = None


class Stored(TypeDecorator[Any]):
    """Store values of one kind, in each database in its own form; None stays None."""

    impl: Any = sa.Text
    cache_ok = True

    def form(self, dialect: str) -> Storage:
        """Return how a database stores values of this kind."""
        raise NotImplementedError

    def load_dialect_impl(self, dialect: sa.Dialect) -> TypeEngine[Any]:
        """Return the SQL type underneath."""
        return dialect.type_descriptor(self.form(dialect.name).type)

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:
        """Convert a value on its way into a statement."""
        there = self.form(dialect.name).to_store
        return value if value is None or there is None else there(value)

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return what converts values on their way out of rows; None where they come as they are."""
        back = self.form(dialect.name).from_store
        return None if back is None else lambda value: None if value is None else back(value)


class Converted(Stored):
    """Store values of one kind by a pair of conversions.

    `native` is how PostgreSQL keeps them, where that differs; `exact` is what converts those of rows, if not `there`.
    """

    cache_ok = True

    def __init__(
        self,
        name: str,
        stored: TypeEngine[Any],
        there: Convert,
        back: Convert,
        *,
        native: Storage | None = None,
        exact: Convert | None = None,
    ) -> None:
        super().__init__()
        self.name, self.stored, self.there, self.back = name, stored, there, back
        self.native, self.exact = native, exact
        self._converted = Storage(stored, there, back)

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

    @property
    def coerce_to_is_types(self) -> Any:  # type: ignore[override]  # a property there as well
        """Return the types of what is written as it is: `column.is_(True)`."""
        return (type(None), bool) if self.name == "bool" else (type(None),)

    @property
    def operator_classes(self) -> Any:  # type: ignore[override]  # a property there as well
        """Return the operators of the type underneath, and those of truth for a truth value: `~column`."""
        own = self.impl_instance.operator_classes
        return own | sa.Boolean.operator_classes if self.name == "bool" else own

    def form(self, dialect: str) -> Storage:
        """Return the pair of conversions, or the native form."""
        return self.native if self.native is not None and dialect == POSTGRES else self._converted


_TEXT = Storage(sa.Text())
_LETTERS = Storage(sa.Text(), paired, unpaired)


class Letters(Stored):
    """Store text, sorted by code points. PostgreSQL keeps no NUL: the first six characters go there as pairs."""

    cache_ok = True

    def form(self, dialect: str) -> Storage:
        """Return text as it is, or as PostgreSQL can keep it."""
        return _LETTERS if dialect == POSTGRES else _TEXT

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return text as it is: whatever text a statement has, the dialect of rows makes it fit."""
        return value

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Bind texts as text, anything else as what it is."""
        return self if value is None or isinstance(value, str) else self.impl_instance.coerce_compared_value(op, value)


class Scaled(Stored):
    """Store a Decimal of fixed places exactly, sortable, summable: as a whole number, in PostgreSQL as NUMERIC."""

    impl = sa.BigInteger
    cache_ok = True

    def __init__(self, places: int) -> None:
        super().__init__()
        self.places = places
        self._scaled = Storage(Whole, _decimal(scaling(places)), unscaling(places))
        self._native = Storage(sa.Numeric(_DIGITS, places), _placed(places))

    class Comparator(TypeDecorator.Comparator[Any]):
        """Refuse what would be computed or compared in other places than this column's."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Apply an operator: sums with the same places and whole multiples are exact, other products are not."""
            _refuse_inexact(self.type, op, other)
            return super().operate(op, *other, **kwargs)

        def reverse_operate(self, op: Any, other: Any, **kwargs: Any) -> Any:
            """Apply an operator to a value and this column: a whole number of times is that, in either order."""
            if op is operators.mul:
                return self.operate(op, other, **kwargs)
            _refuse_inexact(self.type, op, (other,))
            return super().reverse_operate(op, other, **kwargs)

    comparator_factory = Comparator

    def form(self, dialect: str) -> Storage:
        """Return the scaled form, or the native one."""
        return self._native if dialect == POSTGRES else self._scaled

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Bind a factor as the whole number it is, anything else with this column's places."""
        return Whole if op is operators.mul and isinstance(value, int) else self


def _refuse_inexact(own: Any, op: Any, other: tuple[Any, ...]) -> None:
    kind = getattr(other[0], "type", None) if other else None
    if op in _COMPARING:
        # A value takes this column's places; what is computed or stored in others is another number.
        fits = not isinstance(kind, (Scaled, sa.Integer, sa.Numeric)) or getattr(kind, "places", None) == own.places
    elif op in (operators.add, operators.sub):
        fits = isinstance(other[0], (Decimal, int)) or (isinstance(kind, Scaled) and kind.places == own.places)
    elif op in (operators.mul, operators.truediv, operators.floordiv, operators.mod):
        fits = op is operators.mul and (isinstance(other[0], int) or isinstance(kind, (sa.Integer, sa.BigInteger)))
    else:
        return
    if not fits:
        raise TypeError(
            f"a column of {own.places} decimal places is stored as a whole number: in SQL it adds to columns of equal "
            f"places, compares with them and multiplies by whole numbers; compute the rest in Python, or in a computed "
            f"column"
        )


class Beside(TypeEngine.Comparator[Any]):
    """Let a Decimal with a scale decide what may be done with it, on whichever side it stands."""

    def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
        """Apply an operator; a Decimal so many times is a Decimal."""
        if other and isinstance(scaled := getattr(other[0], "type", None), Scaled):
            if op is operators.mul:
                return other[0].operate(op, self.expr, **kwargs)
            _refuse_inexact(scaled, op, (self.expr,))
        return super().operate(op, *other, **kwargs)


class Number(sa.BigInteger):
    """Store whole numbers."""

    class Comparator(Beside, sa.BigInteger.Comparator[int]):
        """Multiply Decimals."""

    comparator_factory = Comparator


class Ratio(sa.REAL):  # type: ignore[type-arg]  # generic only to mypy
    """Store floats."""

    class Comparator(Beside, sa.REAL.Comparator[float]):
        """Stay away from Decimals."""

    comparator_factory = Comparator


Whole = Number().with_variant(sa.Integer(), SQLITE)
Real: TypeEngine[float] = Ratio().with_variant(sa.Double(), POSTGRES)


def scaling(places: int) -> Callable[[Decimal], int]:
    """Return the function that scales a Decimal to a whole number; it raises ValueError rather than round."""
    one: int = 10**places

    def scaled(value: Decimal) -> int:
        numerator, denominator = value.as_integer_ratio()
        whole, rest = divmod(numerator * one, denominator)
        if rest:
            raise ValueError(f"{value} has more than {places} decimal places; round it where the rule is known")
        return whole

    return scaled


def _placed(places: int) -> Convert:
    scaled = scaling(places)

    def placed(value: Decimal | int) -> Decimal:
        exact = value if isinstance(value, Decimal) else Decimal(value)
        if not _LEAST <= scaled(exact) <= _MOST:
            raise ValueError(f"{value} is too large: of {places} decimal places, whole numbers of 64 bits are kept")
        return exact

    return placed


def _decimal(convert: Convert) -> Convert:
    """Return a conversion that takes whole numbers as well, as statements have them."""
    return lambda value: convert(value if isinstance(value, Decimal) else Decimal(value))


def unscaling(places: int) -> Convert:
    """Return the function that makes a Decimal of these places of a whole number."""
    scaleb = _WIDE.scaleb
    return lambda whole: scaleb(Decimal(whole), -places)
