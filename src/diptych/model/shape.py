"""Shape: what can be wrong with a message by itself, field by field, without any state.

`checks_of` compiles the checks of what types alone do not say: finite numbers, decimal places, datetimes with an
offset, whole numbers of 64 bits.
"""

from __future__ import annotations

import math
import operator
from collections import abc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import UnionType
from typing import Any, Union, get_args, get_origin, is_typeddict

from diptych.model.cycles import is_cyclic
from diptych.model.fields import Field, fields_of, hints_of, is_record, split_marks, split_optional
from diptych.model.marks import Scale
from diptych.model.memo import memo

Errors = dict[str, tuple[str, ...]]
Check = Callable[[Any, str], Iterator[tuple[str, str]]]
INT64 = 1 << 63
"""Whole numbers of 64 bits lie below it, and from its negative on."""
INT64_DIGITS = 18
"""Every whole number with so many decimal digits has 64 bits."""
_COLLECTIONS = (tuple, list, frozenset, set, abc.Sequence, abc.Set, abc.Collection, abc.Iterable)


def join(path: str, name: str) -> str:
    """Return the path of a field below a path: `lines[2].product`."""
    return f"{path}.{name}" if path else name


@memo
def checks_of(hint: Any) -> Check | None:
    """Compile the checks of the values of one type, marks and all; None where there is nothing to check."""
    bare, marks = split_marks(hint)
    bare, optional = split_optional(bare)
    inner, more = split_marks(bare)
    check = _check_of(inner, marks + more)
    if check is None or not optional:
        return check
    return lambda value, path: iter(()) if value is None else check(value, path)


def _check_of(tp: Any, marks: tuple[Any, ...]) -> Check | None:
    if tp is Decimal:
        return _decimal_check(next((mark for mark in marks if isinstance(mark, Scale)), None))
    simple = _SIMPLE.get(tp) if isinstance(tp, type) else None
    if simple is not None:
        return simple
    if is_record(tp):
        return _later(_record_check, tp) if is_cyclic(tp) else _record_check(tp)
    return _check_of_generic(tp, get_origin(tp), get_args(tp))


def _check_of_generic(tp: Any, origin: Any, args: tuple[Any, ...]) -> Check | None:
    if is_uniform(tp):
        return _items_check(checks_of(args[0]))
    if origin is tuple:
        return _places_check([checks_of(arg) for arg in args])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _values_check(checks_of(args[1])) if args else None
    if is_record(origin):
        return _later(_bound_check, tp) if is_cyclic(origin) else _bound_check(tp)
    if hasattr(tp, "_fields"):  # a named tuple
        return _places_check([checks_of(hint) for hint in hints_of(tp).values()])
    if is_typeddict(tp):
        return _members_check({name: check for name, hint in hints_of(tp).items() if (check := checks_of(hint))})
    return _any_check if tp in _UNKNOWN or origin in (Union, UnionType) else None


@memo
def _bound_check(tp: Any) -> Check | None:
    """Compile the checks of a generic record whose parameters are given: `Box[Decimal]`."""
    cls: Any = get_origin(tp)
    given = dict(zip(cls.__parameters__, get_args(tp), strict=True))
    return _fields_check([(field, checks_of(_bound(field.hint, given))) for field in fields_of(cls)])


def _bound(hint: Any, given: Mapping[Any, Any]) -> Any:
    if hint in given:
        return given[hint]
    named = getattr(hint, "__parameters__", ())
    return hint[tuple(given[each] for each in named)] if named and not isinstance(hint, type) else hint


def _later(compiled: Callable[[Any], Check | None], tp: Any) -> Check:
    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        found = compiled(tp)
        return iter(()) if found is None else found(value, path)

    return check


@memo
def _record_check(cls: type) -> Check | None:
    return _fields_check([(field, checks_of(field.hint)) for field in fields_of(cls)])


def _fields_check(known: Iterable[tuple[Field, Check | None]]) -> Check | None:
    checks = [(field.name, field, found) for field, found in known if found is not None]
    if not checks:
        return None

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        for name, described, inner in checks:
            given = getattr(value, name)
            if given is not None or not described.optional:
                yield from inner(given, f"{path}.{name}" if path else name)

    return check


