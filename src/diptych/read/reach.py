"""Reach: wait until projections hold everything up to a position, whoever folds them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from diptych.errors import ForeignLogError, OutdatedError, PositionError, RebuildingError, StaleError
from diptych.model.criteria import Criteria
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.projections import Projection
from diptych.ports import Checkpoint, EventStore, Progress, RowReader, RowStore
from diptych.ports.row_store import Lagging
from diptych.read.progress import LiveProgress, Standing, standing_of

_POLL = 0.002
_REBUILD_POLL = 0.02


class Reaching(Progress, Protocol):
    """Wait for what queries read, and tell how far it is."""

    async def position(self, projections: Sequence[str]) -> int:
        """Return the lowest position that these hold; without any, the head of the log."""
        ...

    async def caught_up(self, projections: Sequence[str], head: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once every one holds everything up to `head`; a rebuild is waited for, not refused."""
        ...


def told_to_readers(live: LiveProgress, rows: RowStore) -> LiveProgress:
    """Return the progress in memory that holds for who reads these rows; none where a replica may lack them yet."""
    return LiveProgress() if isinstance(rows, Lagging) and rows.lags else live


class Reach:
    """Wait for projections: woken in memory for those that this process leads, by stored checkpoints for the others.

    `after=n` holds for a projection when no event of its criteria lies in (checkpoint, n].
    """

    def __init__(
        self,
        projections: Sequence[Projection],
        fingerprints: Mapping[str, str],
        live: LiveProgress,
        store: EventStore,
        reader: RowReader,
        *,
        lineage: Lineage = UNCHANGED,
    ) -> None:
        self._fingerprints = fingerprints
        self._projections = {each.name: each for each in projections}
        self._types = {each.name: lineage.stored_names(each.types) for each in projections}
        self._live, self._store, self._reader = live, store, reader
        self._unread: dict[str, tuple[int, int]] = {}

    async def reach(self, projections: Sequence[str], position: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once every projection holds everything up to `position`; see the port for what it raises."""
        names = tuple(projections)
        if names and self._live.holds(names, position):
            return
        await self._within_the_log(position)
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while not await self._holds(names, position):
            left = end - loop.time()
            if left <= 0 and (stands := await self.position(names)) < position:  # or it came there meanwhile
                raise StaleError(position, stands)
            if self._live.leads(names):
                await self._live.moved(names, position, seconds=left)
            else:
                await asyncio.sleep(min(_POLL, left))

    async def position(self, projections: Sequence[str]) -> int:
        """Return the lowest position that these projections hold; without any, the head of the log."""
        if not projections:
            return await self._store.head()
        standings = self._live.known
        try:
            return min([standings[name].position for name in projections])
        except KeyError:
            stored = await self._reader.checkpoints()
        known: Mapping[str, Standing | Checkpoint] = {**stored, **standings}
        return min(known[name].position if name in known else 0 for name in projections)

    async def caught_up(self, projections: Sequence[str], head: int, *, timeout: float) -> None:  # noqa: ASYNC109 (port)
        """Return once every projection holds everything up to `head`; a rebuild is waited for, not refused."""
        await reach_built(self, projections, head, seconds=timeout)

    async def _within_the_log(self, position: int) -> None:
        if position > 0 and position > await self._store.wait(position - 1, 0):  # which mostly need not be read
            head = await self._store.head()
            if position > head:
                raise PositionError(position, head)

    async def _holds(self, names: tuple[str, ...], after: int) -> bool:
        standings = self._live.known
        here = [standings[name].answers(name, after) for name in names if name in standings]
        if len(here) == len(names):
            return all(here)
        stored = await self._reader.checkpoints()
        there = [await self._stored_holds(name, stored, after) for name in names if name not in standings]
        return all(here) and all(there)

    async def _stored_holds(self, name: str, stored: Mapping[str, Checkpoint], after: int) -> bool:
        checkpoint, projection = stored.get(name), self._projections[name]
        if checkpoint is not None and checkpoint.log_id != self._store.log_id:
            raise ForeignLogError(
                f"the rows of {name!r} were folded from log {checkpoint.log_id}, and this is log {self._store.log_id}"
            )
        if checkpoint is None:
            raise RebuildingError(name, 0, await self._store.head())
        if (checkpoint.version, checkpoint.fingerprint) != (projection.version, self._fingerprints[name]):
            at, head, version = checkpoint.position, await self._store.head(), projection.version
            raise OutdatedError(name, stored=checkpoint.version, version=version, position=at, head=head)
        if standing_of(checkpoint).answers(name, 0) and checkpoint.position >= after:
            return True
        if await self._nothing_between(projection, checkpoint.position, after):
            return True
        return standing_of(checkpoint).answers(name, after)

    async def _nothing_between(self, projection: Projection, position: int, after: int) -> bool:
        types = self._types[projection.name]
        if not types:
            return True
        if self._unread.get(projection.name) == (position, after):
            return False
        found = await self._store.read(Criteria.typed(*types), after=position, until=after, limit=1)
        if found.events:
            # What was found stays: it is not looked for again until the checkpoint moves.
            self._unread[projection.name] = (position, after)
        return not found.events


async def reach_built(progress: Progress, projections: Sequence[str], position: int, *, seconds: float) -> None:
    """Wait as `reach` does, and for rebuilds, which it refuses; raise StaleError for one that lasts longer."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while True:
        try:
            await progress.reach(projections, position, timeout=max(0.0, end - loop.time()))
        except RebuildingError as rebuilding:
            if loop.time() >= end:
                raise StaleError(position, rebuilding.position) from rebuilding
            await asyncio.sleep(_REBUILD_POLL)
        else:
            return
