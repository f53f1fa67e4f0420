"""What a run has seen: the values that its commands and events held, so that later commands name the same things."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, get_args
from uuid import UUID

from diptych.codec import encode
from diptych.codec.messages import decoder
from diptych.model.fields import Field, fields_of, is_record
from diptych.model.memo import memo
from diptych.model.shape import checks_of
from diptych.model.tags import tag_of

_REMEMBERED = (str, int, float, Decimal, UUID, datetime, date)
_LATEST = 6


class Seen:
    """Remember values by their tag, or by their type where they carry none."""

    def __init__(self) -> None:
        self._values: dict[Any, list[Any]] = {}

    def of(self, kind: Any) -> list[Any]:
        """Return the latest values of this tag or type, each once, the last one first."""
        return self._values.get(kind, [])[::-1]

    def learn(self, record: Any) -> None:
        """Remember what the fields of a command, an event or a state hold, nested values too."""
        for kind, value in _held(record):
            self._add(kind, value)

    def learn_state(self, state: Any) -> None:
        """Remember what a state holds, and what its properties compute."""
        self.learn(state)
        for value in _properties(state):
            if type(value) in _REMEMBERED:
                self._add(type(value), value)

    def _add(self, kind: Any, value: Any) -> None:
        known = self._values.setdefault(kind, [])
        if value in known:
            known.remove(value)
        known.append(value)
        del known[:-_LATEST]


def kind_of(tp: Any, tag: str | None) -> Any:
    """Return under what values of a field are remembered: its tag, its type, or None when they are not."""
    if tag is not None:
        return tag
    return tp if isinstance(tp, type) and (tp in _REMEMBERED or is_record(tp)) else None


def fitting(hint: Any) -> Callable[[Any], bool]:
    """Compile the test whether a field with this hint may hold a value: by its type, its bounds and its scale."""
    read, check = decoder(hint), checks_of(hint)

    def fits(value: Any) -> bool:
        try:
            found = read(encode(value))
        except ValueError:
            return False
        return check is None or found is None or next(iter(check(found, "")), None) is None

    return fits


def _held(record: Any) -> Iterator[tuple[Any, Any]]:
    if not is_record(type(record)):
        return
    for field in fields_of(type(record)):
        for each in _each(getattr(record, field.name)):
            kind = _kind_in(field, each)
            if kind is not None:
                yield kind, each
            if is_record(type(each)):
                yield from _held(each)


def _properties(state: Any) -> Iterator[Any]:
    """Yield what a state computes of itself, such as what is due; one that cannot say so now is left out."""
    for name in _property_names(type(state)):
        with contextlib.suppress(Exception):
            yield getattr(state, name)


@memo
def _property_names(cls: type) -> tuple[str, ...]:
    found = inspect.getmembers_static(cls, lambda each: isinstance(each, property))
    return tuple(name for name, _ in found if not name.startswith("_"))


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, Mapping):
        yield from value.values()
    elif isinstance(value, (tuple, list, frozenset, set)):
        yield from value
    else:
        yield value


def _kind_in(field: Field, value: Any) -> Any:
    tag = tag_of(field)
    if value is None or isinstance(value, bool):
        return None
    plain = type(value) if field.type is type(value) or type(value) in get_args(field.type) else field.type
    return kind_of(plain if tag is None else type(value), None if tag is None else tag.key)
