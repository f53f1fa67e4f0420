"""Ids of tags and types: 64 bits of a hash of their text, so that nobody has to look one up."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b

_REMEMBERED = 1 << 16


@lru_cache(maxsize=_REMEMBERED)
def id_of(text: str) -> int:
    """Return the id of a tag or a type, as PostgreSQL's bigint.

    Two texts of one id are possible, if unlikely: rows that an id finds are compared with the text.
    """
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


@lru_cache(maxsize=4096)
def ids_of(names: tuple[str, ...]) -> str | None:
    """Return the ids of types as an array literal; None for no types, which means any."""
    return array_of(id_of(name) for name in names) if names else None


def tag_ids(tags: Iterable[str]) -> Iterable[int]:
    """Return the ids under which an event is found: one for all tags that share it."""
    return dict.fromkeys(map(id_of, tags))


def array_of(numbers: Iterable[int]) -> str:
    """Return whole numbers as an array literal of PostgreSQL."""
    return "{" + ",".join(map(str, numbers)) + "}"
