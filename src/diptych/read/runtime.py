"""The projection runtime: a thread with its own event loop that folds the log into rows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Literal

from diptych.codec import EventCodec
from diptych.errors import FencedError, ForeignLogError, StoreError
from diptych.model.criteria import Criteria
from diptych.model.projections import Projection
from diptych.ports import EventReader, EventStore, RowStore, RowWriter, changed_unraised
from diptych.read.plan import learn
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector

BATCH = 2000
LEASE_SECONDS = 2.0
_BEAT = 0.5
_LOOK = 0.2
_STORE_IDLE = 0.1
_RETRY = 0.2
_log = logging.getLogger("diptych.projections")
Role = Literal["leading", "standing by"]


class Runtime:
    """Fold all projections in one thread. Only one runtime of a row store does so; the others stand by."""

    def __init__(
        self,
        projections: Sequence[Projection],
        fingerprints: Mapping[str, str],
        *,
        store: EventStore,
        rows: RowStore,
        codec: EventCodec,
        live: LiveProgress,
        mode: str,
    ) -> None:
        self._projections, self._fingerprints = projections, fingerprints
        self._store, self._rows, self._codec, self._live, self._mode = store, rows, codec, live, mode
        self._started: Future[Role] = Future()
        self._ended: Future[None] = Future()
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._beaten = 0.0
        self._stopping = False
        self.failure: BaseException | None = None
        """What ended the runtime, if anything did: nothing is folded any more."""

    async def start(self) -> Role:
        """Start the thread; return once it leads or stands by. Raises what keeps it from doing either."""
        threading.Thread(target=self._thread, name="diptych-projections", daemon=True).start()
        return await asyncio.wrap_future(self._started)

    async def stop(self) -> None:
        """Stop the thread, between two batches, and wait for its end."""
        self._stopping = True  # for a thread that has not begun, or that never waits since there is always more to fold
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._task.cancel)
        await asyncio.shield(asyncio.wrap_future(self._ended))

    def _thread(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as wrong:  # noqa: BLE001 (a thread has nobody above it)
            self._fail(wrong)
        finally:
            self._started.cancel()
            self._live.resign()
            self._ended.set_result(None)

    def _fail(self, wrong: BaseException) -> None:
        if not self._started.done():
            self._started.set_exception(wrong)
        elif not isinstance(wrong, asyncio.CancelledError):
            self.failure = wrong
            _log.critical("the projection runtime ended: nothing is folded until a restart", exc_info=wrong)

    async def _main(self) -> None:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        async with self._store.reader() as log, self._rows.writer() as writer:
            while not self._stopping:
                try:
                    await self._own(writer)
                    await self._follow(await self._install(log, writer), log, writer)
                except FencedError:
                    _log.warning("another projection runtime took over; standing by")
                    self._live.resign()
                except StoreError as failed:
                    # At start, whoever starts us decides; later on, what cannot heal by itself ends us.
                    if not self._started.done() or isinstance(failed, ForeignLogError):
                        raise
                    _log.exception("projections cannot go on now; trying again")
                    await asyncio.sleep(_RETRY)

    async def _own(self, writer: RowWriter) -> None:
        while await writer.lease(seconds=LEASE_SECONDS) is None:
            if not self._started.done():
                await self._refuse_changed()
                _log.info("another projection runtime is at work; standing by")
                self._started.set_result("standing by")
            await asyncio.sleep(_LOOK)
        self._beaten = time.monotonic()

    async def _refuse_changed(self) -> None:
        """Raise at start what taking over would raise, years later; other versions stand by, and are rebuilt then."""
        async with self._rows.reader() as reader:
            stored = await reader.checkpoints()
        for each in self._projections if self._mode != "dev" else ():
            found = stored.get(each.name)
            if found and found.version == each.version and found.fingerprint != self._fingerprints[each.name]:
                raise changed_unraised(found, each)

    async def _install(self, log: EventReader, writer: RowWriter) -> list[Projector]:
        checkpoints = await writer.install(
            self._projections, self._fingerprints, log_id=self._store.log_id, head=await log.head(), mode=self._mode
        )
        projectors = [
            Projector(each, checkpoints[each.name], writer, self._live, lineage=self._codec.lineage)
            for each in self._projections
        ]
        self._live.lead({each.name: each.standing for each in projectors})
        if not self._started.done():
            self._started.set_result("leading")
        return projectors

    async def _follow(self, projectors: Sequence[Projector], log: EventReader, writer: RowWriter) -> None:
        while not self._stopping:
            await self._beat(writer)
            if await self._turn(projectors, log):
                await self._rest(projectors, log)

    async def _beat(self, writer: RowWriter) -> None:
        if time.monotonic() - self._beaten >= _BEAT:
            if await writer.lease(seconds=LEASE_SECONDS) is None:
                raise FencedError("the lease ran out and another runtime took it")
            self._beaten = time.monotonic()

    async def _turn(self, projectors: Sequence[Projector], log: EventReader) -> bool:
        """Read one batch for those that are furthest behind; say whether all have everything."""
        active = [each for each in projectors if not each.stopped]
        if not active:
            return True
        position = min(each.position for each in active)
        group = [each for each in active if each.position == position]
        ahead = [each.position for each in active if each.position > position]
        # One read and one decoding serve all that stand at the same position; they stop where the next one stands.
        found = await log.read(_criteria(group), after=position, until=min(ahead, default=None), limit=BATCH)
        events, now = learn(self._codec, found), time.monotonic()
        for each in group:
            await each.advance(events, found.through, now=now)
        return found.complete and not ahead

    async def _rest(self, projectors: Sequence[Projector], log: EventReader) -> None:
        idle = [each for each in projectors if each.is_ahead_of_store]
        position = min((each.position for each in projectors if not each.stopped), default=None)
        if position is None:
            await asyncio.sleep(_BEAT)
            return
        if await log.wait(position, _STORE_IDLE if idle else _BEAT) <= position:
            for each in idle:
                await each.store_idle()


def _criteria(group: Sequence[Projector]) -> Criteria:
    types = dict.fromkeys(name for each in group for name in each.types)
    return Criteria.typed(*types) if types else Criteria()
