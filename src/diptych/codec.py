"""Messages to canonical JSON and back; the hash that guards what is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from diptych.errors import CorruptionError, InvalidMessageError, MalformedError, UnreadableEventError, WiringError
from diptych.model.answers import shown
from diptych.model.fields import fields_of, is_record, place_of
from diptych.model.marks import GeneratedMark
from diptych.model.memo import memo
from diptych.model.messages import EventType, event_type
from diptych.model.shape import Check, Errors, explain, join, refine
from diptych.model.soundness import soundness

_encoder = msgspec.json.Encoder(order="deterministic", decimal_format="string", uuid_format="canonical")
_NUL = b"\\u0000"
NUL_MESSAGE = ("contains the character U+0000, which no store can keep",)
"""What is said of a text that holds it, wherever it comes from."""
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


def refuse_unsound(cls: type, message: Any) -> None:
    """Raise InvalidMessageError naming every field whose value no log may hold."""
    sound = soundness(cls)
    if sound is not None and not sound(message):
        check = refinement(cls)
        if check is not None:
            _raise_if(cls, _errors(message, check))


def encoded(cls: type, message: Any) -> bytes:
    """Encode a message whose values were checked; text is checked here."""
    try:
        data = encode(message)
    except (UnicodeEncodeError, OverflowError, TypeError, ValueError, RecursionError) as wrong:
        raise InvalidMessageError(cls.__name__, _unwritable(message, wrong)) from wrong
    if _NUL in data:
        refuse_nul(cls, data)
    return data


def encode_answer(value: Any) -> bytes:
    """Encode the answer of a query as canonical JSON, rows with their computed columns."""
    return encode(shown(value))


def content_hash(name: str, version: int, tags: Iterable[str], data: bytes, metadata: bytes) -> bytes:
    """Return the hash of an event's content: 16 bytes of BLAKE2b over all that is stored but its position and time."""
    head = "\x00".join((name, str(version), *tags, "")).encode()  # no part holds a NUL: the parts cannot be shifted
    return blake2b(head + data + b"\x00" + metadata, digest_size=16).digest()


def fingerprint(name: str, request: bytes) -> bytes:
    """Return the fingerprint of a request as received: 16 bytes of BLAKE2b."""
    return blake2b(name.encode() + b"\x00" + request, digest_size=16).digest()


@memo
def refinement(cls: type) -> Check | None:
    """Return the compiled value checks of a message type."""
    return refine(cls)


@memo
def decoder(tp: Any) -> Callable[[bytes], Any]:
    """Return the compiled JSON decoder of a type."""
    return msgspec.json.Decoder(tp).decode


def decode_message(cls: type, data: bytes) -> Any:
    """Decode a message; raise InvalidMessageError with every field error, or with none of its paths for broken JSON."""
    try:
        message = decoder(cls)(_without_absent(cls, data))
    except (msgspec.ValidationError, ValueError, RecursionError) as wrong:
        raise _explained(cls, data, wrong) from wrong
    if _NUL in data:
        refuse_nul(cls, data)
    refuse_unsound(cls, message)
    return message


def refuse_nul(cls: type, data: bytes) -> None:
    """Raise InvalidMessageError when a text of this JSON holds a NUL character."""
    found = {path: NUL_MESSAGE for path, text in _texts(msgspec.json.decode(data)) if "\x00" in text}
    if found:
        raise InvalidMessageError(cls.__name__, found)


class EventCodec:
    """Write events and read them back by stored name and version.

    Raises WiringError when two classes claim one stored name.
    """

    def __init__(self, classes: Iterable[type]) -> None:
        self._readers: dict[tuple[str, int], Callable[[bytes], Any]] = {}
        self._types: dict[type, EventType] = {}
        owners: dict[str, type] = {}
        for cls in dict.fromkeys(classes):
            stored = event_type(cls)
            if owners.setdefault(stored.name, cls) is not cls:
                raise WiringError(
                    f"two events are stored as {stored.name!r}: {owners[stored.name].__qualname__} "
                    f"({place_of(owners[stored.name])}) and {cls.__qualname__}",
                    where=place_of(cls),
                    fix="give one of them another stored name",
                )
            self._readers[stored.name, stored.version] = decoder(cls)
            self._types[cls] = stored

    @property
    def types(self) -> dict[type, EventType]:
        """Return the event classes with their stored names and versions."""
        return dict(self._types)

    def reads(self, name: str, version: int) -> bool:
        """Say whether an event stored under this name and version can be read."""
        return (name, version) in self._readers

    def read(self, name: str, version: int, data: bytes) -> Any:
        """Read a stored event; raise UnreadableEventError for an unknown (name, version) or bytes that do not fit."""
        try:
            return self._readers[name, version](data)
        except KeyError:
            raise UnreadableEventError(
                f"no class reads {name!r} version {version}; known: {self._known(name)}. "
                f"Register the class of this version, or an upcaster to the current one"
            ) from None
        except (msgspec.MsgspecError, ValueError) as wrong:
            raise UnreadableEventError(f"{name!r} version {version} does not fit its class: {wrong}") from wrong

    def _known(self, name: str) -> str:
        versions = [str(version) for known, version in self._readers if known == name]
        return f"versions {', '.join(versions)} of it" if versions else "no version of it"


def verify_content(  # noqa: PLR0917 (the stored columns, in the order of the hash)
    position: int, stored_hash: bytes, name: str, version: int, tags: Iterable[str], data: bytes, metadata: bytes
) -> None:
    """Raise CorruptionError unless the content of a stored event has its stored hash."""
    if content_hash(name, version, tags, data, metadata) != stored_hash:
        raise CorruptionError(f"the event at position {position} ({name} version {version}) does not match its hash")


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _without_absent(cls: type, data: bytes) -> bytes:
    """Leave out the nulls of Generated fields: they are filled later, and null is no value of their type."""
    names = _generated(cls)
    if not names or b"null" not in data:
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
    found: dict[str, list[str]] = {}
    for path, text in check(message, ""):
        found.setdefault(path, []).append(text)
    return {path: tuple(texts) for path, texts in found.items()}


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
        found = _texts(msgspec.to_builtins(message))
        return {path: _SURROGATE_MESSAGE for path, text in found if any(map(_is_surrogate, text))}
    return {"": (f"cannot be written as JSON: {wrong}",)}


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
