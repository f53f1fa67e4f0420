"""Find what is mutable in a state type: cached states are shared, so they must not change in place."""

from __future__ import annotations

import dataclasses
import enum
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import MappingProxyType, NoneType
from typing import Any, get_args, get_origin
from uuid import UUID

import msgspec

from diptych.model.fields import fields_of, is_record, members_of, split_marks

_VALUES = (str, bytes, int, float, complex, bool, Decimal, datetime, date, time, timedelta, UUID, NoneType, enum.Enum)
_CONTAINERS = (tuple, frozenset, MappingProxyType)


def mutable_part(tp: Any, path: str = "state") -> str | None:
    """Return the path of the first mutable part of a type, or None when all of it is immutable.

    Types that cannot be judged (protocols, type variables, Any) are trusted.
    """
    for member in members_of(tp):
        bare = split_marks(member)[0]
        origin = get_origin(bare) or bare
        if not isinstance(origin, type):
            continue
        found = _judge(origin, bare, path)
        if found is not None:
            return found
    return None


def _judge(origin: type, bare: Any, path: str) -> str | None:
    if issubclass(origin, _VALUES):
        return None
    if issubclass(origin, _CONTAINERS) and not hasattr(origin, "_fields"):
        return _first(mutable_part(arg, f"{path}[]") for arg in get_args(bare) if arg is not Ellipsis)
    if issubclass(origin, (list, dict, set, bytearray)):
        return f"{path}: {origin.__name__}"
    if is_record(origin):
        return _judge_record(origin, path)
    return None


def _judge_record(cls: Any, path: str) -> str | None:
    frozen = cls.__struct_config__.frozen if issubclass(cls, msgspec.Struct) else cls.__dataclass_params__.frozen
    if not frozen:
        return f"{path}: {cls.__name__} is not frozen"
    return _first(mutable_part(f.hint, f"{path}.{f.name}") for f in fields_of(cls) if f.type is not cls)


def _first(found: Any) -> str | None:
    return next((each for each in found if each is not None), None)


def is_frozen_dataclass(cls: type) -> bool:
    """Say whether the class is a frozen dataclass."""
    return dataclasses.is_dataclass(cls) and bool(getattr(cls, "__dataclass_params__").frozen)  # noqa: B009 (untyped)
