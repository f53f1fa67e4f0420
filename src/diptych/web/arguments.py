"""Arguments: a query read from a query string, scalars once and collections repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_origin
from urllib.parse import parse_qsl

import msgspec

from diptych.codec import NUL_MESSAGE
from diptych.errors import InvalidMessageError, MalformedError, RequestError
from diptych.model.choices import naming_choices
from diptych.model.fields import Field, fields_of

MOST_ARGUMENTS = 1000
LONGEST = 16 * 1024
_COLLECTIONS = (tuple, list, frozenset, set)


def query_of(cls: type, query_string: bytes) -> Any:
    """Return the query whose fields the query string names; what it does not name is left at its default.

    Raises InvalidMessageError with every field that is wrong, MalformedError for bytes that are no UTF-8 text, and
    RequestError for a query string that is too long.
    """
    given = _arguments(cls, query_string)
    values: dict[str, Any] = {}
    errors: dict[str, tuple[str, ...]] = {}
    for described in fields_of(cls):
        texts = given.get(described.name)
        if texts is not None:
            _read(described, texts, values, errors)
        elif described.required:
            errors[described.name] = ("is required",)
    if errors:
        raise InvalidMessageError(cls.__name__, errors)
    return _made(cls, values)


def is_repeated(described: Field) -> bool:
    """Say whether the field takes every value that its name is given with."""
    return (get_origin(described.type) or described.type) in _COLLECTIONS


def _arguments(cls: type, query_string: bytes) -> Mapping[str, list[str]]:
    if len(query_string) > LONGEST:
        raise RequestError("long-url", f"the query string is longer than {LONGEST} bytes; send the query with POST")
    try:
        text = query_string.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_ARGUMENTS)
    except ValueError as wrong:
        raise MalformedError(cls.__name__, {"": (f"the query string cannot be read: {wrong}",)}) from wrong
    given: dict[str, list[str]] = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return given


def _read(described: Field, texts: list[str], values: dict[str, Any], errors: dict[str, tuple[str, ...]]) -> None:
    name, repeated = described.name, is_repeated(described)
    if len(texts) > 1 and not repeated:
        errors[name] = (f"is given {len(texts)} times, expected once",)
    elif any("\x00" in text for text in texts):
        at = next(index for index, text in enumerate(texts) if "\x00" in text)
        errors[f"{name}[{at}]" if repeated else name] = NUL_MESSAGE
    elif texts == [""] and described.optional and described.type is not str:
        values[name] = None
    else:
        try:
            values[name] = msgspec.convert(texts if repeated else texts[0], described.hint, strict=False)
        except msgspec.ValidationError as wrong:
            errors[name] = (naming_choices(str(wrong), described.hint),)


def _made(cls: type, values: Mapping[str, Any]) -> Any:
    try:
        return cls(**values)
    except (ValueError, TypeError) as wrong:  # a check of the user's own, in __post_init__
        raise InvalidMessageError(cls.__name__, {"": (str(wrong),)}) from wrong
