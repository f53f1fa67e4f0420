"""Saved states: what folds made of the log, kept so that they need not fold all of it again. Only ever a cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from diptych.ports.rows import Opened


class SavedState(msgspec.Struct, frozen=True, gc=False):
    """A saved state as bytes, under the name of its fold and the tags of its entity."""

    fold: str
    tags: str
    data: bytes


class SnapshotStore(Opened, Protocol):
    """Keep saved states. What is lost or damaged costs time only: nobody trusts what is found here unseen."""

    async def get(self, fold: str, tags: str) -> bytes | None:
        """Return what was saved last under a fold and tags, or None; one indexed read."""
        ...

    async def put(self, states: Sequence[SavedState]) -> None:
        """Save states in place of earlier ones, all or none; it need not be on disk when it returns."""
        ...
