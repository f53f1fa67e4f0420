"""Shadows: the Structs through which the codec reads and writes pydantic models, so that one codec serves all records.

The types of a model's fields are read as everywhere else; then the model's own validators and constraints judge the
values. What only pydantic can read goes through it: types of its own, and fields that have a `before`, `wrap` or
`plain` validator or a serializer. In a union of records each value is read as the only one that it fits, and else left
to pydantic, which reads bytes otherwise than they are written, and texts not at all where a model is strict.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from operator import attrgetter
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from diptych.model.fields import Field, fields_of, is_record, split_marks, split_optional
from diptych.model.memo import memo
from diptych.model.pydantic import is_model, judge_of, reading_fields, writing_fields
from diptych.model.shape import is_uniform

_ABSENT: Any = object()


class Shadow:
    """The Struct that a model is read as, and the one that it is written as."""

    def __init__(self, model: Any) -> None:
        described = fields_of(model)
        self.names = tuple(field.name for field in described)
        foreign = frozenset(field.name for field in described if _is_foreign(field.hint))
        unclear = {f.name: f.hint for f in described if not _is_readable(f.hint)}
        self.unread = reading_fields(model) | foreign | unclear.keys()
        own = reading_fields(model) | foreign
        self._settled = {name: _settling(hint) for name, hint in unclear.items() if name not in own}
        self.written = writing_fields(model) | foreign
        self.read = msgspec.defstruct(
            model.__name__,
            [
                (field.name, hint) if field.required else (field.name, hint, _ABSENT)
                for field in described
                for hint in (Any if field.name in self.unread else field.hint,)
            ],
            kw_only=True,
            forbid_unknown_fields=model.model_config.get("extra") == "forbid",
        )
        self._optional = any(not field.required for field in described)
        self._model, self._judged, self._values = model, judge_of(model), _values_of(self.names)
        self._write = msgspec.defstruct(model.__name__, [(name, Any) for name in self.names])

    def made(self, read: Any) -> Any:
        """Return the model of what was read; raise ValueError for what its validators refuse."""
        given = msgspec.structs.asdict(read)
        if self._optional:
            given = {name: value for name, value in given.items() if value is not _ABSENT}
        return self._judged(self.settled(given))

    def settled(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the values of fields with those of unions of records read, as far as they fit one of them."""
        for name in self._settled.keys() & given.keys() if self._settled else ():
            given[name] = self._settled[name](given[name])
        return given

    def of(self, message: Any) -> Any:
        """Return what a model is written as."""
        return self._write(*self.values(message))

    def values(self, message: Any) -> tuple[Any, ...]:
        """Return the values of its fields as they are written."""
        values = self._values(message)
        if not self.written:
            return values
        found = _as_json(self._model, message, self.written)
        return tuple(found.get(name, value) for name, value in zip(self.names, values, strict=True))


@memo
def shadow_of(model: type) -> Shadow:
    """Return the shadow of a model, compiled once."""
    return Shadow(model)


@memo
def readable_fields(record: type) -> tuple[Field, ...]:
    """Return the fields of a record as the codec reads them: those that only a model can read may be anything."""
    unread = shadow_of(record).unread if is_model(record) else frozenset[str]()
    return tuple(replace(each, hint=Any) if each.name in unread else each for each in fields_of(record))


def written(value: Any) -> Any:
    """Return a value that the codec does not know as one that it does; raise TypeError where there is none."""
    shadow = _shadow_if_model(type(value))
    if shadow is None:
        raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")
    return shadow.of(value)


def read(tp: Any, value: Any) -> Any:
    """Return the value of a type that the codec does not know; what is no model is judged by its class alone."""
    shadow = _shadow_if_model(tp)
    if shadow is None or (type(value) is not dict and isinstance(value, tp)):
        return value
    return shadow.made(msgspec.convert(value, shadow.read, dec_hook=read, str_keys=True))


def converted(value: Any, hint: Any, *, strict: bool = True) -> Any:
    """Return a JSON value as one of this type; raise msgspec.ValidationError where it is none."""
    return msgspec.convert(value, hint, strict=strict, dec_hook=read)


def decoder_of(tp: Any) -> Callable[[bytes], Any]:
    """Compile the JSON decoder of a type."""
    if not is_model(tp):
        return msgspec.json.Decoder(tp, dec_hook=read).decode
    shadow = shadow_of(tp)
    decode, made = msgspec.json.Decoder(shadow.read, dec_hook=read).decode, shadow.made
    return lambda data: made(decode(data))


@memo
def _shadow_if_model(tp: Any) -> Shadow | None:
    return shadow_of(tp) if is_model(tp) else None


def _values_of(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    return lambda record: tuple(getattr(record, name) for name in names)


def _as_json(model: Any, message: Any, names: frozenset[str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.__pydantic_serializer__.to_python(
        message, mode="json", include=set(names), by_alias=False
    )
    return found


def _settling(hint: Any) -> Callable[[Any], Any]:
    """Compile the reading of a type that msgspec does not tell apart; what fits not just one record stays as it is."""
    bare = split_marks(split_optional(split_marks(hint)[0])[0])[0]
    origin, args = get_origin(bare), get_args(bare)
    if _is_readable(bare):
        return partial(_read_or_left, bare)
    if origin in (Union, UnionType):
        return partial(_alternative, [(each, _literals(each)) for each in args if is_record(each)])
    if is_uniform(bare):
        item, made = _settling(args[0]), tuple if origin is tuple else list
        return lambda value: made(map(item, value)) if type(value) is list else value
    if origin is tuple:
        items = [_settling(each) for each in args]
        return lambda value: (
            tuple(settle(each) for settle, each in zip(items, value, strict=True))
            if type(value) is list and len(value) == len(items)
            else value
        )
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = _settling(args[1])
        return lambda value: {key: inner(each) for key, each in value.items()} if type(value) is dict else value
    return lambda value: value


def _alternative(records: Sequence[tuple[Any, Mapping[str, Collection[Any]]]], value: Any) -> Any:
    """Return a JSON object as the only one of these records that it fits, else as it is."""
    if type(value) is not dict:
        return value
    likely = [
        record
        for record, literals in records
        if all(value[name] in known for name, known in literals.items() if name in value)
    ]
    found = [each for record in likely if (each := _read_or_left(record, value)) is not value]
    return found[0] if len(found) == 1 else value


def _read_or_left(hint: Any, value: Any) -> Any:
    try:
        return converted(value, hint)
    except (msgspec.ValidationError, TypeError):  # pydantic says better what is wrong
        return value


def _literals(record: Any) -> Mapping[str, Collection[Any]]:
    """Return what the fields that tell this record from others may hold."""
    return {each.name: get_args(each.type) for each in fields_of(record) if get_origin(each.type) is Literal}


def _is_foreign(hint: Any) -> bool:
    """Say whether a type holds one that only pydantic knows: `HttpUrl`."""
    args = get_args(hint)
    if args:
        return any(_is_foreign(arg) for arg in args if isinstance(arg, type) or get_args(arg))
    return isinstance(hint, type) and not is_model(hint) and not _is_known(hint)


def _is_known(cls: type) -> bool:
    return not isinstance(msgspec.inspect.type_info(cls), msgspec.inspect.CustomType)


def _is_readable(hint: Any) -> bool:
    try:
        msgspec.json.Decoder(hint)
    except TypeError:  # a union that msgspec cannot tell apart
        return False
    return True
