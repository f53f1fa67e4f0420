"""Arguments: a query read from a query string, scalars once and collections repeated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, get_origin
from urllib.parse import parse_qsl

import msgspec

from diptych.codec import NUL_MESSAGE, encode
from diptych.errors import InvalidMessageError, MalformedError, RequestError
from diptych.model.choices import naming_choices
from diptych.model.explanations import grouped, refusals
from diptych.model.fields import Field
from diptych.model.pydantic import is_refusal, maker_of
from diptych.model.shadows import converted, readable_fields

MOST_ARGUMENTS = 1000
LONGEST = 16 * 1024
_members: Callable[[bytes], Mapping[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_COLLECTIONS = (tuple, list, frozenset, set)
_NO_TEXT, _SHOWN = re.compile(r"Expected (`[^`]+`), got `str`"), 40


def query_of(cls: type, query_string: bytes, path: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Return the query whose fields the query string names; what it does not name is left at its default.

    Fields that the path gives are taken from there. Raises InvalidMessageError with every field that is wrong,
    MalformedError for bytes that are no UTF-8 text, and RequestError for a query string that is too long.
    """
    given = {**_arguments(cls, query_string), **{name: [text] for name, text in path.items()}}
    values: dict[str, Any] = {}
    errors: dict[str, tuple[str, ...]] = {}
    for described in readable_fields(cls):
        texts = given.get(described.name)
        if texts is not None:
            _read(described, texts, values, errors)
        elif described.required:
            errors[described.name] = ("is required",)
    if errors:
        raise InvalidMessageError(cls.__name__, errors)
    return _made(cls, values)


def with_path(cls: type, body: bytes, path: Mapping[str, str]) -> bytes:
    """Return the JSON of a message whose fields named by the path are taken from there, the others from its body.

    A text that does not fit its field stays in it, to be told with whatever else is wrong. Raises InvalidMessageError
    for a field that the body gives otherwise.
    """
    if not path:
        return body
    try:
        given: dict[str, Any] = dict(_members(body or b"{}"))
    except (msgspec.DecodeError, ValueError, RecursionError):  # decoding says what is wrong
        return body
    for described in readable_fields(cls):
        if described.name in path:
            value = encode(_value_of(described, path[described.name]))
            if bytes(given.get(described.name, value)) != value:
                raise InvalidMessageError(cls.__name__, {described.name: ("is given by the path, and otherwise here",)})
            given[described.name] = msgspec.Raw(value)
    return encode(given)


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
            values[name] = converted(texts if repeated else texts[0], described.hint, strict=False)
        except msgspec.ValidationError as wrong:
            errors[name] = (naming_choices(_told(str(wrong), texts), described.hint),)


def _told(problem: str, texts: list[str]) -> str:
    """Return what is wrong with an argument, with the text that was found: its type says nothing, all are texts."""
    wanted = _NO_TEXT.fullmatch(problem)
    return f"expected {wanted[1]}, found {texts[0][:_SHOWN]!r}" if wanted else problem


def _value_of(described: Field, text: str) -> Any:
    values: dict[str, Any] = {}
    _read(described, [text], values, {})
    return values.get(described.name, text)


def _made(cls: type, values: Mapping[str, Any]) -> Any:
    try:
        return maker_of(cls)(**values)
    except (ValueError, TypeError) as wrong:  # a check of the user's own, in __post_init__ or of a model
        if is_refusal(wrong):
            raise InvalidMessageError(cls.__name__, grouped(refusals(wrong, ""))) from wrong
        raise InvalidMessageError(cls.__name__, {"": (str(wrong),)}) from wrong
