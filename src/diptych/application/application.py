"""The application: modules and projections wired to stores. The only place that knows both panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from diptych.application.assembly import assembled
from diptych.application.blocking import BlockingApplication
from diptych.dispatch import Middleware
from diptych.errors import OutdatedError, UnknownMessageError
from diptych.history.check import Report, check
from diptych.history.history import Moment
from diptych.history.traced import Trace
from diptych.history.trial import Trial
from diptych.model.auditing import Audit
from diptych.model.gates import Unguarded
from diptych.model.messages import Command, Query
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.model.results import Result
from diptych.model.subscribers import Reacts, Subscriber
from diptych.ports import Checkpoint, Clock, Ids, Record
from diptych.read.cache import CACHE_BYTES, CacheFigures
from diptych.read.fingerprint import fingerprint_of
from diptych.read.panel import Answer
from diptych.read.views import Refreshed, ViewStanding
from diptych.stores.system import RandomIds, SystemClock
from diptych.stores.urls import reads_beside
from diptych.watchdog import Watchdog
from diptych.wiring import Mode, Part, Runs, Wiring
from diptych.write.requests import Delivery

R = TypeVar("R")
_STATE_BYTES = 64 * 1024 * 1024
_AUDIT = Audit()


class Application:
    """Send commands and ask queries.

    `events` and `reads` are URLs: `memory://`, `sqlite:///path`; the read models live beside the log unless told
    otherwise. `provide` is what handlers may ask for by type. `projections="follow"` leaves the folding to another
    process; `subscribers` are run in the background ("run"), before `send` returns ("inline"), or by another process
    ("off"). `cache_bytes` bounds what the answers of cached queries take in memory. `unguarded="refuse"`
    wants a guard for every message. `audit` bounds what is kept of commands that were not accepted; None keeps nothing.
    A unit of work may hold the turn to write for `uow_limit` seconds. The constructor checks the whole wiring and
    raises WiringError; entering it opens the stores.
    """

    _open: AsyncExitStack | None = None

    def __init__(
        self,
        *parts: Part,
        events: str = "memory://",
        reads: str | None = None,
        provide: Iterable[Any] = (),
        middleware: Iterable[Middleware] = (),
        clock: Clock | None = None,
        ids: Ids | None = None,
        mode: Mode = "production",
        projections: Runs = "run",
        subscribers: Reacts = "run",
        state_bytes: int = _STATE_BYTES,
        cache_bytes: int = CACHE_BYTES,
        unguarded: Unguarded = "allow",
        audit: Audit | None = _AUDIT,
        uow_limit: float = 2.0,
    ) -> None:
        given = (events, reads, tuple(provide), tuple(middleware), clock or SystemClock(), ids or RandomIds(), mode)
        rest = (projections, subscribers, state_bytes, cache_bytes, unguarded, audit, uow_limit)
        self._wiring = made = Wiring(parts, *given, *rest)
        self._assembly = its = assembled(made)
        self.modules, self.mode, self.clock, self.store, self.rows = made.modules, mode, made.clock, its.store, its.rows
        self.codec, self.history, self.reactions, self.trials = its.codec, its.history, its.reactions, its.trials
        self.audit, self.traces, self._read, self._write = its.sent, its.traces, its.read, its.write
        self.ownership = its.read.ownership

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._assembly.open(stack)
            if self.mode == "dev":
                await stack.enter_async_context(Watchdog())
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.__aexit__(kind, error, trace)

    def configured(
        self,
        *,
        events: str | None = None,
        reads: str | None = None,
        mode: Mode | None = None,
        projections: Runs | None = None,
        subscribers: Reacts | None = None,
    ) -> Self:
        """Return an unopened application of the same parts with other settings; None leaves one as it is.

        Another log has its read models beside it, unless `reads` says where.
        """
        given = {"events": events, "reads": reads, "mode": mode, "projections": projections, "subscribers": subscribers}
        changed = {name: value for name, value in given.items() if value is not None}
        settings = self._wiring.keywords() | ({"reads": None} if events else {}) | changed
        return type(self)(*self._wiring.parts, **settings)

    def blocking(self) -> BlockingApplication:
        """Return this application for code without async: `with app.blocking() as shop: shop.send(...)`."""
        return BlockingApplication(self)

    @property
    def urls(self) -> tuple[str, str]:
        """Return where the log is, and where the read models are."""
        return self._wiring.events, self._wiring.reads or reads_beside(self._wiring.events)

    @property
    def is_open(self) -> bool:
        """Say whether the stores are open."""
        return self._open is not None

    @property
    def commands(self) -> Mapping[str, type]:
        """Return the commands by name."""
        return self._write.commands

    @property
    def queries(self) -> Mapping[str, type]:
        """Return the queries by name."""
        return self._wiring.queries

    @property
    def events(self) -> Mapping[str, type]:
        """Return the event classes by stored name."""
        return {stored.name: cls for cls, stored in self.codec.types.items()}

    @property
    def projections(self) -> Mapping[str, Projection]:
        """Return the projections by name."""
        return self._wiring.projections

    @property
    def subscribers(self) -> Mapping[str, Subscriber]:
        """Return the subscribers by name."""
        return self._wiring.subscribers

    @property
    def failure(self) -> BaseException | None:
        """Return what ended the folding or a subscriber in this process, if anything did: a restart is needed."""
        return self._read.failure or self.reactions.failure

    @property
    def cache(self) -> CacheFigures:
        """Return how the cache of answers is doing."""
        return self._read.cache.figures

    def fits(self, checkpoint: Checkpoint) -> bool:
        """Say whether the rows of a stored checkpoint are those that this code folds: same version, same folds."""
        projection = self.projections[checkpoint.projection]
        known = projection.version, fingerprint_of(projection, self.codec.lineage)
        return (checkpoint.version, checkpoint.fingerprint) == known

    async def send(
        self,
        command: Command[R],
        *,
        key: str | None = None,
        principal: str | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        expected: int | None = None,
    ) -> Result[R]:
        """Send a command and return its result: Accepted when it is on disk and took effect, once.

        The same `key` of the same principal gets the stored answer. `expected` is a position: nothing that the decision
        reads may lie after it, else Conflict. Raises KeyReusedError, OutcomeUnknownError, StoreError,
        UnknownMessageError; every answer of the domain is a value.
        """
        return await self._write.send(command, Delivery(key, principal, correlation, causation, expected))

    async def receive(
        self,
        name: str,
        body: bytes,
        *,
        key: str | None = None,
        principal: str | None = None,
        correlation: UUID | None = None,
        causation: UUID | None = None,
        expected: int | None = None,
    ) -> Result[Any]:
        """Send the command of this name whose JSON is `body`; as `send`, and MalformedError for what is no JSON."""
        return await self._write.receive(name, body, Delivery(key, principal, correlation, causation, expected))

    async def try_(
        self,
        command: Command[R],
        *,
        key: str | None = None,
        principal: str | None = None,
        expected: int | None = None,
        wait: float = 2.0,
    ) -> Trial[R]:
        """Return what `send` would answer now, the events, and how rows would change; nothing is stored or burnt.

        Waits at most `wait` seconds for the read models. Raises what `send` and `ask` raise, and UntriableError for a
        command whose handler has effects of its own.
        """
        return await self.trials.send(command, Delivery(key, principal, expected=expected), wait=wait)

    async def ask(
        self,
        query: Query[R],
        *,
        after: Result[Any] | int | None = None,
        as_of: Moment | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> R:
        """Ask a query and return its answer, which holds everything up to `after` (a result or a position).

        `as_of` a position or a time it tells what was so then; raises HistoryError for rows of which no past is kept.
        Waits at most `wait` seconds. Raises PositionError, StaleError, RebuildingError, FoldError, UnknownMessageError,
        InvalidMessageError.
        """
        answer = await self.answer(query, after=after, as_of=as_of, wait=wait, principal=principal)
        return answer.value  # type: ignore[no-any-return]  # the handler's R

    async def answer(
        self,
        query: Query[Any],
        *,
        after: Result[Any] | int | None = None,
        as_of: Moment | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> Answer:
        """Ask a query; return its answer with the position that it holds and that of the last change it may show."""
        position = after if after is None or isinstance(after, int) else after.position
        context = Context(self.clock.now(), self._wiring.ids.new(), principal)
        moment = None if as_of is None else await self.history.position_of(as_of)
        return await self._read.answer(query, context, after=position, wait=wait, as_of=moment)

    async def outcome(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None: it never took effect, or not yet."""
        return await self.store.record(command_id)

    async def trace(self, command: UUID | int) -> Trace:
        """Return what became of a command: its events, the rows that they changed, and the commands that it caused.

        It is named by its id, or by the position of one of its events. Raises UnknownCommandError.
        """
        return await self.traces.trace(command)

    async def head(self) -> int:
        """Return the position of the last event on disk."""
        return await self.store.head()

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return where every projection stands."""
        return await self._read.checkpoints()

    async def views(self) -> Mapping[str, ViewStanding]:
        """Return where every materialised view stands."""
        return await self._read.views.standings()

    async def refresh(self, view: str) -> Refreshed:
        """Refresh a materialised view now; raises UnknownMessageError, RebuildingError, FoldError, RefreshError."""
        return await self._read.views.refresh(view)

    async def caught_up(self, *, timeout: float = 60) -> None:  # noqa: ASYNC109 (the wait raises StaleError, not TimeoutError)
        """Return once every projection holds everything that is in the log now; raise StaleError after `timeout`."""
        await self._read.caught_up(await self.store.head(), timeout=timeout)

    async def reacted(self, *, timeout: float = 60) -> None:  # noqa: ASYNC109 (an answer that names who is late)
        """Return once every subscriber has handled all that is in the log now; raise ReactionError after `timeout`."""
        await self.reactions.reacted(timeout=timeout)

    async def check(self, projection: str) -> Report:
        """Compare every row of a projection with an independent fold; raise OutdatedError for rows of other code."""
        if projection not in self._wiring.projections:
            known = ", ".join(self._wiring.projections) or "none"
            raise UnknownMessageError(f"there is no projection {projection!r}; there are: {known}")
        await self._refuse_other_code(projection)
        return await check(self._wiring.projections[projection], self.store, self._read.rows, self.codec)

    async def _refuse_other_code(self, projection: str) -> None:
        stored, head = (await self.checkpoints()).get(projection), await self.head()
        if stored is not None and not self.fits(stored):
            version, at = self.projections[projection].version, stored.position
            raise OutdatedError(projection, stored=stored.version, version=version, position=at, head=head)
