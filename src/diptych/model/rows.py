"""Rows of read models: their columns, read from the annotations of the row type, and how a row changes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Context, Decimal
from math import inf
from operator import attrgetter, is_
from typing import Any, Generic, TypeVar, get_args, get_origin, overload

import msgspec

from diptych.errors import WiringError
from diptych.model.fields import fields_of, hints_of, place_of, split_marks, split_optional
from diptych.model.immutability import mutable_part
from diptych.model.marks import FullText, Indexed, Scale, Unique
from diptych.model.memo import memo
from diptych.model.pydantic import computations_of_model, is_model, maker_of

V = TypeVar("V")
T = TypeVar("T")
NUMBER = "_id"
"""The number of a row, by which a text index knows it; only tables of rows that are searched have it."""
WORDS, VECTOR = "_words", "_text"
"""The words of a row that is searched, and what a text index makes of them, where they stand beside its columns."""
_OF_TEXT = frozenset((NUMBER, WORDS, VECTOR))
_TAKEN = ("rank", "rowid")
_WIDE = Context(prec=60)
Self = TypeVar("Self")


class computed(Generic[T]):  # noqa: N801 (reads as a decorator, beside property)
    """Compute a column from the row when it is saved; it is stored, can be indexed, and reads like a property."""

    def __init__(self, function: Callable[[Any], T]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    @overload
    def __get__(self, row: None, owner: type) -> computed[T]: ...
    @overload
    def __get__(self, row: object, owner: type) -> T: ...
    def __get__(self, row: object | None, owner: type) -> computed[T] | T:
        return self if row is None else self.function(row)


class RowsOf(Generic[V]):
    """Be the base of what reads rows of V, so that it is known by type where rows themselves are out of reach."""

    __slots__ = ()


def row_type_of(tp: Any) -> Any:  # Any: a row type, or None
    """Return V of a hint `Rows[V]`; None for any other hint."""
    origin = get_origin(tp)
    return get_args(tp)[0] if isinstance(origin, type) and issubclass(origin, RowsOf) else None


@dataclass(frozen=True, slots=True)
class Column:
    """Describe a column: name, Python type, whether None fits, decimal places, index, and whether it is computed.

    `weight` is that of a column whose words are searched, None for any other.
    """

    name: str
    type: Any
    optional: bool
    scale: int | None = None
    indexed: bool = False
    unique: bool = False
    computed: bool = False
    weight: float | None = None


@memo
def columns_of(row: type) -> tuple[Column, ...]:
    """Return the columns of a row type: its fields, then its computed properties.

    Raises WiringError for a mutable row type, whose changes in place nobody would notice, for an indexed Decimal
    without a Scale: it could not be sorted alike in every store, and for a FullText that no text index can hold.
    """
    _refuse_mutable(row)
    stored = [_column(f.name, f.type, f.marks, f.optional) for f in fields_of(row)]
    derived = [_computed(name, function) for name, function in computations_of(row).items()]
    for column in (*stored, *derived):
        if column.indexed or column.unique:
            refuse_unscaled(row, column)
    columns = (*stored, *derived)
    _refuse_unsearchable(row, columns)
    return columns


@memo
def computations_of(row: type) -> Mapping[str, Callable[[Any], Any]]:
    """Return the functions of a row's computed columns by name; of a pydantic model, also its computed fields."""
    names = dict.fromkeys(name for ancestor in reversed(row.__mro__) for name in vars(ancestor))
    found = [(name, inspect.getattr_static(row, name)) for name in names]
    own = {name: value.function for name, value in found if isinstance(value, computed)}
    return own | computations_of_model(row) if is_model(row) else own


@memo
def as_stored(row: type) -> Callable[[Any, Any], Any] | None:
    """Compile `(row, before)`, which gives a row the form in which a store gives it back; None where they never differ.

    `before` is the row that it came from, in that form already, or None: what is still the same value is not looked at.

    A fold must see the same row whether it comes from the store or from memory: `row.at.date()` depends on the offset
    of a datetime, `str(row.price)` on the places of a Decimal.
    """
    forms = tuple((column.name, form) for column in columns_of(row) if (form := form_of(column)) is not None)
    if not forms:
        return None

    values = attrgetter(*(name for name, _ in forms), forms[0][0])  # one too many: always a tuple

    def formed(given: Any, before: Any) -> Any:
        if before is not None and all(map(is_, values(given), values(before))):
            return given
        other: dict[str, Any] = {}
        for name, form in forms:
            value = getattr(given, name)
            if value is not None and (stored := form(value)) is not value:
                other[name] = stored
        return change(given, **other) if other else given

    return formed


def form_of(column: Column) -> Callable[[Any], Any] | None:
    """Return the function that gives values of a column the form in which they are stored; None where it is theirs."""
    if column.computed:
        return None
    if column.type is datetime:
        return _utc
    return _placing(column.scale) if column.type is Decimal and column.scale is not None else None


