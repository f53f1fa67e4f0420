"""Crew: the projectors of the projections that this process owns, which come and go with their leases."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from uuid import UUID

from diptych.codec import EventCodec
from diptych.errors import FencedError
from diptych.model.projections import Projection
from diptych.ports import ASSURED, Checkpoint, EventReader, RowWriter
from diptych.read.folding import share_of
from diptych.read.plan import Learned
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector

LEASE_SECONDS = 1.75
_BEAT = 0.45
_LOOK = 0.15
_log = logging.getLogger("diptych.projections")


class Crew:
    """Own what no other worker does, up to a fair share, and let it be folded here. For the thread of the writer."""

    def __init__(
        self,
        projections: Sequence[Projection],
        fingerprints: Mapping[str, str],
        live: LiveProgress,
        writer: RowWriter,
        *,
        log_id: UUID,
        codec: EventCodec,
        mode: str,
        declared: Sequence[str],
    ) -> None:
        self._projections, self._fingerprints, self._live, self._writer = projections, fingerprints, live, writer
        self._log_id, self._lineage, self._mode, self._declared = log_id, codec.lineage, mode, declared
        self._codes = {each.name: f"{each.version} {fingerprints[each.name]}" for each in projections}
        self._members: dict[str, Projector] = {}
        self._beaten: float | None = None
        self._has_begun = False
        self._waiting: set[str] = set()
        self.fenced = 0
        """How many writes were refused since another worker had taken over."""

    @property
    def members(self) -> Sequence[Projector]:
        """Return the projectors, in the order in which the application names them."""
        return list(self._members.values())

    @property
    def strangers(self) -> Sequence[Projection]:
        """Return the projections that are not owned here."""
        return [each for each in self._projections if each.name not in self._members]

    @property
    def pause(self) -> float:
        """Return for how many seconds nothing need be looked at: who owns all has only to renew its leases."""
        return _BEAT if len(self._members) == len(self._projections) else _LOOK

    async def muster(self, log: EventReader) -> None:
        """Renew the leases if it is time; take on what is owned newly, and let go of what is no longer."""
        if self._beaten is not None and time.monotonic() - self._beaten < self.pause:
            return
        asked = time.monotonic()
        owned = await self._writer.lease(self._codes, seconds=LEASE_SECONDS)
        self._beaten = time.monotonic()
        self._live.hold(asked + LEASE_SECONDS * ASSURED)
        self._let_go({name for name in self._live.standings if name not in owned})
        stale = [name for name, each in self._members.items() if each.epoch != owned.get(name)]
        for name in stale:
            del self._members[name]
        self._live.resign(stale)  # somebody else had it meanwhile
        new = [each for each in self._projections if each.name in owned and each.name not in self._members]
        if new:
            await self._take_on(new, await log.head())
        self._has_begun = True

    async def advance(self, each: Projector, events: Sequence[Learned], through: int, *, now: float) -> None:
        """Let a member take in events; let it go if another worker has taken over."""
        with self._fencing(each):
            await each.advance(events, through, now=now)

    async def store_idle(self, each: Projector) -> None:
        """Let a member store the position that it knows only in memory; let it go as `advance` does."""
        with self._fencing(each):
            await each.store_idle()

    def disband(self) -> None:
        """Forget what the members had in memory: they begin anew from what is stored."""
        self._members.clear()
        if self._beaten is None or time.monotonic() - self._beaten > LEASE_SECONDS:
            self._live.resign(self._codes)  # another worker may be further by now
        self._beaten = None

    async def _take_on(self, new: Sequence[Projection], head: int) -> None:
        try:
            checkpoints = await self._installed(new, head)
        except FencedError:
            checkpoints = {name: each for one in new for name, each in (await self._unless_fenced(one, head)).items()}
        new = [each for each in new if each.name in checkpoints]
        for each in new:
            self._members[each.name] = self._projector(each, checkpoints[each.name])
        self._members = {name: self._members[name] for name in self._codes if name in self._members}
        self._live.lead({each.name: self._members[each.name].standing for each in new})
        if new and self._has_begun:
            _log.info("folding %s", _named([each.name for each in new]))

    def _projector(self, projection: Projection, checkpoint: Checkpoint) -> Projector:
        remembered = share_of(sum(len(each.models) for each in self._projections))
        parts = projection, checkpoint, self._writer, self._live
        return Projector(*parts, lineage=self._lineage, remembered=remembered)

    async def _unless_fenced(self, projection: Projection, head: int) -> Mapping[str, Checkpoint]:
        """Install one; if another worker is in its way, leave it for the next look."""
        try:
            found = await self._installed([projection], head)
        except FencedError as fenced:
            if projection.name not in self._waiting:
                self._waiting.add(projection.name)
                _log.info("projection %r waits: %s", projection.name, fenced)
            return {}
        self._waiting.discard(projection.name)
        return found

    async def _installed(self, new: Sequence[Projection], head: int) -> Mapping[str, Checkpoint]:
        return await self._writer.install(
            new,
            self._fingerprints,
            log_id=self._log_id,
            head=head,
            mode=self._mode,
            others=[name for name in self._declared if name not in {each.name for each in new}],
        )

    def _let_go(self, names: Collection[str]) -> None:
        if names:
            self._live.resign(names)
            _log.info("no longer folding %s: another process owns it", _named(sorted(names)))

    @contextlib.contextmanager
    def _fencing(self, each: Projector) -> Iterator[None]:
        try:
            yield
        except FencedError as fenced:
            self.fenced += 1
            self._members.pop(each.name, None)
            self._live.resign((each.name,))
            self._beaten = None
            _log.warning("a write was refused: %s", fenced)


def _named(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
