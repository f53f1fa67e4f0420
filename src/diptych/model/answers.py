"""Answers: what a query returns, as it is shown outside: computed columns beside the stored ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args

import msgspec

from diptych.model.fields import fields_of, hints_of, is_record, split_marks
from diptych.model.memo import memo
from diptych.model.messages import result_type
from diptych.model.pydantic import is_model
from diptych.model.rows import computations_of
from diptych.model.shadows import shadow_of

Show = Callable[[Any], Any]
_SEQUENCES = (tuple, list)


def shown(value: Any) -> Any:
    """Return an answer with every row in it that has computed columns replaced by a record of all its columns.

    What holds no such row is returned as it is. Field order is kept, computed columns come last.
    """
    show = _show(type(value))
    return value if show is None else show(value)


@memo
def shape_of(cls: type) -> type[msgspec.Struct] | None:
    """Return the record that shows a row type with its computed columns; None where it has none."""
    if not is_record(cls):
        return None
    derived = computations_of(cls)
    if not derived:
        return None
    stored = [(field.name, field.hint) for field in fields_of(cls)]
    added = [(name, hints_of(function).get("return", Any)) for name, function in derived.items()]
    return msgspec.defstruct(cls.__name__, [*stored, *added], module=cls.__module__)


def rows_in(hint: Any) -> tuple[type, ...]:
    """Return the row types with computed columns that a type can hold, at any depth."""
    return tuple(dict.fromkeys(cls for cls in _classes(hint, set()) if shape_of(cls) is not None))


def records_in(hint: Any) -> tuple[type, ...]:
    """Return the dataclasses, Structs and models that a type can hold, itself included, at any depth."""
    return tuple(dict.fromkeys(cls for cls in _classes(hint, set()) if is_record(cls)))


def refuse_unreadable(message: type) -> None:
    """Raise WiringError for a pydantic model in a message, or in its answer, that cannot be read field by field."""
    for cls in (*_leaves(message), *_leaves(result_type(message))):
        if is_model(cls):
            records_in(cls)


def _leaves(hint: Any) -> Iterator[Any]:
    bare = split_marks(hint)[0]
    yield from (leaf for arg in get_args(bare) for leaf in _leaves(arg))
    yield bare


@memo
def _show(cls: type) -> Show | None:
    if issubclass(cls, _SEQUENCES) and not hasattr(cls, "_fields"):
        return lambda items: [shown(item) for item in items]
    if issubclass(cls, Mapping):
        return lambda items: {key: shown(item) for key, item in items.items()}
    shape = shape_of(cls)
    if shape is None and not (is_record(cls) and _may_hold(cls)):
        return None
    names = shape.__struct_fields__ if shape is not None else tuple(field.name for field in fields_of(cls))
    made = shape or msgspec.defstruct(cls.__name__, [(name, Any) for name in names])
    if is_model(cls):
        return _show_model(cls, made, names)
    return lambda row: made(*[shown(getattr(row, name)) for name in names])


def _show_model(cls: type, made: Callable[..., Any], names: tuple[str, ...]) -> Show:
    stored = shadow_of(cls)
    derived = names[len(stored.names) :]
    return lambda row: made(*map(shown, stored.values(row)), *[shown(getattr(row, name)) for name in derived])


def _may_hold(cls: type) -> bool:
    """Say whether a field may hold a row with computed columns; one of a type variable may hold anything."""
    return bool(rows_in(cls)) or any(not isinstance(each, type) for each in _classes(cls, set()))


def _classes(hint: Any, known: set[Any]) -> Iterator[Any]:
    bare = split_marks(hint)[0]
    if bare in known or bare is Ellipsis:
        return
    known.add(bare)
    yield from (found for arg in get_args(bare) for found in _classes(arg, known))
    origin = getattr(bare, "__origin__", bare)
    if is_record(origin):
        yield origin
        yield from (found for field in fields_of(origin) for found in _classes(field.hint, known))
    elif origin is Any or type(origin).__name__ == "TypeVar":
        yield origin
