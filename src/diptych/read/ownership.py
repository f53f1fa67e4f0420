"""Ownership: which projections this process folds, and who folds the others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from diptych.ports import Owned, Owner, RowReader
from diptych.read.progress import LiveProgress
from diptych.read.runtime import Runtime

Only = Literal["commands", "queries"]


class Ownership:
    """Tell who folds what: `app.ownership`. Give it what reads rows, and the runtime where there is one.

    `only` says what alone this process serves; None: all.
    """

    reader: RowReader
    runtime: Runtime | None = None

    def __init__(self, live: LiveProgress, only: Only | None = None) -> None:
        self._live, self.only = live, only

    @property
    def here(self) -> frozenset[str]:
        """Return the projections that this process folds now."""
        return frozenset(self._live.standings)

    @property
    def fenced(self) -> int:
        """Return how many writes of this process were refused since another one had taken the projection over."""
        return 0 if self.runtime is None else self.runtime.fenced

    @property
    def failure(self) -> BaseException | None:
        """Return what ended the folding here; what stopped one projection is in its checkpoint."""
        return None if self.runtime is None else self.runtime.failure

    async def owners(self) -> Mapping[str, Owner]:
        """Return the live owner of each projection that has one, here or in another process."""
        return await self.reader.owners() if isinstance(self.reader, Owned) else {}
