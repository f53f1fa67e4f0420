"""Followed views: those of a process that may not write, which waits until another one has refreshed them."""

from __future__ import annotations

import asyncio

from diptych.errors import StoreError
from diptych.read.views import Refreshed, Views

_POLL = 0.02


class FollowedViews(Views):
    """Tell how far views are, and wait for the refreshes of other processes."""

    async def refresh(self, name: str) -> Refreshed:
        """Raise StoreError: this process may not write."""
        raise StoreError(f"this process only reads, and view {name!r} is refreshed by one that may write")

    async def renew(self, name: str) -> None:
        """Raise as `refresh`."""
        await self.refresh(name)

    async def _refreshed(self, name: str, position: int, seconds: float, *, since: int) -> bool:
        """Wait until rows of this code hold the position; say whether that was in time."""
        del since  # refreshes of this process: there are none
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while loop.time() < end:
            stored = await self._ready(self.bound[name])
            if stored is not None and stored.position >= position:
                return True
            await asyncio.sleep(_POLL)
        return False
