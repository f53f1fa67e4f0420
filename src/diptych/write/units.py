"""Units of work: handlers that write tables of their own, committed with what they record, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Never, TypeVar, get_args, get_origin

import msgspec

from diptych.dispatch import Handler
from diptych.errors import ContentionError, StaleRowError, WiringError
from diptych.injection import Source
from diptych.model.criteria import Condition, Criteria, unless
from diptych.model.fields import members_of, place_of
from diptych.model.folds import Parameter, parameters_of
from diptych.model.results import Conflict, Result
from diptych.module import Module
from diptych.ports import Append, AppendOutcome, Conflicted, EventStore, Transactional, Unit
from diptych.write.execution import unexpected
from diptych.write.recording import Recorder
from diptych.write.requests import Request
from diptych.write.work import Refresh, Work
from diptych.write.working import Working

if TYPE_CHECKING:  # the extra `sql` may be missing
    from sqlalchemy.ext.asyncio import AsyncSession

E = TypeVar("E")


class UnitWork(Work):
    """Be the work of a handler with a unit: appended through it, under the conditions that the handler states too."""

    def __init__(self, refresh: Refresh, unit: Unit, expected: int | None) -> None:
        super().__init__(refresh)
        self.unit, self.conflict = unit, 0
        self._expected = expected
        self._condition: Condition = ()

    @property
    def compares(self) -> bool:
        """Say whether the handler loaded an aggregate, or named what is expected."""
        return bool(self._condition) or super().compares

    def expect(self, criteria: Criteria) -> None:
        """Forbid events that the criteria select after the position that the sender expects, if it told one."""
        if self._expected is not None:
            self._condition += unless(criteria, after=self._expected)

    async def append(self, append: Append) -> AppendOutcome:
        """Commit everything as one, or nothing."""
        condition = (*append.condition, *self._condition)
        outcome = await self.unit.append(msgspec.structs.replace(append, condition=condition))
        if isinstance(outcome, Conflicted):
            self.conflict = outcome.position
        return outcome


class UnitOfWork(Generic[E]):
    """Write tables and record events of type E (a union names several, Never none) as one with the command's record.

    All is committed when the handler returns, and rolled back when it raises. On SQLite it waits for the one turn to
    write at its first flush; on PostgreSQL others write meanwhile. A handler that goes on for longer than the
    application's `uow_limit` from there is rolled back: TurnHeldError, and nothing was written. It must not send
    another command meanwhile: that one would wait for it.
    """

    def __init__(self, work: UnitWork, named: tuple[type, ...]) -> None:
        self._work, self._named = work, named

    @property
    def session(self) -> AsyncSession:
        """Return the session of the transaction. Each statement reads what is committed when it runs.

        A row that it loaded and changes must still be what it was when it is written, else `send` answers Conflict.
        """
        return self._work.unit.session

    def record(self, *events: E) -> None:
        """Record events; they are appended in this order when the handler returns.

        Raises WiringError for one that the type argument does not name.
        """
        for event in events:
            if not isinstance(event, self._named):
                raise _unnamed(type(event))
            self._work.record(event)

    async def begin(self) -> None:
        """Keep all other units of work out: what is read from here on cannot change before the commit.

        Rows that the session loaded before must still be what they were, else `send` answers Conflict.
        """
        await self._work.unit.begin()

    def expect(self, criteria: Criteria) -> None:
        """Name what the `expected` position of a command (If-Match) is about: nothing selected may lie after it."""
        self._work.expect(criteria)


class UnitWorking:
    """Wrap the handlers that take a unit of work: each runs within one."""

    def __init__(self, store: EventStore, recorder: Recorder, working: Working, *, limit: float) -> None:
        self._store, self._recorder, self._working, self._limit = store, recorder, working, limit

    def declare(self, modules: Iterable[Module]) -> None:
        """Prepare the store for the units of these modules; raise WiringError where it cannot have any."""
        found = [*modules]
        takers = [each for module in found for each in module.commands.values() if takes_unit(each)]
        tables = [module.tables for module in found if module.tables is not None]
        if not (takers or tables):
            return
        if not isinstance(self._store, Transactional):
            who = takers[0].__qualname__ if takers else next(each.name for each in found if each.tables is not None)
            raise WiringError(
                f"{who} writes tables in a unit of work, and a log in memory has no database that both could share",
                where=place_of(takers[0]) if takers else "",
                fix="name a database in code, in tests too: Application(..., events='sqlite:///shop.db'); "
                "DIPTYCH_EVENTS, --events and pyproject.toml replace it, but only later",
            )
        self._store.declare(tables)

    def around(self, handler: Handler) -> Handler:
        """Wrap a handler; one that failed, though its command was accepted meanwhile, is answered from the record."""

        async def attempt(command: Any, request: Any) -> Result[Any]:
            return await self._within(handler, command, request)

        return self._working.once(attempt)

    async def _within(self, handler: Handler, command: Any, request: Request) -> Result[Any]:
        assert isinstance(self._store, Transactional)  # noqa: S101 (as declared)
        try:
            async with self._store.unit(limit=self._limit) as unit:
                work = UnitWork(self._working.refresh, unit, request.expected)
                result = await self._working.run(handler, command, request, work, log=work)
        except (StaleRowError, ContentionError) as lost:
            return Conflict(str(lost))
        outdated = request.expected is not None and 0 < request.expected < work.conflict
        return unexpected(work.conflict, request) if outdated and isinstance(result, Conflict) else result


def units_of_work(parameter: Parameter, function: Callable[..., Any]) -> Source | None:
    """Provide `UnitOfWork[...]` to a handler; raise WiringError where its argument names no events."""
    if not _is_unit(parameter):
        return None
    named = tuple(_events_of(parameter, function))
    return Source(from_context=lambda request: UnitOfWork(request.work, named))  # type: ignore[attr-defined]  # the Request of the left panel


def refuse_units(parameter: Parameter, function: Callable[..., Any]) -> None:
    """Raise WiringError for a unit of work that a decision or a guard takes."""
    if _is_unit(parameter):
        raise WiringError(
            f"{function.__qualname__} takes {parameter.name}: UnitOfWork, which only handlers of commands may",
            where=place_of(function),
            fix="write @module.command above it; a decision answers by events, and is pure",
        )


def takes_unit(function: Callable[..., Any]) -> bool:
    """Say whether a handler takes a unit of work."""
    return any(_is_unit(each) for each in parameters_of(function))


def events_recorded(function: Callable[..., Any]) -> Sequence[type]:
    """Return the classes of events that a handler may record in its unit of work."""
    return [cls for each in parameters_of(function) if _is_unit(each) for cls in _events_of(each, function)]


def _is_unit(parameter: Parameter) -> bool:
    return parameter.type is UnitOfWork or get_origin(parameter.type) is UnitOfWork


def _events_of(parameter: Parameter, function: Callable[..., Any]) -> Sequence[type]:
    named = get_args(parameter.type)
    found = [cls for hint in named for cls in members_of(hint) if cls is not Never]
    wrong = [cls for cls in found if cls is Any or not isinstance(cls, type)]
    if wrong or not named:
        raise WiringError(
            f"{parameter.name} of {function.__qualname__} is a UnitOfWork of {wrong[0] if wrong else 'nothing'!r}, "
            "which is no event",
            where=place_of(function),
            fix="name the events that it records: UnitOfWork[OrderCreated | ItemAdded], or UnitOfWork[Never]",
        )
    return found


def _unnamed(event: type) -> WiringError:
    return WiringError(
        f"a unit of work recorded {event.__qualname__}, which its type does not name",
        where=place_of(event),
        fix=f"name it in the type of the parameter: UnitOfWork[... | {event.__qualname__}]",
    )
