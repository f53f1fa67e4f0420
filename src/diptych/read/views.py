"""Views: where materialised views stand, and their refresh: one at a time for each, whoever asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self

from diptych.errors import (
    Error,
    RebuildingError,
    RefreshError,
    StaleError,
    UnknownMessageError,
    UnmaterialisedError,
)
from diptych.model.views import Refresh
from diptych.ports import Below, Checkpoint, Clock, EventStore, Materialised, RowReader, ViewStore
from diptych.read.bound_views import BoundView, Code
from diptych.read.progress import LiveProgress
from diptych.read.reach import Reach

_log = logging.getLogger("diptych.views")


@dataclass(frozen=True, slots=True)
class Refreshed:
    """Say what a refresh stored: rows that hold everything up to `position`, in so many seconds."""

    name: str
    position: int
    rows: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ViewStanding:
    """Say where a view stands. `outdated` rows are those of other code or another log: no query is answered from them.

    `age` and `seconds`, those since the last refresh and those that it took, are None for a view without rows.
    """

    name: str
    refresh: Refresh
    state: Literal["ready", "outdated", "absent"]
    position: int = 0
    rows: int = 0
    seconds: float | None = None
    age: float | None = None


class _Line:
    """Let refreshes of one view come one after another."""

    def __init__(self) -> None:
        self.begun = 0
        self.task: asyncio.Task[Materialised] | None = None

    @property
    def running(self) -> asyncio.Task[Materialised] | None:
        return self.task if self.task is not None and not self.task.done() else None

    @property
    def ended(self) -> int:
        return self.begun - (self.running is not None)


class Views:
    """Refresh views, and tell how far they are. Give it what reads rows, then open it."""

    reach_of_rows: Reach
    reader: RowReader

    def __init__(
        self,
        bound: Mapping[str, BoundView],
        projections: Mapping[str, Code],
        *,
        store: ViewStore,
        log: EventStore,
        live: LiveProgress,
        clock: Clock,
    ) -> None:
        self.bound, self._projections = bound, projections
        self._store, self._log, self._live, self._clock = store, log, live, clock
        self._lines = {name: _Line() for name in bound}

    async def __aenter__(self) -> Self:
        if self.bound:
            await self._store.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running = [line.running for line in self._lines.values() if line.running is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self.bound:
            await self._store.__aexit__(kind, error, trace)

    async def standings(self) -> Mapping[str, ViewStanding]:
        """Return where every view stands."""
        stored = await self._store.stored() if self.bound else {}
        return {name: self._standing(each, stored.get(name)) for name, each in self.bound.items()}

    async def refresh(self, name: str) -> Refreshed:
        """Refresh a view from what its read models hold now, or later, and return what then is stored.

        Raises UnknownMessageError for a view that is not there, RebuildingError while its read models are rebuilt, and
        RefreshError for a select or rows that cannot be; the rows of the last refresh then stand.
        """
        if name not in self.bound:
            raise UnknownMessageError(f"there is no view {name!r}; there are: {', '.join(self.bound) or 'none'}")
        await self._refuse_rebuilding(name)
        line = self._lines[name]
        asked = line.begun
        while line.begun == asked:  # one that was under way may have looked too early
            if line.running is None:
                self._begin(name, 0)
            else:
                await asyncio.wait({line.running})
        assert line.task is not None  # noqa: S101 (it was begun)
        found = await asyncio.shield(line.task)
        return Refreshed(name, found.position, found.rows, found.seconds)

    async def renew(self, name: str) -> None:
        """Refresh a view that is due; a refresh that is under way is as good. Raises as `refresh`."""
        await self._refuse_rebuilding(name)
        await asyncio.shield(self._lines[name].running or self._begin(name, 0))

    async def reach(self, name: str, position: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once a view has rows of this code that hold everything up to `position`, refreshing it where need be.

        Raises as Progress.reach does, and UnmaterialisedError for rows that are not there yet, or of other code.
        """
        each, end = self.bound[name], asyncio.get_running_loop().time() + timeout
        while True:
            ended = self._lines[name].ended
            stored = await self._ready(each)
            if stored is not None and stored.position >= position:
                return
            left = max(0.0, end - asyncio.get_running_loop().time())
            await self.reach_of_rows.reach(each.projections, position, timeout=left)
            if stored is not None and await self._is_unchanged(each, stored):
                return
            if left <= 0 or not await self._refreshed(name, position, left, since=ended):
                at = 0 if stored is None else stored.position
                raise StaleError(position, at) if stored is not None else UnmaterialisedError(name, at, position)

    async def position(self, name: str) -> int:
        """Return the position that a view holds: that of its refresh, or, with nothing new, that of its projections."""
        each = self.bound[name]
        held = await self.reach_of_rows.position(each.projections)
        stored = await self._ready(each)
        if stored is None:
            return 0
        return max(stored.position, held) if await self._is_unchanged(each, stored) else stored.position

    async def behind(self, name: str) -> int:
        """Return how many positions the projections of a view have passed since the one that it holds."""
        return await self.reach_of_rows.position(self.bound[name].projections) - await self.position(name)

    def keeps(self, name: str) -> bool:
        """Say whether it falls to this process to refresh a view: to who leads the first projection that it reads."""
        return self._live.leads(self.bound[name].projections[:1])

    def fits(self, each: BoundView, stored: Materialised | None) -> bool:
        """Say whether what is stored was made by this code from this log."""
        return stored is not None and (stored.fingerprint, stored.log_id) == (each.fingerprint, self._log.log_id)

    async def _refuse_rebuilding(self, name: str) -> None:
        await self.reach_of_rows.reach(self.bound[name].projections, 0, timeout=0)

    async def _ready(self, each: BoundView) -> Materialised | None:
        stored = (await self._store.stored()).get(each.name)
        if stored is None or self.fits(each, stored):
            return stored
        if not self.keeps(each.name):
            # Two processes of different code would undo each other's refreshes, one query after the other.
            why = f"has rows of other code; restart the process that folds, or: diptych views refresh {each.name}"
            raise UnmaterialisedError(each.name, 0, stored.position, why)
        return None

    async def _is_unchanged(self, each: BoundView, stored: Materialised) -> bool:
        return await self.reader.changed([model.name for model in each.models]) == stored.seen

    async def _refreshed(self, name: str, position: int, seconds: float, *, since: int) -> bool:
        """Wait for a refresh, one under way or a new one; say whether it ended in time."""
        line = self._lines[name]
        if line.ended > since:
            return True  # one ended while its rows were looked at
        running = line.running or self._begin(name, position)
        done, _ = await asyncio.wait({running}, timeout=seconds)
        if done:
            running.result()
        return bool(done)

    def _begin(self, name: str, reached: int) -> asyncio.Task[Materialised]:
        line = self._lines[name]
        line.begun += 1
        line.task = asyncio.create_task(self._work(self.bound[name], reached), name=f"refresh of {name}")
        line.task.add_done_callback(_look)
        return line.task

    async def _work(self, each: BoundView, reached: int) -> Materialised:
        held = max(reached, await self.reach_of_rows.position(each.projections))
        now = self._clock.micros()

        def judge(below: Below) -> Materialised:
            position = max(held, self._stands(each, below.checkpoints))
            return Materialised(each.name, position, below.seen, each.fingerprint, self._log.log_id, now)

        try:
            stored = await self._store.refresh(each.view, each.statement(), each.models, judge)
        except Error:
            raise
        except Exception as wrong:
            raise RefreshError(each.name, held, f"{type(wrong).__name__}: {wrong}") from wrong
        _log.info("view %r: %d rows at %d in %.3f s", each.name, stored.rows, stored.position, stored.seconds)
        return stored

    def _stands(self, each: BoundView, found: Mapping[str, Checkpoint]) -> int:
        """Return the lowest checkpoint of a snapshot; raise RebuildingError where its rows are not whole."""
        for name in each.projections:
            stored, own = found.get(name), self._projections[name]
            if stored is None or stored.target is not None or (stored.version, stored.fingerprint) != own:
                at, target = (0, None) if stored is None else (stored.position, stored.target)
                raise RebuildingError(name, at, at if target is None else target)
        return min(found[name].position for name in each.projections)

    def _standing(self, each: BoundView, stored: Materialised | None) -> ViewStanding:
        if stored is None:
            return ViewStanding(each.name, each.view.refresh, "absent")
        age = (self._clock.micros() - stored.refreshed_at) / 1_000_000
        state: Literal["ready", "outdated"] = "ready" if self.fits(each, stored) else "outdated"
        return ViewStanding(each.name, each.view.refresh, state, stored.position, stored.rows, stored.seconds, age)


def _look(task: asyncio.Task[Any]) -> None:
    """Look at how a refresh ended: nobody may be left who waits for it."""
    if not task.cancelled():
        task.exception()
