"""Messages to canonical JSON and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from diptych.errors import InvalidMessageError, MalformedError, WiringError
from diptych.model.answers import shown
from diptych.model.explanations import explain, grouped
from diptych.model.fields import Field, fields_of, is_record, place_of
from diptych.model.marks import GeneratedMark
from diptych.model.memo import memo
from diptych.model.shadows import decoder_of, written
from diptych.model.shape import Check, Errors, checks_of, join
from diptych.model.soundness import soundness

_encoder = msgspec.json.Encoder(
    order="deterministic", decimal_format="string", uuid_format="canonical", enc_hook=written
)
_EXACT = (Decimal, datetime, date, time, UUID)
_NUL = b"\\u0000"
NUL_MESSAGE = ("contains the character U+0000, which no store can keep",)
"""What is said of a text that holds it, wherever it comes from."""
_MISPLACED = "Can only set"  # as msgspec begins what it says of bounds on a type that they are not for
_SURROGATE_MESSAGE = ("contains half of a surrogate pair, which is no character",)

encode: Callable[[Any], bytes] = _encoder.encode
"""Encode a value as canonical JSON: fields as declared, mappings and sets sorted, decimals as strings."""


def encode_message(message: Any) -> bytes:
    """Encode a message after checking its values.

    Raises InvalidMessageError naming every field whose value has no place in a log: NaN, naive datetimes, NUL
    characters, lone surrogates, too many decimal places, whole numbers beyond 64 bits.
    """
    cls: type = type(message)
    refuse_unsound(cls, message)
    return encoded(cls, message)


@memo
def event_encoder(cls: type) -> Callable[[Any], bytes]:
    """Compile what encodes events of one class: as `encode_message`, but no event that could not be read again.

    A log keeps what it has: one value of another type, and its entity could never be loaded any more.
    """
    decode = decoder(cls)

    def readable(event: Any) -> bytes:
        data = encode_message(event)
        try:
            decode(data)
        except (msgspec.ValidationError, ValueError, RecursionError) as wrong:
            raise _explained(cls, data, wrong) from wrong
        return data

    return readable


def refuse_unsound(cls: type, message: Any) -> None:
    """Raise InvalidMessageError naming every field whose value no log may hold."""
    sound = soundness(cls)
    try:
        is_sound = sound is None or sound(message)
    except (AttributeError, TypeError) as wrong:  # made past its class: fields are absent, or of another type
        raise InvalidMessageError(cls.__name__, _unwritable(message, wrong)) from wrong
    if not is_sound:
        check = checks_of(cls)
        if check is not None:
            _raise_if(cls, _errors(message, check))


def encoded(cls: type, message: Any) -> bytes:
    """Encode a message whose values were checked; text is checked here."""
    try:
        data = encode(message)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError, AttributeError) as wrong:
        raise InvalidMessageError(cls.__name__, _unwritable(message, wrong)) from wrong
    if _NUL in data:
        refuse_nul(cls, data)
    return data


def encode_answer(value: Any) -> bytes:
    """Encode the answer of a query as canonical JSON, rows with their computed columns."""
    return encode(shown(value))


@memo
def decoder(tp: Any) -> Callable[[bytes], Any]:
    """Return the compiled JSON decoder of a type; raise WiringError for a mark that does not fit what it marks."""
    try:
        return decoder_of(tp)
    except TypeError as misfit:
        if not str(misfit).startswith(_MISPLACED):
            raise
        raise WiringError(
            f"{getattr(tp, '__qualname__', tp)} has bounds that do not fit: {str(misfit).removesuffix(' is invalid')}",
            where=place_of(tp),
            fix="bound a Decimal by Scale(2, ge=0), texts by NotBlank or Bounds(max_length=9), numbers by Bounds(ge=0)",
        ) from misfit


def decode_message(cls: type, data: bytes) -> Any:
    """Decode a message; raise InvalidMessageError with every field error, or with none of its paths for broken JSON."""
    return message_decoder(cls)(data)


@memo
def message_decoder(cls: type) -> Callable[[bytes], Any]:
    """Compile what `decode_message` does for one class."""
    decode, generated, sound = decoder(cls), _generated(cls), soundness(cls)

    def decoded(data: bytes) -> Any:
        try:
            message = decode(_without_absent(generated, data) if generated else data)
        except (msgspec.ValidationError, ValueError, RecursionError) as wrong:
            raise _explained(cls, data, wrong) from wrong
        if _NUL in data:
            refuse_nul(cls, data)
        if sound is not None and not sound(message):
            refuse_unsound(cls, message)
        return message

    return decoded


def refuse_nul(cls: type, data: bytes) -> None:
    """Raise InvalidMessageError when a text of this JSON holds a NUL character."""
    found = {path: NUL_MESSAGE for path, text in _texts(msgspec.json.decode(data)) if "\x00" in text}
    if found:
        raise InvalidMessageError(cls.__name__, found)


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _without_absent(names: frozenset[str], data: bytes) -> bytes:
    """Leave out the nulls of Generated fields: they are filled later, and null is no value of their type."""
    if b"null" not in data:
        return data
    given = _fields_decoder.decode(data)
    return encode({name: raw for name, raw in given.items() if name not in names or bytes(raw) != b"null"})


@memo
def _generated(cls: type) -> frozenset[str]:
    return (
        frozenset(field.name for field in fields_of(cls) if field.mark(GeneratedMark))
        if is_record(cls)
        else frozenset()
    )


def _errors(message: Any, check: Check) -> Errors:
    return grouped(check(message, ""))


def _raise_if(cls: type, errors: Errors) -> None:
    if errors:
        raise InvalidMessageError(cls.__name__, errors)


def _explained(cls: type, data: bytes, wrong: Exception) -> InvalidMessageError:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as broken:
        return MalformedError(cls.__name__, {"": (f"expected JSON: {broken}",)})
    return InvalidMessageError(cls.__name__, explain(cls, value) or {"": (str(wrong),)})


def _unwritable(message: Any, wrong: Exception) -> Errors:
    if isinstance(wrong, UnicodeEncodeError):
        found = _texts(msgspec.to_builtins(message, enc_hook=written))
        return {path: _SURROGATE_MESSAGE for path, text in found if any(map(_is_surrogate, text))}
    described = fields_of(type(message)) if is_record(type(message)) else ()
    absent: Errors = {field.name: ("is required",) for field in described if not hasattr(message, field.name)}
    return absent or _misfits(message, described) or _unread(message) or {"": (f"cannot be written as JSON: {wrong}",)}


def _misfits(message: Any, described: Sequence[Field]) -> Errors:
    """Name the fields whose values are of another type than theirs, such as a float for a Decimal."""
    found = [(field, getattr(message, field.name)) for field in described if field.type in _EXACT]
    return {
        field.name: (f"expected a {field.type.__name__}, found the {type(value).__name__} {value!r:.40}",)
        for field, value in found
        if not isinstance(value, field.type) and not (value is None and (field.optional or field.mark(GeneratedMark)))
    }


def _unread(message: Any) -> Errors:
    """Explain what nobody could read of a message, if it can be written at all."""
    try:
        return explain(type(message), msgspec.json.decode(encode(message)))
    except (msgspec.MsgspecError, OverflowError, TypeError, ValueError, RecursionError, AttributeError):
        return {}


def _is_surrogate(character: str) -> bool:
    return "\ud800" <= character <= "\udfff"


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in a JSON value with its path; keys count as texts of the mapping."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield path, str(key)
            yield from _texts(each, join(path, str(key)))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, each in enumerate(value):
            yield from _texts(each, f"{path}[{index}]")
