"""Predicates: what a specification is made of. One tree serves memory, SQL, indexes and fingerprints."""

from __future__ import annotations

import enum
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, time
from typing import Any, assert_never

from diptych.model.operands import fitting, kind_of
from diptych.model.rows import Column

Test = Callable[[Any], bool]
ORDERED = ("<", "<=", ">", ">=")
TEXTUAL = ("starts_with", "contains")
_SIGNS: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "starts_with": str.startswith,
    "contains": operator.contains,
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """Stand for a value that `bind` gives later."""

    name: str


@dataclass(frozen=True, slots=True)
class Compared:
    """Compare a column with a value, another column, or a parameter. False where a side is None."""

    column: Column
    sign: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Among:
    """Look for a column's value among several; `absent` says that None is one of them."""

    column: Column
    values: frozenset[Any] | Parameter
    absent: bool = False


@dataclass(frozen=True, slots=True)
class Absent:
    """Hold where a column is None."""

    column: Column


@dataclass(frozen=True, slots=True)
class Every:
    """Hold where all parts do."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """Hold where any part does."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Opposite:
    """Hold where the part does not."""

    part: Predicate


Predicate = Compared | Among | Absent | Every | Some | Opposite


def compared(column: Column, sign: str, operand: Any) -> Predicate:
    """Compare a column; `==` and `!=` None ask for absence. Raises TypeError or ValueError for what cannot be."""
    if operand is None and sign in {"==", "!="}:
        return absent(column) if sign == "==" else Opposite(absent(column))
    kind = kind_of(column)
    if kind is not None and sign in ORDERED and not kind.ordered:
        raise TypeError(f"column {column.name!r} has no order: compare it by ==, != and in_()")
    if sign in TEXTUAL and column.type is not str:
        raise TypeError(f"column {column.name!r} is no text: {sign}() is for columns of type str")
    if isinstance(operand, Parameter) and kind is not None:
        return Compared(column, sign, operand)
    if isinstance(operand, Column):
        return _paired(column, sign, operand)
    return Compared(column, sign, fitting(column, operand))


def among(column: Column, values: Any) -> Predicate:
    """Look for a column's value among these; raises TypeError or ValueError for values that it cannot have."""
    if isinstance(values, Parameter) and kind_of(column) is not None:
        return Among(column, values)
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise TypeError(f"in_() of column {column.name!r} takes a collection of values, found {values!r}")
    given = tuple(values)
    return Among(column, frozenset(fitting(column, each) for each in given if each is not None), absent=None in given)


def absent(column: Column) -> Absent:
    """Hold where a column is None; raises TypeError where None would be stored as the JSON text `null`."""
    if kind_of(column) is None and not column.optional:
        raise TypeError(f"column {column.name!r} is never None")
    return Absent(column)


def every(*parts: Predicate) -> Every:
    """Return the conjunction, flat."""
    return Every(tuple(inner for part in parts for inner in (part.parts if isinstance(part, Every) else (part,))))


def some(*parts: Predicate) -> Some:
    """Return the disjunction, flat."""
    return Some(tuple(inner for part in parts for inner in (part.parts if isinstance(part, Some) else (part,))))


def atoms(predicate: Predicate) -> Iterator[Compared | Among | Absent]:
    """Yield what a predicate is composed of, from left to right."""
    match predicate:
        case Every(parts) | Some(parts):
            for part in parts:
                yield from atoms(part)
        case Opposite(part):
            yield from atoms(part)
        case Compared() | Among() | Absent():
            yield predicate
        case _:
            assert_never(predicate)


def columns_in(predicate: Predicate) -> tuple[str, ...]:
    """Return the names of the columns that a predicate looks at, each once."""
    paired = ((atom.column, atom.operand if isinstance(atom, Compared) else None) for atom in atoms(predicate))
    return tuple(dict.fromkeys(each.name for pair in paired for each in pair if isinstance(each, Column)))


def parameters_in(predicate: Predicate) -> tuple[str, ...]:
    """Return the names of the parameters that are not bound, each once."""
    operands = (
        atom.operand if isinstance(atom, Compared) else atom.values
        for atom in atoms(predicate)
        if not isinstance(atom, Absent)
    )
    return tuple(dict.fromkeys(each.name for each in operands if isinstance(each, Parameter)))


