"""Stored events as a fold sees them, and events as a store takes them."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from diptych.codec import content_hash, event_encoder
from diptych.model.memo import memo
from diptych.model.messages import event_type
from diptych.model.meta import Meta
from diptych.model.tags import tagger
from diptych.ports import Metadata, NewEvent, StoredEvent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_decode_metadata: Callable[[bytes], Metadata] = msgspec.json.Decoder(Metadata).decode
Writer = Callable[[Any, bytes], NewEvent]


def failure_at(stored: StoredEvent, wrong: BaseException) -> str:
    """Return at which event what went wrong, then the traceback, as text that every store keeps."""
    at = f"event {stored.position} ({stored.name}@{stored.version})"
    trace = "".join(traceback.format_exception(wrong))
    return storable_text(f"{at}: {type(wrong).__name__}: {text_of_error(wrong)}\n{trace}")


def text_of_error(wrong: BaseException) -> str:
    """Return what an error says; one of a user may fail to say anything."""
    try:
        return str(wrong)
    except Exception:  # noqa: BLE001 (whatever the error of a user raises)
        return "(it cannot be shown)"


def storable_text(text: str) -> str:
    """Return a text that every store keeps: without NUL, and without what is no text, such as bytes in a file name."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


def instant(micros: int) -> datetime:
    """Return the UTC datetime of microseconds since 1970, exactly."""
    return _EPOCH + timedelta(microseconds=micros)


def micros_of(moment: datetime) -> int:
    """Return microseconds since 1970 of an aware datetime, exactly."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


@memo
def metadata_of(metadata: bytes) -> Metadata:
    """Return decoded metadata; the events of one command share it, so that the last few are kept."""
    return _decode_metadata(metadata) if metadata else Metadata()


def meta_of(stored: StoredEvent, index: int = 0) -> Meta:
    """Return what a fold may know about a stored event, or about one of the events that an upcaster makes of it."""
    known = metadata_of(stored.metadata)
    return Meta(stored.position, instant(stored.recorded_at), known.actor, known.command, known.correlation, index)


@memo
def writer_of(cls: type) -> Writer:
    """Compile the function that turns an event of this class and its metadata into what a store appends."""
    stored, tags_of, encode = event_type(cls), tagger(cls), event_encoder(cls)
    name, version = stored.name, stored.version

    def write(event: Any, metadata: bytes) -> NewEvent:
        data, tags = encode(event), tags_of(event)
        return NewEvent(name, version, tags, data, content_hash(name, version, tags, data, metadata))

    return write
