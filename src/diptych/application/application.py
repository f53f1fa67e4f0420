"""The application: modules and projections wired to stores. The only place that knows both panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import UUID

from diptych.application.assembly import assembled
from diptych.application.blocking import BlockingApplication
from diptych.application.checking import named, refuse_outdated
from diptych.dispatch import Middleware
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
from diptych.read.ownership import Only, Ownership
from diptych.read.panel import Answer
from diptych.read.views import Refreshed, ViewStanding
from diptych.stores.system import RandomIds, SystemClock
from diptych.stores.urls import reads_beside
from diptych.watchdog import Watchdog
from diptych.wiring import Mode, Part, Runs, Wiring
from diptych.write.requests import Delivery

R = TypeVar("R")
_STATE_BYTES, _AUDIT = 64 * 1024 * 1024, Audit()


class Application:
    """Send commands and ask queries.

    `events` and `reads` are URLs: `memory://`, `sqlite:///path`, `postgresql://...`; read models live beside the log if
    `reads` does not say where. Handlers may ask for what is in `provide` by type. `projections="follow"` leaves folding
    to other processes, names leave them all but these; `subscribers` run in the background ("run", or names), before
    `send` returns ("inline"), or elsewhere ("off"). `only="commands"` or `"queries"` leaves the rest to others; the
    second needs no right to write. `unguarded="refuse"` wants a guard for every message. `audit` bounds what is
    kept of commands that were not accepted, `cache_bytes` cached answers; a unit of work may hold the turn to write for
    `uow_limit` seconds. Raises WiringError for what does not fit together; entering it opens the stores.
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
        projections: Runs | tuple[str, ...] = "run",
        subscribers: Reacts | tuple[str, ...] = "run",
        state_bytes: int = _STATE_BYTES,
        cache_bytes: int = CACHE_BYTES,
        unguarded: Unguarded = "allow",
        audit: Audit | None = _AUDIT,
        uow_limit: float = 2.0,
        only: Only | None = None,
    ) -> None:
        given = (events, reads, tuple(provide), tuple(middleware), clock or SystemClock(), ids or RandomIds(), mode)
        rest = (projections, subscribers, state_bytes, cache_bytes, unguarded, audit, uow_limit)
        self._assembly = its = assembled(Wiring(parts, *given, *rest, only))
        self._wiring, self.mode, self.store, self.rows, self.codec = its.wiring, mode, its.store, its.rows, its.codec
        self.modules, self.history, self.trials, self._read = its.wiring.modules, its.history, its.trials, its.read
        self.reactions, self.audit, self.traces, self._write = its.reactions, its.sent, its.traces, its.write

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
        projections: Runs | tuple[str, ...] | None = None,
        subscribers: Reacts | tuple[str, ...] | None = None,
        only: Only | None = None,
    ) -> Self:
        """Return an unopened application of the same parts with other settings; None leaves one as it is.

        Another log has its read models beside it, unless `reads` says where.
        """
        given = {"events": events, "reads": reads, "mode": mode, "projections": projections, "subscribers": subscribers}
        new = {name: value for name, value in (given | {"only": only}).items() if value is not None}
        return type(self)(*self._wiring.parts, **self._wiring.keywords() | ({"reads": None} if events else {}) | new)

    def blocking(self) -> BlockingApplication:
        """Return this application for code without async: `with app.blocking() as shop: shop.send(...)`."""
        return BlockingApplication(self)

    @property
    def clock(self) -> Clock:
        """Return the clock by which everything here is dated."""
        return self._wiring.clock

    @property
    def ownership(self) -> Ownership:
        """Return who folds which projection, here and elsewhere."""
        return self._read.ownership

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
        return self.ownership.failure or self.reactions.failure

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
        stored = (await self.checkpoints()).get(named(self.projections, projection).name)
        refuse_outdated(self.projections[projection], stored, await self.head(), fits=not stored or self.fits(stored))
        return await check(self.projections[projection], self.store, self.rows, self.codec)
