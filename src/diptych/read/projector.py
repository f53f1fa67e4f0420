"""Projector: one projection on its way through the log."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from diptych.errors import CorruptionError, StoreError
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.projections import Projection
from diptych.ports import Checkpoint, RowWriter
from diptych.read.folding import LEAST, Folding
from diptych.read.plan import Learned
from diptych.read.progress import LiveProgress, Standing
from diptych.read.rebuilding import Rebuilding
from diptych.recorded import failure_at

_log = logging.getLogger("diptych.projections")
_IDLE_SECONDS = 0.1


class Projector:
    """Fold, save and tell, for one projection. Stops where an event cannot be folded; never skips it."""

    def __init__(
        self,
        projection: Projection,
        checkpoint: Checkpoint,
        writer: RowWriter,
        live: LiveProgress,
        *,
        lineage: Lineage = UNCHANGED,
        remembered: int = LEAST,
    ) -> None:
        self.projection, self._folding = projection, Folding(projection, remembered=remembered)
        self.types = lineage.stored_names(projection.types)
        self._types = frozenset(self.types)
        self._checkpoint, self._writer, self._live = checkpoint, writer, live
        self.position = checkpoint.position
        self.stopped = False
        self._stored_at = 0.0
        self._rebuilding = Rebuilding(checkpoint)

    @property
    def name(self) -> str:
        """Return the projection's name."""
        return self.projection.name

    @property
    def epoch(self) -> int:
        """Return the epoch of the ownership under which it writes."""
        return self._checkpoint.epoch

    @property
    def standing(self) -> Standing:
        """Return how far the projection is."""
        return Standing(self.position, self._checkpoint.target, self._checkpoint.error)

    @property
    def is_ahead_of_store(self) -> bool:
        """Say whether the position in memory has yet to be stored."""
        return not self.stopped and self.position > self._checkpoint.position

    async def advance(self, events: Sequence[Learned], through: int, *, now: float) -> None:
        """Take in everything up to `through`, of which these are all the events that matter.

        Raises StoreError when nothing could be saved: advance again. Raises FencedError when another runtime took over.
        """
        mine = [learned for learned in events if learned.stored.name in self._types]
        if not mine:
            await self._idle(through, now=now)
            return
        pieces = list(self._folding.pieces(mine))
        for piece in pieces:
            await self._take(piece, through if piece is pieces[-1] else piece[-1].stored.position)
            if self.stopped:
                return

    async def store_idle(self) -> None:
        """Store the position that so far is known in memory only."""
        self._checkpoint = await self._writer.save(self._checkpoint, self.position, ())

    async def _take(self, events: Sequence[Learned], through: int) -> None:
        try:
            await self._save(events, through)
        except StoreError as failed:
            if not isinstance(failed, CorruptionError):
                raise
        except Exception:  # noqa: BLE001, S110 (any bug of a fold; folding singly finds the event and tells of it once)
            pass
        else:
            return
        await self._singly(events, through)

    def _publish(self) -> None:
        self._live.publish(self.name, self.standing)
        self._rebuilding.at(self.position, ended=self._checkpoint.target is None)

    async def _idle(self, through: int, *, now: float) -> None:
        self.position = through
        target = self._checkpoint.target
        if now - self._stored_at >= _IDLE_SECONDS or (target is not None and through >= target):
            self._stored_at = now
            await self.store_idle()
        self._publish()

    async def _save(self, events: Sequence[Learned], through: int) -> None:
        changes = await self._folding.fold(events, self._writer)
        self._checkpoint = await self._writer.save(self._checkpoint, through, changes)
        self._folding.saved(changes)
        self.position = through
        self._publish()

    async def _singly(self, events: Sequence[Learned], through: int) -> None:
        for learned in events:
            try:
                await self._save((learned,), learned.stored.position)
            except StoreError as failed:
                if not isinstance(failed, CorruptionError):
                    raise
                await self._stop(learned, failed)
                return
            except Exception as wrong:  # noqa: BLE001 (any bug of a fold stops its projection, and only it)
                await self._stop(learned, wrong)
                return
        self.position = through
        await self.store_idle()
        self._publish()

    async def _stop(self, learned: Learned, wrong: Exception) -> None:
        stored = learned.stored
        told = failure_at(stored, wrong)
        _log.error("projection %r stopped at %s", self.name, told.partition("\n")[0], exc_info=wrong)
        self.stopped = True
        self._checkpoint = await self._writer.stop(self._checkpoint, told)
        self.position = stored.position - 1
        self._publish()
