"""Enclosures: what stands around an answer in its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from diptych.model.pages import CursorPage, Page
from diptych.web.json_schemas import Schema

T = TypeVar("T")
_PAGES = (Page, CursorPage)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


@dataclass(frozen=True, slots=True)
class Envelope(Generic[T]):
    """Hold the data of an answer: `{"data": ...}`."""

    data: T


@dataclass(frozen=True, slots=True)
class PageEnvelope(Generic[T]):
    """Hold a page of a list: `{"data": [...], "total": 70, "offset": 0, "limit": 20}`."""

    data: tuple[T, ...]
    total: int
    offset: int
    limit: int

    @classmethod
    def of(cls, page: Page[T]) -> PageEnvelope[T]:
        """Return the envelope of a page."""
        return cls(page.items, page.total, page.offset, page.limit)


class Enclosure(Protocol):
    """Enclose answers; what it writes and what it describes must agree."""

    def result(self, value: bytes, position: int) -> bytes:
        """Return the JSON of an accepted command, of its result's JSON and its position."""

    def result_schema(self, value: Schema) -> Schema:
        """Return the schema of an accepted command, of that of its result."""

    def answer(self, value: bytes, shown: Any) -> bytes:  # Any: what the query answered
        """Return the JSON of a query's answer, of the answer's JSON."""

    def answer_schema(self, value: Schema, page: Schema | None) -> Schema:
        """Return the schema of a query's answer, of the answer's; `page` is that of a page itself, None for others."""


class _Bare:
    """Leave answers as they are; a command answers its position and result, as `POST /commands/{Name}` does."""

    def result(self, value: bytes, position: int) -> bytes:
        return b'{"position":%d,"result":%b}' % (position, value)

    def result_schema(self, value: Schema) -> Schema:
        return _object({"position": {"type": "integer"}, "result": value})

    def answer(self, value: bytes, shown: Any) -> bytes:  # noqa: ARG002 (of the protocol)
        return value

    def answer_schema(self, value: Schema, page: Schema | None) -> Schema:  # noqa: ARG002 (of the protocol)
        return value


class _Data:
    """Enclose answers as `data`; the items of a page as `data`, with its other members beside."""

    def result(self, value: bytes, position: int) -> bytes:  # noqa: ARG002 (of the protocol)
        return b'{"data":%b}' % value

    def result_schema(self, value: Schema) -> Schema:
        return _object({"data": value})

    def answer(self, value: bytes, shown: Any) -> bytes:
        if not isinstance(shown, _PAGES):
            return b'{"data":%b}' % value
        members = _members(value)
        data = members.pop("items")
        return msgspec.json.encode({"data": data, **members})

    def answer_schema(self, value: Schema, page: Schema | None) -> Schema:
        if page is None:
            return _object({"data": value})
        members = dict(page["properties"])
        return _object({"data": members.pop("items"), **members})


BARE: Enclosure = _Bare()
"""Answers as they are."""

DATA: Enclosure = _Data()
"""Answers in a data envelope: `{"data": ...}`, a page as `{"data": [...], "total": 70, "offset": 0, "limit": 20}`."""


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {"type": "object", "required": list(properties), "properties": dict(properties)}