def _utc(at: datetime) -> datetime:
    # A naive one is refused where it would be stored.
    return at if at.tzinfo is UTC or at.tzinfo is None else at.astimezone(UTC)


def _placing(places: int) -> Callable[[Any], Any]:
    unit = Decimal(1).scaleb(-places)

    def placed(value: Any) -> Any:
        if type(value) is Decimal and value.same_quantum(unit) and (value or not value.is_signed()):
            return value
        if not isinstance(value, (Decimal, int)) or not Decimal(value).is_finite():
            return value  # refused where it would be stored, as is one of more places
        exact = _WIDE.add(_WIDE.quantize(Decimal(value), unit), 0)  # without the sign of a nought
        return exact if exact == value else value

    return placed


def change(row: V, **fields: Any) -> V:  # Any: values of the row's own fields
    """Return the row with some fields changed; a compiled `replace`, several times as fast as the stdlib's.

    Raises TypeError for a field that the row does not have.
    """
    cls: Any = type(row)
    changed: V = _changer(cls)(row, fields)
    return changed


@memo
def _changer(cls: Any) -> Callable[[Any, dict[str, Any]], Any]:
    if issubclass(cls, msgspec.Struct):
        return lambda row, fields: msgspec.structs.replace(row, **fields)
    names, make = tuple(field.name for field in fields_of(cls)), _checked(cls)
    if len(names) == 1:
        return lambda row, fields: make(**fields) if fields else row
    values = attrgetter(*names)

    def changed(row: Any, fields: dict[str, Any]) -> Any:
        # A field that the row does not have is refused by its own constructor.
        return make(**dict(zip(names, values(row), strict=True), **fields)) if fields else row

    return changed


def _checked(cls: Any) -> Callable[..., Any]:
    """Return what makes a record; that of a model refuses a name of no field, as constructors do."""
    make = maker_of(cls)
    if not is_model(cls):
        return make
    known = {field.name for field in fields_of(cls)}

    def made(**values: Any) -> Any:
        strays = values.keys() - known
        if strays:
            raise TypeError(f"{cls.__qualname__} has no field {min(strays)!r}")
        return make(**values)

    return made


def _column(name: str, tp: Any, marks: tuple[Any, ...], optional: bool) -> Column:  # noqa: FBT001 (internal)
    scale = next((mark.places for mark in marks if isinstance(mark, Scale)), None)
    kinds = {mark if isinstance(mark, type) else type(mark) for mark in marks}
    weight = next((_weight(mark) for mark in marks if _weight(mark) is not None), None)
    return Column(name, tp, optional, scale, Indexed in kinds, Unique in kinds, weight=weight)


def _weight(mark: Any) -> float | None:
    if mark is FullText:
        return FullText().weight
    return mark.weight if isinstance(mark, FullText) else None


def _computed(name: str, function: Callable[[Any], Any]) -> Column:
    hint = hints_of(function).get("return", Any)
    bare, marks = split_marks(hint)
    bare, optional = split_optional(bare)
    inner, more = split_marks(bare)
    return replace(_column(name, inner, marks + more, optional), computed=True)


def refuse_unscaled(row: type, column: Column) -> None:
    """Raise WiringError for a Decimal without a Scale: it could not be sorted alike in every store."""
    if column.type is Decimal and column.scale is None:
        raise WiringError(
            f"column {column.name!r} of {row.__qualname__} is an indexed Decimal without a scale",
            where=place_of(row),
            fix=f"write {column.name}: Annotated[Decimal, Scale(4)] beside its other marks",
        )


def _refuse_unsearchable(row: type, columns: tuple[Column, ...]) -> None:
    searched = [column for column in columns if column.weight is not None]
    for column in searched:
        if column.type is not str or not 0 < (column.weight or 0) < inf:
            raise WiringError(
                f"column {column.name!r} of {row.__qualname__} is searched: FullText(weight={column.weight}) on a "
                f"column of {getattr(column.type, '__name__', column.type)}",
                where=place_of(row),
                fix="mark a str or a str | None, with a weight above 0: Annotated[str, FullText(weight=3)]",
            )
    taken = [column.name for column in searched if column.name.lower() in _TAKEN]
    taken += [column.name for column in columns if searched and column.name in _OF_TEXT]
    if taken:
        raise WiringError(
            f"{row.__qualname__} is searched, and its column {taken[0]!r} has a name of the text index's own",
            where=place_of(row),
            fix=f"call it otherwise: {taken[0].strip('_')}_",
        )


def _refuse_mutable(row: type) -> None:
    found = mutable_part(row)
    if found is not None:
        raise WiringError(
            f"rows of type {row.__qualname__} are mutable ({found.replace('state', 'row', 1)})",
            where=place_of(row),
            fix="use frozen dataclasses, tuples and frozensets; a fold returns a changed row: change(row, name=...)",
        )
