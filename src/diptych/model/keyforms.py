"""Key forms: what a key of a read model looks like, so that a wrong one is told, and equal ones look alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, get_args, get_origin
from uuid import UUID

from diptych.model.fields import Field
from diptych.model.marks import Scale
from diptych.model.memo import memo
from diptych.model.rowfolds import Key
from diptych.model.rows import Column, form_of

_SINGLE = (str, int, float, bytes, bool, UUID, datetime, date, time, Decimal)
_ALSO: dict[Any, tuple[type, ...]] = {float: (float, int), Decimal: (Decimal, int)}


@dataclass(frozen=True, slots=True)
class KeyForm:
    """Give keys the form in which they are stored: a tuple, datetimes in UTC, Decimals to all of their places."""

    columns: tuple[str, ...]
    kinds: tuple[Any, ...]
    forms: tuple[Callable[[Any], Any] | None, ...]

    def computed(self, found: Any) -> Key | None:
        """Return what a function gave as a key; None for one that is None, or has a part that is.

        Raises TypeError for what is no key of these columns.
        """
        key = found if isinstance(found, tuple) else (found,)
        if None in key:
            return None
        if len(key) != len(self.kinds) or not all(map(isinstance, key, self.kinds)):
            wanted = ", ".join(f"{name}: {_names(kind)}" for name, kind in zip(self.columns, self.kinds, strict=True))
            raise TypeError(f"a key of ({wanted}) was to be computed, and found {found!r}")
        return self.stored(key)

    def stored(self, key: Key) -> Key:
        """Return a key as it is stored."""
        if not any(self.forms):
            return key
        return tuple(part if form is None else form(part) for part, form in zip(key, self.forms, strict=True))


@memo
def key_form_of(columns: tuple[Column, ...]) -> KeyForm:
    """Return the form of keys of these columns."""
    kinds = tuple(_ALSO.get(kind := kind_of(column.type), kind or object) for column in columns)
    return KeyForm(tuple(column.name for column in columns), kinds, tuple(form_of(column) for column in columns))


def kind_of(tp: Any) -> Any:
    """Return the type of single values by which a column is compared alike everywhere; None for JSON and the like."""
    if get_origin(tp) is Literal:
        kinds = {type(value) for value in get_args(tp)}
        return kind_of(kinds.pop()) if len(kinds) == 1 else None
    single = tp in _SINGLE or (isinstance(tp, type) and issubclass(tp, Enum))
    return tp if single else None


def is_alike(column: Column, other: Field | Column) -> bool:
    """Say whether values of a field, or of another column, can be looked for in a column."""
    kind, scale = kind_of(column.type), other.scale if isinstance(other, Column) else _scale_of(other)
    if kind is None or kind is not kind_of(other.type):
        return False
    return kind is not Decimal or (column.scale is not None and scale is not None and scale <= column.scale)


def is_of_kind(column: Column, field: Field) -> bool:
    """Say whether values of an event's field become keys of a column when they are given its form."""
    kind, found = kind_of(column.type), kind_of(field.type)
    return kind is None or found is None or issubclass(found, _ALSO.get(kind, kind))


def _scale_of(field: Field) -> int | None:
    mark = field.mark(Scale)
    return None if mark is None else mark.places


def _names(kinds: Any) -> str:
    return " | ".join(kind.__name__ for kind in (kinds if isinstance(kinds, tuple) else (kinds,)))
