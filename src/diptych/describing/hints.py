"""Hints as people read them: a type as Python writes it, its constraints in words, and an example of it."""

from __future__ import annotations

import enum
from collections import abc
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

import msgspec

from diptych.describing.description import FieldPart
from diptych.model.fields import Field, fields_of, is_record, members_of, split_marks, split_optional
from diptych.model.marks import GeneratedMark, NotBlank, Scale, Tag

_SIGNS = {"gt": "> {}", "ge": "≥ {}", "lt": "< {}", "le": "≤ {}", "multiple_of": "a multiple of {}"}
_LENGTHS = {"min_length": "at least {} long", "max_length": "at most {} long", "pattern": "matches {}"}
_DEEPEST = 4
_EXAMPLES: dict[Any, Any] = {
    bool: True,
    int: 1,
    float: 1.5,
    str: "text",
    bytes: "AA==",
    Decimal: "1.00",
    UUID: "00000000-0000-0000-0000-000000000001",
    datetime: "2026-12-01T10:00:00Z",
    date: "2026-12-01",
    time: "10:00:00",
    timedelta: "PT1H",
}


def field_parts(cls: type) -> tuple[FieldPart, ...]:
    """Describe the fields of a message or row; a type without any has none."""
    return tuple(_part(field) for field in fields_of(cls)) if is_record(cls) else ()


def type_text(hint: Any) -> str:
    """Return a type as Python writes it, without marks and module names.

    >>> type_text(tuple[UUID, ...] | None)
    'tuple[UUID, ...] | None'
    """
    bare = split_marks(hint)[0]
    if bare in (None, type(None)):
        return "None"
    if bare is Ellipsis:
        return "..."
    if get_origin(bare) is Literal:
        return f"Literal[{', '.join(map(repr, get_args(bare)))}]"
    inner, optional = split_optional(bare)
    members = members_of(bare)
    if len(members) > 1 or optional:
        return " | ".join([type_text(each) for each in members] + ["None"] * optional)
    origin, arguments = get_origin(inner), get_args(inner)
    if origin is None:
        return getattr(inner, "__name__", str(inner))
    name = getattr(origin, "__name__", str(origin))
    return f"{name}[{', '.join(map(type_text, arguments))}]"


def example_of(hint: Any, deep: int = 0) -> Any:
    """Return a value of a type as JSON has it: what a reader fills in."""
    bare, marks = split_marks(hint)
    inner, more = split_marks(split_optional(bare)[0])
    marks += more
    choices = get_args(inner) if get_origin(inner) is Literal else _members(inner)
    if choices:
        return choices[0]
    if inner in _EXAMPLES:
        return _within(_EXAMPLES[inner], marks)
    if is_record(inner):
        wanted = (field for field in fields_of(inner) if not field.mark(GeneratedMark))
        return {field.name: example_of(field.hint, deep + 1) for field in wanted} if deep < _DEEPEST else {}
    return _composed(inner, deep)


def _composed(tp: Any, deep: int) -> Any:
    origin, arguments = get_origin(tp), get_args(tp)
    if isinstance(origin, type) and issubclass(origin, abc.Mapping):
        return {str(example_of(arguments[0], deep)): example_of(arguments[1], deep)}
    if isinstance(origin, type) and issubclass(origin, abc.Collection) and arguments:
        return [example_of(each, deep) for each in arguments if each is not Ellipsis]
    members = members_of(tp)
    return example_of(members[0], deep) if len(members) > 1 else None


def _members(tp: Any) -> tuple[Any, ...]:
    return tuple(each.value for each in tp) if isinstance(tp, type) and issubclass(tp, enum.Enum) else ()


def _within(value: Any, marks: tuple[Any, ...]) -> Any:
    low = next(
        (each for mark in marks for each in (getattr(mark, "ge", None), getattr(mark, "gt", None)) if each), None
    )
    if low is None or isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return max(value, low + 1)


def _part(field: Field) -> FieldPart:
    given = field.required and field.mark(GeneratedMark) is None
    return FieldPart(field.name, type_text(field.hint), given, tuple(_constraints(field)))


def _constraints(field: Field) -> list[str]:
    found = []
    for mark in field.marks:
        if mark is NotBlank or (isinstance(mark, msgspec.Meta) and mark.pattern == NotBlank.pattern):
            found.append("not blank")
        elif isinstance(mark, msgspec.Meta):
            found += _bounds(mark, _SIGNS | _LENGTHS)
        elif isinstance(mark, Scale):
            found += [f"{mark.places} decimal places", *_bounds(mark, _SIGNS)]
        elif isinstance(mark, Tag):
            found.append(f"tags {mark.key}")
        elif isinstance(mark, GeneratedMark):
            found.append("made by send when absent")
    return found


def _bounds(mark: Any, words: dict[str, str]) -> list[str]:
    return [text.format(value) for name, text in words.items() if (value := getattr(mark, name, None)) is not None]
