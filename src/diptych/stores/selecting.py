"""Selecting: the statements that page through the rows of a read model whose columns have some values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from diptych.stores.kinds import Convert


class Selecting(NamedTuple):
    """Page through rows of equal columns: the first page, the page beyond a key, and how the values are stored."""

    first: str
    beyond: str
    to_store: tuple[Convert | None, ...]

    def page(self, values: Iterable[Any], after: Sequence[Any] | None, limit: int) -> tuple[str, tuple[Any, ...]]:
        """Return the statement of one page and its arguments; `after` is a stored key."""
        stored = tuple(
            value if convert is None else convert(value) for value, convert in zip(values, self.to_store, strict=True)
        )
        return (self.first, (*stored, limit)) if after is None else (self.beyond, (*stored, *after, limit))