def _items_check(inner: Check | None) -> Check | None:
    if inner is None:
        return None

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        for index, item in enumerate(value):
            yield from inner(item, f"{path}[{index}]")

    return check


def _places_check(inner: Sequence[Check | None]) -> Check | None:
    if not any(inner):
        return None

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        for index, (item, of_item) in enumerate(zip(value, inner, strict=False)):  # its length is checked by decoding
            if of_item is not None:
                yield from of_item(item, f"{path}[{index}]")

    return check


def _values_check(inner: Check | None) -> Check | None:
    if inner is None:
        return None

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        for key, item in value.items():
            yield from inner(item, f"{path}[{key}]")

    return check


def _members_check(checks: Mapping[str, Check]) -> Check | None:
    if not checks:
        return None

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        for name, inner in checks.items():
            if name in value:
                yield from inner(value[name], join(path, name))

    return check


def _any_check(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Check a value whose type is known only now: a member of a union, or anything."""
    own = _SIMPLE.get(type(value)) or (checks_of(type(value)) if is_record(type(value)) else None)
    if own is not None:
        yield from own(value, path)
    elif isinstance(value, Decimal):
        yield from _decimal_check(None)(value, path)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _any_check(item, f"{path}[{key}]")
    elif isinstance(value, (tuple, list, set, frozenset)):
        for index, item in enumerate(value):
            yield from _any_check(item, f"{path}[{index}]")


def _decimal_check(scale: Scale | None) -> Check:
    bounds = bounds_of(scale)

    def check(value: Any, path: str) -> Iterator[tuple[str, str]]:
        if not value.is_finite():
            yield path, f"expected a finite number, found {value}"
        elif scale is not None:
            if value and value.adjusted() >= INT64_DIGITS - scale.places:  # the scaled whole number has 64 bits
                yield path, f"expected at most {INT64_DIGITS - scale.places} digits before the point"
            elif _places(value) > scale.places:
                yield path, f"expected at most {scale.places} decimal places, found {value}"
            for holds, limit, wanted in bounds:
                if not holds(value, limit):
                    yield path, f"expected {wanted} {limit}, found {value}"

    return check


def bounds_of(scale: Scale | None) -> tuple[tuple[Callable[[Any, Any], bool], Any, str], ...]:
    """Return the bounds of a Decimal: what must hold, the limit, and how to say it."""
    if scale is None:
        return ()
    known = (
        (operator.gt, scale.gt, "more than"),
        (operator.ge, scale.ge, "at least"),
        (operator.lt, scale.lt, "less than"),
        (operator.le, scale.le, "at most"),
    )
    return tuple(bound for bound in known if bound[1] is not None)


def _places(value: Decimal) -> int:
    _, digits, exponent = value.as_tuple()
    if not value or not isinstance(exponent, int):
        return 0
    trailing_zeros = len(digits) - len(bytes(digits).rstrip(b"\0"))
    return max(0, -exponent - trailing_zeros)


def _float_check(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not math.isfinite(value):
        yield path, f"expected a finite number, found {value}"


def _int_check(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if not -INT64 <= value < INT64:
        yield path, f"expected a whole number of 64 bits, found {value}"


def _datetime_check(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if value.tzinfo is None:
        yield path, f"expected a datetime with an offset such as {value.isoformat()}Z, found {value.isoformat()}"
        return
    try:
        value.astimezone(UTC)
    except OverflowError:
        yield path, f"expected a datetime that has its place in UTC too, found {value.isoformat()}"


_SIMPLE: Mapping[type, Check] = {float: _float_check, int: _int_check, datetime: _datetime_check}
_UNKNOWN = (Any, object)


def is_uniform(tp: Any) -> bool:
    """Say whether the type is a collection whose items have one type: `list[X]`, `tuple[X, ...]`."""
    args = get_args(tp)
    if get_origin(tp) is tuple:
        return len(args) == 2 and args[1] is Ellipsis  # noqa: PLR2004 (tuple[X, ...])
    return len(args) == 1 and get_origin(tp) in _COLLECTIONS