def bound(predicate: Predicate, values: Mapping[str, Any]) -> Predicate:
    """Put values in the place of parameters; the values are checked as those written at once are."""
    match predicate:
        case Every(parts) | Some(parts):
            return replace(predicate, parts=tuple(bound(part, values) for part in parts))
        case Opposite(part):
            return Opposite(bound(part, values))
        case Compared(column, sign, Parameter(name)) if name in values:
            return compared(column, sign, values[name])
        case Among(column, Parameter(name)) if name in values:
            return among(column, values[name])
        case Compared() | Among() | Absent():
            return predicate
        case _:
            assert_never(predicate)


def test_of(predicate: Predicate) -> Test:
    """Compile the predicate into a function of a row."""
    match predicate:
        case Every(parts):
            tests = [test_of(part) for part in parts]
            return lambda row: all(test(row) for test in tests)
        case Some(parts):
            tests = [test_of(part) for part in parts]
            return lambda row: any(test(row) for test in tests)
        case Opposite(part):
            test = test_of(part)
            return lambda row: not test(row)
        case Absent(column):
            value = _value(column)
            return lambda row: value(row) is None
        case Among(column, values, absent):
            return _among(column, values, none=absent)
        case Compared(column, sign, operand):
            return _compared(column, sign, operand)
        case _:
            assert_never(predicate)


def told(predicate: Predicate) -> str:
    """Return the predicate as a text that stays the same from one Python to the next."""
    match predicate:
        case Every(parts):
            return f"({' & '.join(map(told, parts))})"
        case Some(parts):
            return f"({' | '.join(map(told, parts))})"
        case Opposite(part):
            return f"~{told(part)}"
        case Absent(column):
            return f"{column.name} is None"
        case Among(column, values, absent):
            return f"{column.name} in {_told(values)}{' or None' if absent else ''}"
        case Compared(column, sign, operand):
            return f"{column.name} {sign} {_told(operand)}"
        case _:
            assert_never(predicate)


def _paired(column: Column, sign: str, other: Column) -> Compared:
    if sign in TEXTUAL:
        raise TypeError(f"{sign}() of column {column.name!r} takes a text, found column {other.name!r}")
    for each in (column, other):
        if kind_of(each) is None:
            fitting(each, None)  # tells why it cannot be compared
    if (column.type, column.scale) != (other.type, other.scale):
        raise TypeError(
            f"columns {column.name!r} and {other.name!r} cannot be compared: "
            f"they are {_type(column)} and {_type(other)}"
        )
    return Compared(column, sign, other)


def _type(column: Column) -> str:
    name = getattr(column.type, "__name__", str(column.type))
    return name if column.scale is None else f"{name} of {column.scale} places"


def _value(column: Column) -> Callable[[Any], Any]:
    get, kind = operator.attrgetter(column.name), kind_of(column)
    form = None if kind is None else kind.form
    if form is None:
        return get
    return lambda row: None if (value := get(row)) is None else form(value)


def _form(column: Column, operand: Any) -> Any:
    kind = kind_of(column)
    return operand if kind is None or kind.form is None else kind.form(operand)


def _compared(column: Column, sign: str, operand: Any) -> Test:
    holds, value = _SIGNS[sign], _value(column)
    if isinstance(operand, Column):
        other = _value(operand)
        return lambda row: (left := value(row)) is not None and (right := other(row)) is not None and holds(left, right)
    fixed = _form(column, operand)
    return lambda row: (found := value(row)) is not None and holds(found, fixed)


def _among(column: Column, values: Any, *, none: bool) -> Test:
    value, fixed = _value(column), frozenset(_form(column, each) for each in values)
    return lambda row: none if (found := value(row)) is None else found in fixed


def _told(operand: Any) -> str:
    match operand:
        case Parameter(name):
            return f":{name}"
        case frozenset():
            return f"({', '.join(sorted(map(_told, operand)))})"
        case Column():
            return operand.name
        case enum.Enum():
            return str(operand.name or operand.value)  # combined flags have no name everywhere
        case str():
            return ascii(operand)
        case bytes():
            return f"x'{operand.hex()}'"
        case date() | time():
            return operand.isoformat()
        case _:
            return str(operand)
