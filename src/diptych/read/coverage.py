"""Coverage: wait for everything that a query reads, read models and views alike."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from diptych.read.reach import Reach, reach_built
from diptych.read.views import Views


class Coverage:
    """Wait for projections, and for the views that stand beside them by the names of their rows' keepers.

    The port Progress; a view that has yet to hold a position is refreshed.
    """

    def __init__(self, reach: Reach, views: Views) -> None:
        self._reach, self._views = reach, views
        self._names = {each.view.model.projection: name for name, each in views.bound.items()}

    async def reach(self, projections: Sequence[str], position: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once all of these hold everything up to `position`; see the port for what it raises."""
        if not self._names:
            await self._reach.reach(projections, position, timeout=timeout)
            return
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        await self._reach.reach(self._projections(projections), position, timeout=timeout)
        for view in self._of(projections):
            await self._views.reach(view, position, timeout=max(0.0, end - loop.time()))

    async def position(self, projections: Sequence[str]) -> int:
        """Return the lowest position that these hold; without any, the head of the log."""
        views = [await self._views.position(view) for view in self._of(projections)]
        folded = self._projections(projections)
        return min([*views, await self._reach.position(folded)]) if folded or not views else min(views)

    async def caught_up(self, projections: Sequence[str], head: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once every projection holds everything up to `head`; a rebuild is waited for, not refused."""
        await reach_built(self, projections, head, seconds=timeout)

    def _projections(self, names: Sequence[str]) -> Sequence[str]:
        return tuple(name for name in names if name not in self._names) if self._names else names

    def _of(self, names: Sequence[str]) -> Sequence[str]:
        return tuple(self._names[name] for name in names if name in self._names) if self._names else ()
