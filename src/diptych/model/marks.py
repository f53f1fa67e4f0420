"""Marks that stand in a field's type: how it tags, how it scales, whether it is generated or indexed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import msgspec


@dataclass(frozen=True, slots=True)
class Tag:
    """Tag every event that carries the field with `key:value`.

    A tag names the entity that an event is about; commands find an entity's events by it. Use ids and codes, never
    personal data: tags are not encrypted and cannot be taken back. `text` makes the value's part of the tag: `hashed`
    for what is personal and must be found by its exact value.

    >>> from typing import Annotated
    >>> OrderId = Annotated[str, Tag("order")]
    >>> Email = Annotated[str, Tag("email", text=hashed)]
    """

    key: str
    text: Callable[[Any], str] = str


def hashed(value: object) -> str:
    """Return a text that stands for a value and does not tell it: 32 hexadecimal digits of BLAKE2b.

    Equal values have equal texts. Who can guess the value can confirm the guess. Bring what people write in several
    ways into one form first: `Tag("email", text=lambda email: hashed(email.strip().lower()))`.

    >>> hashed("ada@example.org")
    '4b0310a07ee09fb40bace56a3996a4e4'
    """
    return blake2b(str(value).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Scale:
    """Store a Decimal exactly with this many places, sortable in every store; more are refused, never rounded.

    A Decimal is bounded here (`Bounds` is for text, whole numbers, floats and lists): `Scale(2, ge=0)` is a price that
    is never negative.
    """

    places: int
    gt: Decimal | int | None = None
    ge: Decimal | int | None = None
    lt: Decimal | int | None = None
    le: Decimal | int | None = None


@dataclass(frozen=True, slots=True)
class GeneratedMark:
    """Mark a field that `send` fills when it is absent."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """Index the column of a read model."""


@dataclass(frozen=True, slots=True)
class Unique:
    """Index the column of a read model and allow each value once."""


@dataclass(frozen=True, slots=True)
class FullText:
    """Search the text column of a read model by its words: `Rows.search`, `Rows.matching`.

    A word found in a column of weight 3 counts three times as much as one in a column of weight 1.

    >>> from typing import Annotated
    >>> Description = Annotated[str, FullText(weight=3)]
    """

    weight: float = 1.0


Generated: Final = GeneratedMark()
"""The field is filled by `send` when absent: uuid5 of the command id and the field, so a retry makes the same id."""

NEW: Final[Any] = None  # Any: it stands as the default of a field of any type, until `send` fills it
"""The default of a Generated field: `order: Annotated[OrderId, Generated] = NEW`."""

Bounds = msgspec.Meta
"""Constraints of a field: `Annotated[int, Bounds(gt=0)]`; the names are those of `msgspec.Meta`."""

NotBlank: Final = Bounds(pattern=r"\S")
"""The text has at least one character that is no space."""
