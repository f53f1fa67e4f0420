"""Golden logs: events as the code of the past stored them, for tests of the code of today."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from diptych.application import Application
from diptych.codec import EventCodec, content_hash, encode
from diptych.model.tags import tagger
from diptych.ports import Append, Metadata, NewEvent
from diptych.recorded import micros_of
from diptych.testing.clock import NOON


@dataclass(frozen=True, slots=True)
class AsStored:
    """Give an event as a log holds it, whatever wrote it: stored name, version and JSON (an object, or its bytes).

    `tags` are those that it was stored with; None: those of what it is today.
    """

    name: str
    version: int
    data: Mapping[str, Any] | bytes
    tags: tuple[str, ...] | None = None
    at: datetime = NOON
    metadata: Metadata = Metadata()  # noqa: RUF009 (it is frozen)

    @property
    def json(self) -> bytes:
        """Return the JSON."""
        return self.data if isinstance(self.data, bytes) else encode(self.data)

    def read(self, codec: EventCodec) -> tuple[Any, ...]:
        """Return what the event is today; raise UnreadableEventError where nothing reads it."""
        return codec.read(self.name, self.version, self.json)

    def tagged(self, codec: EventCodec) -> tuple[str, ...]:
        """Return the tags that it was stored with, or would have been."""
        if self.tags is not None:
            return self.tags
        return tuple(sorted({tag for event in self.read(codec) for tag in tagger(type(event))(event)}))


class _Line(msgspec.Struct):
    type: str
    version: int
    tags: tuple[str, ...]
    recorded_at: datetime
    data: msgspec.Raw
    metadata: Metadata


def golden_log(file: str | PathLike[str]) -> tuple[AsStored, ...]:
    """Read events from a file as `diptych events list --json` or `diptych events tail --json` prints them."""
    text = Path(file).read_bytes()
    whole = text.lstrip().startswith(b"[")
    found = msgspec.json.decode(text, type=list[_Line]) if whole else msgspec.json.Decoder(_Line).decode_lines(text)
    return tuple(
        AsStored(each.type, each.version, _compact(each.data), each.tags, each.recorded_at, each.metadata)
        for each in found
    )


async def write_log(app: Application, events: Iterable[AsStored]) -> int:
    """Append events to the log of an open application as they are, each for itself; return the head."""
    for each in events:
        tags, metadata = each.tagged(app.codec), encode(each.metadata)
        digest = content_hash(each.name, each.version, tags, each.json, metadata)
        new = NewEvent(each.name, each.version, tags, each.json, digest)
        await app.store.append(Append((new,), (), None, metadata, micros_of(each.at)))
    return await app.head()


def _compact(data: msgspec.Raw) -> bytes:
    return msgspec.json.format(bytes(data), indent=-1)
