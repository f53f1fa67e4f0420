"""The application: modules and projections wired to stores. The only place that knows both panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from uuid import UUID

from diptych.codec import EventCodec, decode_message
from diptych.dispatch import Middleware
from diptych.errors import InvalidMessageError, MalformedError, UnknownMessageError, WiringError
from diptych.history.check import Report, check
from diptych.injection import Injector
from diptych.model.decisions import events_yielded
from diptych.model.fields import place_of
from diptych.model.messages import Command, Query
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.model.results import Invalid, Result
from diptych.module import Module
from diptych.ports import Checkpoint, Clock, EventStore, Ids, Record
from diptych.read.panel import Answer, ReadPanel
from diptych.stores.system import RandomIds, SystemClock
from diptych.stores.urls import event_store, reads_beside, row_store
from diptych.write.panel import WritePanel
from diptych.write.requests import Delivery

R = TypeVar("R")
Mode = Literal["production", "dev"]
Runs = Literal["run", "follow"]
_STATE_BYTES = 64 * 1024 * 1024


class Application:
    """Send commands and ask queries.

    `events` and `reads` are URLs: `memory://`, `sqlite:///path`; the read models live beside the log unless told
    otherwise. `provide` is what handlers may ask for by type. `projections="follow"` leaves the folding to another
    process. The constructor checks the whole wiring and raises WiringError; entering it opens the stores.
    """

    def __init__(
        self,
        *parts: Module | Projection,
        events: str = "memory://",
        reads: str | None = None,
        provide: Iterable[Any] = (),
        middleware: Iterable[Middleware] = (),
        clock: Clock | None = None,
        ids: Ids | None = None,
        mode: Mode = "production",
        projections: Runs = "run",
        state_bytes: int = _STATE_BYTES,
    ) -> None:
        provide, middleware = tuple(provide), tuple(middleware)
        self._made_of = parts
        self._made_with: dict[str, Any] = {
            "events": events,
            "reads": reads,
            "provide": provide,
            "middleware": middleware,
            "clock": clock,
            "ids": ids,
            "mode": mode,
            "projections": projections,
            "state_bytes": state_bytes,
        }
        self.modules = tuple(part for part in parts if isinstance(part, Module))
        self.mode = mode
        self._projections = _named(part for part in parts if isinstance(part, Projection))
        self.clock, self._ids = clock or SystemClock(), ids or RandomIds()
        self.codec = EventCodec(_event_classes(self.modules, self._projections.values()))
        self.store: EventStore = event_store(events)
        self._injector = Injector(provide)
        self._write = WritePanel(
            self.modules,
            store=self.store,
            codec=self.codec,
            injector=self._injector,
            middleware=middleware,
            clock=self.clock,
            ids=self._ids,
            state_bytes=state_bytes,
        )
        self._read = ReadPanel(
            self.modules,
            tuple(self._projections.values()),
            store=self.store,
            rows=row_store(reads or reads_beside(events)),
            codec=self.codec,
            injector=self._injector,
            middleware=middleware,
            clock=self.clock,
            mode=mode,
            runs=projections,
        )
        self.rows = self._read.rows
        self._queries = _queries(self.modules)
        _refuse_clashes([*self._write.commands.values(), *self._queries.values()])
        self._open: AsyncExitStack | None = None

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._injector.open(stack)
            await stack.enter_async_context(self.store)
            self._write.open()
            await stack.enter_async_context(self._read)
            self._open = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open is not None:
            opened, self._open = self._open, None
            await opened.__aexit__(kind, error, trace)

    def configured(
        self: Self,
        *,
        events: str | None = None,
        reads: str | None = None,
        mode: Mode | None = None,
        projections: Runs | None = None,
    ) -> Self:
        """Return an unopened application of the same parts with other settings; None leaves one as it is.

        Another log has its read models beside it, unless `reads` says where.
        """
        given = {"events": events, "reads": reads, "mode": mode, "projections": projections}
        changed = {name: value for name, value in given.items() if value is not None}
        return type(self)(*self._made_of, **(self._made_with | ({"reads": None} if events else {}) | changed))

    @property
    def urls(self) -> tuple[str, str]:
        """Return where the log is, and where the read models are."""
        events: str = self._made_with["events"]
        return events, self._made_with["reads"] or reads_beside(events)

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
        return self._queries

    @property
    def events(self) -> Mapping[str, type]:
        """Return the event classes by stored name."""
        return {stored.name: cls for cls, stored in self.codec.types.items()}

    @property
    def projections(self) -> Mapping[str, Projection]:
        """Return the projections by name."""
        return self._projections

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
        cls = self._write.commands.get(name)
        if cls is None:
            raise UnknownMessageError(f"no module handles a command named {name!r}")
        try:
            command = decode_message(cls, body)
        except MalformedError:
            raise
        except InvalidMessageError as invalid:
            return Invalid(invalid.errors)
        return await self._write.send_checked(command, Delivery(key, principal, correlation, causation, expected))

    async def ask(
        self,
        query: Query[R],
        *,
        after: Result[Any] | int | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> R:
        """Ask a query and return its answer, which holds everything up to `after` (a result or a position).

        Waits at most `wait` seconds. Raises PositionError, StaleError, RebuildingError, FoldError, UnknownMessageError,
        InvalidMessageError.
        """
        answer = await self.answer(query, after=after, wait=wait, principal=principal)
        return answer.value  # type: ignore[no-any-return]  # the handler's R

    async def answer(
        self,
        query: Query[Any],
        *,
        after: Result[Any] | int | None = None,
        wait: float = 2.0,
        principal: str | None = None,
    ) -> Answer:
        """Ask a query; return its answer with the position that it holds and that of the last change it may show."""
        position = after if after is None or isinstance(after, int) else after.position
        context = Context(self.clock.now(), self._ids.new(), principal)
        return await self._read.answer(query, context, after=position, wait=wait)

    async def outcome(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None: it never took effect, or not yet."""
        return await self.store.record(command_id)

    async def head(self) -> int:
        """Return the position of the last event on disk."""
        return await self.store.head()

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return where every projection stands."""
        return await self._read.checkpoints()

    async def caught_up(self, *, timeout: float = 60) -> None:  # noqa: ASYNC109 (the wait raises StaleError, not TimeoutError)
        """Return once every projection holds everything that is in the log now; raise StaleError after `timeout`."""
        await self._read.caught_up(await self.store.head(), timeout=timeout)

    async def check(self, projection: str) -> Report:
        """Compare every row of a projection with an independent fold of the log."""
        if projection not in self._projections:
            known = ", ".join(self._projections) or "none"
            raise UnknownMessageError(f"there is no projection {projection!r}; there are: {known}")
        return await check(self._projections[projection], self.store, self._read.rows, self.codec)


def _event_classes(modules: Iterable[Module], projections: Iterable[Projection]) -> list[type]:
    found: list[type] = []
    for module in modules:
        for decision in module.decisions.values():
            found += events_yielded(decision.function)
            for _, selection in decision.selections:
                found += selection.model.fold.events
    for projection in projections:
        found += projection.events
    return list(dict.fromkeys(found))


def _named(projections: Iterable[Projection]) -> dict[str, Projection]:
    found: dict[str, Projection] = {}
    for projection in projections:
        if found.setdefault(projection.name, projection) is not projection:
            raise WiringError(f"two projections are named {projection.name!r}", fix="rename one of them")
    return found


def _queries(modules: Iterable[Module]) -> dict[str, type]:
    return {query.__name__: query for module in modules for query in module.queries}


def _refuse_clashes(messages: list[type]) -> None:
    known: dict[str, type] = {}
    for cls in messages:
        other = known.setdefault(cls.__name__, cls)
        if other is not cls:
            raise WiringError(
                f"two messages are named {cls.__name__}: {place_of(other)} and {place_of(cls)}",
                where=place_of(cls),
                fix="names are the public face of messages: rename one of them",
            )
