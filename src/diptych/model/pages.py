"""Pages: parts of a list, with the size of the whole, or with a cursor to the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Page(Generic[V]):
    """Hold items from `offset` on, at most `limit`, of `total`."""

    items: tuple[V, ...]
    total: int
    offset: int = 0
    limit: int = 50

    def __iter__(self) -> Iterator[V]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True)
class CursorPage(Generic[V]):
    """Hold items and the cursor behind the last of them; `next` is None where the list ends.

    A cursor is a place in the order, no number: rows that come or go meanwhile neither repeat nor hide others.
    """

    items: tuple[V, ...]
    next: str | None = None

    def __iter__(self) -> Iterator[V]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
