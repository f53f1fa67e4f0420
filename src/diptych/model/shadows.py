"""Shadows: the Structs through which the codec reads and writes pydantic models, so that one codec serves all records.

The types of a model's fields are read as everywhere else; then the model's own validators and constraints judge the
values. What only pydantic can read goes through it: unions of records, types of its own, and fields that have a
`before`, `wrap` or `plain` validator or a serializer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec

from diptych.model.fields import fields_of
from diptych.model.memo import memo
from diptych.model.pydantic import is_model, maker_of, reading_fields, writing_fields

_ABSENT: Any = object()


class Shadow:
    """The Struct that a model is read as, and the one that it is written as."""

    def __init__(self, model: Any) -> None:
        described = fields_of(model)
        self.names = tuple(field.name for field in described)
        foreign = frozenset(field.name for field in described if _is_foreign(field.hint))
        self.written = tuple(name for name in self.names if name in writing_fields(model) | foreign)
        self.unread = reading_fields(model) | foreign | {f.name for f in described if not _is_readable(f.hint)}
        self._write = msgspec.defstruct(model.__name__, [(name, Any) for name in self.names])
        self._make, self._model = maker_of(model), model
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

    def made(self, read: Any) -> Any:
        """Return the model of what was read; raise ValueError for what its validators refuse."""
        given = ((name, getattr(read, name)) for name in self.names)
        return self._make(**{name: value for name, value in given if value is not _ABSENT})

    def of(self, message: Any) -> Any:
        """Return what a model is written as."""
        values = [getattr(message, name) for name in self.names]
        if self.written:
            found = _as_json(self._model, message, frozenset(self.written))
            values = [found.get(name, value) for name, value in zip(self.names, values, strict=True)]
        return self._write(*values)


@memo
def shadow_of(model: type) -> Shadow:
    """Return the shadow of a model, compiled once."""
    return Shadow(model)


def written(value: Any) -> Any:
    """Return a value that the codec does not know as one that it does; raise TypeError where there is none."""
    if not is_model(type(value)):
        raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")
    return shadow_of(type(value)).of(value)


def read(tp: Any, value: Any) -> Any:
    """Return the value of a type that the codec does not know; what is no model is judged by its class alone."""
    return value if not is_model(tp) or isinstance(value, tp) else _made(shadow_of(tp), value)


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


def _made(shadow: Shadow, value: Any) -> Any:
    return shadow.made(msgspec.convert(value, shadow.read, dec_hook=read, str_keys=True))


def _as_json(model: Any, message: Any, names: frozenset[str]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = model.__pydantic_serializer__.to_python(
        message, mode="json", include=set(names), by_alias=False
    )
    return found


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
