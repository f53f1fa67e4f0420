"""Refreshing: views are refreshed when they are due, each by the one process that folds what it reads first."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from diptych.errors import RebuildingError
from diptych.model.views import AfterEvents, Every, OnDemand
from diptych.read.views import Views, ViewStanding

_LOOK = 0.2
_LONGEST = 64.0
_log = logging.getLogger("diptych.views")


class Refreshing:
    """Look every 0.2 s which views are due that this process keeps, while open: it leads what they read first.

    A view without rows of this code is due at once, however it is refreshed. One that fails is tried again after 1, 2,
    4 and at last 64 seconds of `monotonic`.
    """

    def __init__(self, views: Views, *, monotonic: Callable[[], float]) -> None:
        self._views, self._monotonic = views, monotonic
        self._failures: dict[str, tuple[int, float]] = {}

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="diptych-views")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def look(self) -> None:
        """Refresh every view that is due, one after the other."""
        kept = [name for name in self._views.bound if self._views.keeps(name)]
        standings = await self._views.standings() if kept else {}
        for name, standing in [(name, standings[name]) for name in kept]:
            if self._monotonic() >= self._failures.get(name, (0, 0.0))[1] and await self._is_due(standing):
                await self._refresh(name)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 (nothing that a store or a select does may end the refreshing)
                _log.exception("views cannot be looked at now; trying again")
            await asyncio.sleep(_LOOK)

    async def _refresh(self, name: str) -> None:
        try:
            await self._views.renew(name)
        except RebuildingError:
            return  # soon it is not
        except Exception:  # noqa: BLE001 (the same: the other views are still refreshed)
            count = self._failures.get(name, (0, 0.0))[0]
            pause = min(_LONGEST, 2.0**count)
            self._failures[name] = (count + 1, self._monotonic() + pause)
            _log.exception("view %r could not be refreshed; trying again in %d s", name, pause)
        else:
            self._failures.pop(name, None)

    async def _is_due(self, standing: ViewStanding) -> bool:
        if standing.state != "ready" or standing.age is None:
            return True
        match standing.refresh:
            case Every(period=period):
                return not 0 <= standing.age < period  # a clock that was set back must not stop it for long
            case AfterEvents(count=count):
                return await self._views.behind(standing.name) >= count
            case OnDemand():
                return False
