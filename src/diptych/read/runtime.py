"""The projection runtime: a thread with its own event loop that folds the log into rows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from diptych.codec import EventCodec
from diptych.errors import ConnectionLostError, FencedError, ForeignLogError, StoreError
from diptych.model.criteria import Criteria
from diptych.model.projections import Projection
from diptych.outages import Outage
from diptych.ports import EventReader, EventStore, RowStore, RowWriter, changed_unraised
from diptych.read.crew import Crew
from diptych.read.pace import Pace
from diptych.read.pages import Pages
from diptych.read.progress import LiveProgress
from diptych.read.projector import Projector

BATCH = 2000
STARTS = 5
_STORE_IDLE = 0.1
_RETRY = 0.2
_log = logging.getLogger("diptych.projections")


class Runtime:
    """Fold projections in one thread: each that no other runtime of the row store owns, up to a fair share.

    `declared` are the names of all projections of the application, of which this may fold only some.
    """

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
        declared: Sequence[str],
    ) -> None:
        self._projections, self._fingerprints = projections, fingerprints
        self._store, self._rows, self._codec, self._live, self._mode = store, rows, codec, live, mode
        self._declared = declared
        self._started: Future[None] = Future()
        self._ended: Future[None] = Future()
        self._lost = 0
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._crew: Crew | None = None
        self._pace, self._head = Pace(BATCH), 0
        self._stopping = False
        self.failure: BaseException | None = None
        """What ended the runtime, if anything did: nothing is folded any more."""

    @property
    def fenced(self) -> int:
        """Return how many writes of this runtime were refused since another one had taken over."""
        return self._crew.fenced if self._crew is not None else 0

    async def start(self) -> None:
        """Start the thread; return once it folds or stands by. Raises what keeps it from doing either."""
        threading.Thread(target=self._thread, name="diptych-projections", daemon=True).start()
        await asyncio.wrap_future(self._started)

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
            self._live.resign(list(self._live.standings))
            self._ended.set_result(None)

    def _fail(self, wrong: BaseException) -> None:
        if not self._started.done():
            self._started.set_exception(wrong)
        elif not isinstance(wrong, asyncio.CancelledError):
            self.failure = wrong
            _log.critical("the projection runtime ended: nothing is folded until a restart", exc_info=wrong)

    async def _main(self) -> None:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        outage = Outage("projections", _log)
        async with self._store.reader() as log, self._rows.writer() as writer:
            crew, pages = self._made_crew(writer), Pages(log, self._codec)
            self._crew = crew
            while not self._stopping:
                try:
                    await self._follow(crew, log, pages)
                except FencedError as fenced:
                    _log.warning("%s; looking again", fenced)
                except StoreError as failed:
                    if self._is_ended_by(failed):
                        raise
                    outage.tell(failed, self._loop.time())
                    await asyncio.sleep(_RETRY)
                crew.disband()

    def _is_ended_by(self, failed: StoreError) -> bool:
        """Say whether a failure ends this: at start whoever starts us decides, but for a connection that was lost."""
        if self._started.done() or isinstance(failed, ForeignLogError):
            return isinstance(failed, ForeignLogError)  # which cannot heal by itself
        self._lost += 1
        return self._lost > STARTS or not isinstance(failed, ConnectionLostError)

    def _made_crew(self, writer: RowWriter) -> Crew:
        return Crew(
            self._projections,
            self._fingerprints,
            self._live,
            writer,
            log_id=self._store.log_id,
            codec=self._codec,
            mode=self._mode,
            declared=self._declared,
        )

    async def _follow(self, crew: Crew, log: EventReader, pages: Pages) -> None:
        while not self._stopping:
            await crew.muster(log)
            if not self._started.done():
                await self._refuse_changed(crew.strangers)
                self._started.set_result(None)
            if await self._turn(crew, pages):
                await self._rest(crew, log)

    async def _refuse_changed(self, strangers: Sequence[Projection]) -> None:
        """Raise at start what taking over would raise, years later; other versions stand by, and are rebuilt then."""
        if not strangers or self._mode == "dev":
            return
        async with self._rows.reader() as reader:
            stored = await reader.checkpoints()
        for each in strangers:
            found = stored.get(each.name)
            if found and found.version == each.version and found.fingerprint != self._fingerprints[each.name]:
                raise changed_unraised(found, each)

    async def _turn(self, crew: Crew, pages: Pages) -> bool:
        """Read one batch for those that are furthest behind; say whether all have everything."""
        active = [each for each in crew.members if not each.stopped]
        if not active:
            return True
        position = min(each.position for each in active)
        group = [each for each in active if each.position == position]
        ahead = [each.position for each in active if each.position > position]
        known = [self._head] if self._head > position else []
        # One read and one decoding serve all that stand at the same position; they stop where the next one stands.
        until = min(ahead + known, default=None)
        page = await pages.read(_criteria(group), after=position, until=until, limit=self._pace.limit)
        now = time.monotonic()
        await _together(crew.advance(each, page.events, page.through, now=now) for each in group)
        self._pace.took(time.monotonic() - now)
        return page.complete and not ahead

    async def _rest(self, crew: Crew, log: EventReader) -> None:
        members = crew.members
        idle = [each for each in members if each.is_ahead_of_store]
        position = min((each.position for each in members if not each.stopped), default=None)
        if position is None:
            await asyncio.sleep(crew.pause)
            return
        self._head = await log.wait(position, _STORE_IDLE if idle else crew.pause)
        if self._head <= position:
            for each in idle:
                await crew.store_idle(each)


async def _together(advancing: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Let members advance beside each other: where a save is waited for, the next one folds. Raises what one raised."""
    for wrong in await asyncio.gather(*advancing, return_exceptions=True):
        if wrong is not None:
            raise wrong


def _criteria(group: Sequence[Projector]) -> Criteria:
    types = dict.fromkeys(name for each in group for name in each.types)
    return Criteria.typed(*types) if types else Criteria()
