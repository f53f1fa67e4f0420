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
Whole = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Real: TypeEngine[float] = sa.REAL().with_variant(sa.Double(), "postgresql")
SQLITE, POSTGRES = "sqlite", "postgresql"
"""The databases, by the names of SQLAlchemy's dialects."""
_WIDE = Context(prec=60)
_UNORDERED = ("json", "decimal")
_DIGITS, _LEAST, _MOST = 19, -(1 << 63), (1 << 63) - 1


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
        self._native = Storage(sa.Numeric(_DIGITS, places), _decimal(_placed(places)))

    class Comparator(TypeDecorator.Comparator[Any]):
        """Refuse arithmetic whose result would not have this column's places."""

        def operate(self, op: Any, *other: Any, **kwargs: Any) -> Any:
            """Apply an operator: sums with the same places and whole multiples are exact, other products are not."""
            _refuse_inexact(self.type, op, other)
            return super().operate(op, *other, **kwargs)

    comparator_factory = Comparator

    def form(self, dialect: str) -> Storage:
        """Return the scaled form, or the native one."""
        return self._native if dialect == POSTGRES else self._scaled

    def coerce_compared_value(self, op: Any, value: Any) -> Any:
        """Bind a factor as the whole number it is, anything else with this column's places."""
        return Whole if op is operators.mul and isinstance(value, int) else self


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


def _placed(places: int) -> Convert:
    scaled = scaling(places)

    def placed(value: Decimal) -> Decimal:
        if not _LEAST <= scaled(value) <= _MOST:
            raise ValueError(f"{value} is too large: of {places} decimal places, whole numbers of 64 bits are kept")
        return value

    return placed


def _decimal(convert: Convert) -> Convert:
    """Return a conversion that takes whole numbers as well, as statements have them."""
    return lambda value: convert(value if isinstance(value, Decimal) else Decimal(value))


def unscaling(places: int) -> Convert:
    """Return the function that makes a Decimal of these places of a whole number."""
    scaleb = _WIDE.scaleb
    return lambda whole: scaleb(Decimal(whole), -places)
