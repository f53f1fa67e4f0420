"""Weights: how many bytes a value takes in memory, so that what keeps values can be bounded."""

from __future__ import annotations

import enum
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from types import NoneType
from typing import Any
from uuid import UUID

from diptych.model.fields import fields_of, is_record
from diptych.model.memo import memo
from diptych.model.pydantic import is_model

_SHARED = (NoneType, bool, enum.Enum, type)  # one object for all
_SLOT = 8
_DICTIONARY = 104  # what an instance without __slots__ takes besides, at most, before its values

_SET_OF_FIELDS = 728  # a model keeps the names of the fields it was given in a set, of some twenty at most


def weight_of(value: Any, *, at_most: float = math.inf) -> int:
    """Return the bytes of an immutable value: records, containers and atoms, each level by its own size.

    Stops soon after `at_most`: what is too heavy need not be weighed to its end.
    """
    weight, waiting = 0, [value]
    while waiting and weight <= at_most:
        each = waiting.pop()
        own, parts = _anatomy(type(each))
        if own < 0:
            continue
        weight += own + sys.getsizeof(each)
        if parts is not None:
            waiting.extend(parts(each))
    return weight


@memo
def _anatomy(cls: type) -> tuple[int, Callable[[Any], Iterable[Any]] | None]:
    """Return what an instance takes beside its own size (below 0: nothing at all is its own), and its parts."""
    if issubclass(cls, _SHARED):
        return -1, None
    if issubclass(cls, (tuple, frozenset, list, set)):
        return 0, lambda items: items
    if issubclass(cls, dict):
        return 0, lambda items: (each for pair in items.items() for each in pair)
    if issubclass(cls, Mapping):  # in front of a dictionary
        return 0, lambda items: (dict(items),)
    if issubclass(cls, UUID):
        return 0, lambda made: (made.int,)
    if is_record(cls):
        own, parts = _record(tuple(field.name for field in fields_of(cls)), plain=cls.__dictoffset__ != 0)
        return own + (_SET_OF_FIELDS if is_model(cls) else 0), parts
    return 0, None


def _record(names: tuple[str, ...], *, plain: bool) -> tuple[int, Callable[[Any], Iterable[Any]] | None]:
    own = _DICTIONARY + _SLOT * len(names) if plain else 0
    match names:
        case ():
            return own, None
        case (name,):
            return own, lambda made: (getattr(made, name),)
        case _:
            return own, attrgetter(*names)
