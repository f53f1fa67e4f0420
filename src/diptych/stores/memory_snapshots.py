"""Saved states in memory: gone with the process, as is a log in memory."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Self

from diptych.ports import SavedState


class MemorySnapshots:
    """Keep saved states in a dictionary."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    async def get(self, fold: str, tags: str) -> bytes | None:
        """Return what was saved last under a fold and tags, or None."""
        return self._kept.get((fold, tags))

    async def put(self, states: Sequence[SavedState]) -> None:
        """Save states in place of earlier ones."""
        self._kept.update({(state.fold, state.tags): state.data for state in states})

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Keep everything: it is gone with the object."""
