"""Find what is mutable in a state type: cached states are shared, so they must not change in place."""

from __future__ import annotations

import enum
import inspect
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

from diptych.model.fields import fields_of, hints_of, is_record, members_of, split_marks
from diptych.model.pydantic import is_frozen, is_model

_VALUES = (str, bytes, int, float, complex, bool, Decimal, datetime, date, time, timedelta, UUID, NoneType, enum.Enum)
_CONTAINERS = (tuple, frozenset, MappingProxyType)


def mutable_part(tp: Any) -> str | None:
    """Return the path of the first mutable part of a type, or None when all of it is immutable.

    Types that cannot be judged (protocols, type variables, Any) are trusted, and so are plain classes within others.
    """
    plain = (cls for cls in members_of(tp) if isinstance(cls, type) and _is_plain(cls))
    return _part(tp, "state", frozenset()) or _first(
        f"state: {cls.__name__} lets its attributes be set" for cls in plain
    )


def _part(tp: Any, path: str, within: frozenset[type]) -> str | None:
    for member in members_of(tp):
        bare = split_marks(member)[0]
        origin = get_origin(bare) or bare
        found = _judge(origin, bare, path, within) if isinstance(origin, type) and origin not in within else None
        if found is not None:
            return found
    return None


def _judge(origin: type, bare: Any, path: str, within: frozenset[type]) -> str | None:
    if issubclass(origin, _VALUES):
        return None
    if issubclass(origin, (list, dict, set, bytearray)):
        return f"{path}: {origin.__name__}"
    if is_record(origin):
        found = _judge_record(origin, path, within | {origin})
        return found or _first(_part(arg, f"{path}[]", within) for arg in get_args(bare))  # such as V of Page[V]
    if hasattr(origin, "_fields"):  # a named tuple
        hints = hints_of(origin)
        return _first(_part(hints.get(name, Any), f"{path}.{name}", within | {origin}) for name in origin._fields)
    if issubclass(origin, _CONTAINERS):
        return _first(_part(arg, f"{path}[]", within) for arg in get_args(bare) if arg is not Ellipsis)
    return None


def _is_plain(cls: type) -> bool:
    """Say whether this is a class with an `__init__` of its own, to whose objects anybody may set anything."""
    if is_record(cls) or getattr(cls, "_is_protocol", False) or issubclass(cls, (*_VALUES, *_CONTAINERS)):
        return False
    return inspect.isfunction(cls.__init__) and cls.__setattr__ is object.__setattr__ and cls.__dictoffset__ != 0


def _judge_record(cls: Any, path: str, within: frozenset[type]) -> str | None:
    if not _is_frozen(cls):
        return f"{path}: {cls.__name__} is not frozen"
    return _first(_part(f.hint, f"{path}.{f.name}", within) for f in fields_of(cls))


def _is_frozen(cls: Any) -> bool:
    if is_model(cls):
        return is_frozen(cls)
    return bool(cls.__struct_config__.frozen if issubclass(cls, msgspec.Struct) else cls.__dataclass_params__.frozen)


def _first(found: Iterable[str | None]) -> str | None:
    return next((each for each in found if each is not None), None)
