"""Row keys: which rows an event, a reference or a changed row points to, compiled from names or functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from operator import attrgetter
from typing import Any
from uuid import UUID

from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, place_of
from diptych.model.keyforms import KeyForm, is_alike, is_of_kind, key_form_of, kind_of
from diptych.model.rowfolds import Key, KeysOf
from diptych.model.rows import Column, columns_of

KeyOf = Callable[[Any], Key | None]


def keys_of(
    model: Any, event: type, key: Any, keys: Any, function: Callable[..., Any]
) -> tuple[KeysOf, tuple[str, ...]]:
    """Compile which rows of a read model an event changes; return it with the fields of the event that it reads.

    Raises WiringError for names that the event lacks, for too few or too many of them, and for fields of other types.
    """
    form = _form(model)
    if keys is not None:
        # A row that is named twice is folded once.
        return (lambda given: tuple(each for each in dict.fromkeys(map(form.computed, keys(given))) if each)), ()
    if callable(key):
        return (lambda given: () if (found := form.computed(key(given))) is None else (found,)), ()
    names = _names(model, key)
    _refuse_count(model, names, function)
    present = _present(model, event, names, function)
    _refuse_unlike(model, event, [present[name] for name in names], function, fits=is_of_kind)
    if any(present[name].optional for name in names):
        return _by_optional_fields(names, form), names
    return _by_fields(names, form), names


def key_of_event(model: Any, event: type, key: Any, function: Callable[..., Any]) -> tuple[KeyOf, tuple[str, ...]]:
    """Compile the key of the row that an event points to: None where a part of it is None."""
    form = _form(model)
    if callable(key):
        return _computed(key, form), ()
    names = _names(model, key)
    _refuse_count(model, names, function)
    present = _present(model, event, names, function)
    _refuse_unlike(model, event, [present[name] for name in names], function)
    return _part_by_part(names, form), names


def key_of_row(model: Any, source: Any, key: Any, function: Callable[..., Any]) -> tuple[KeyOf, tuple[str, ...]]:
    """Compile the key of the rollup row that a row of another read model belongs to: None for no row."""
    form = _form(model)
    if callable(key):
        return _computed(key, form), ()
    names = _names(model, key)
    _refuse_count(model, names, function)
    known = {column.name: column for column in columns_of(source.row)}
    lacking = [name for name in names if name not in known]
    if lacking:
        raise WiringError(
            f"rows of {source.name!r} have no column {lacking[0]!r} to key a row of {model.name!r} by",
            where=place_of(function),
            fix=f"name theirs, @{model.name}.rollup({source.name}, key='...'), one of {', '.join(known)}; "
            f"or compute it: key=lambda row: ...",
        )
    _refuse_unlike(model, source.row, [known[name] for name in names], function)
    return _part_by_part(names, form), names


def sortable(key: Key) -> tuple[Any, ...]:
    """Return a key as every store sorts it: texts by code point, ids and choices by their stored values."""
    return tuple(_sortable(part) for part in key)


def _sortable(part: Any) -> Any:
    if isinstance(part, Enum):
        return part.value
    return str(part) if isinstance(part, UUID) else part


def _names(model: Any, key: Any) -> tuple[str, ...]:
    if key is None:
        return tuple(model.key)
    return key if isinstance(key, tuple) else (key,)


def _refuse_count(model: Any, names: tuple[str, ...], function: Callable[..., Any]) -> None:
    if len(names) != len(model.key):
        raise WiringError(
            f"{model.name!r} is keyed by ({', '.join(model.key)}), and {function.__qualname__} by ({', '.join(names)})",
            where=place_of(function),
            fix="name one field of the event for each column of the key, in their order",
        )


def _present(model: Any, event: type, names: tuple[str, ...], function: Callable[..., Any]) -> dict[str, Field]:
    present = {each.name: each for each in fields_of(event)}
    lacking = [name for name in names if name not in present]
    if lacking:
        raise WiringError(
            f"{event.__qualname__} has no field {lacking[0]!r} to key a row of {model.name!r} by",
            where=place_of(function),
            fix=f"name the event's field: @{model.name}.on(key='...'), one of {', '.join(present)}; "
            "or fold the changes of rows that have it: rollup(...)",
        )
    return present


def _refuse_unlike(
    model: Any,
    owner: type,
    given: Sequence[Field | Column],
    function: Callable[..., Any],
    *,
    fits: Callable[[Column, Any], bool] = is_alike,
) -> None:
    for column, each in zip(_key_columns(model), given, strict=True):
        if kind_of(column.type) is not None and not fits(column, each):
            raise WiringError(
                f"{function.__qualname__} looks for {each.name!r} of {owner.__qualname__} in the key "
                f"{column.name!r} of {model.name!r}, which is of another type",
                where=place_of(function),
                fix="give both the same type, Decimals the same Scale, or compute the key: "
                + (f"{model.name}[lambda ...]" if fits is is_alike else f"@{model.name}.on(key=lambda event: ...)"),
            )


def _key_columns(model: Any) -> tuple[Column, ...]:
    columns = {column.name: column for column in model.columns}
    return tuple(columns[name] for name in model.key)


def _form(model: Any) -> KeyForm:
    return key_form_of(_key_columns(model))


def _by_optional_fields(names: tuple[str, ...], form: KeyForm) -> KeysOf:
    one = _part_by_part(names, form)
    return lambda event: () if (key := one(event)) is None else (key,)


def _by_fields(names: tuple[str, ...], form: KeyForm) -> KeysOf:
    values: Callable[[Any], Any] = attrgetter(*names)
    if any(form.forms):
        return (lambda event: (form.stored((values(event),)),)) if len(names) == 1 else _by_forms(values, form)
    return (lambda event: ((values(event),),)) if len(names) == 1 else (lambda event: (values(event),))


def _by_forms(values: Callable[[Any], Any], form: KeyForm) -> KeysOf:
    return lambda event: (form.stored(values(event)),)


def _part_by_part(names: tuple[str, ...], form: KeyForm) -> KeyOf:
    values: Callable[[Any], Any] = attrgetter(*names)
    if len(names) == 1:
        return lambda given: None if (value := values(given)) is None else form.stored((value,))
    return lambda given: None if None in (key := values(given)) else form.stored(key)


def _computed(key: Callable[[Any], Any], form: KeyForm) -> KeyOf:
    return lambda given: form.computed(key(given))
