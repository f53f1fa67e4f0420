"""A unit of work on SQLite: a session that reads freely, and from its first write on holds the one turn to write."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from diptych.errors import Error, OutcomeUnknownError, StaleRowError, StoreError, TurnHeldError, UnitError
from diptych.ports import Append, AppendOutcome
from diptych.stores.sqlite.turns import Turn, Turns
from diptych.stores.unit_events import (
    ENDED,
    NO_COMMIT,
    ROLLED_BACK,
    ends_transaction,
    first_words,
    locks_rows,
    session_of,
)
from diptych.stores.unit_rows import State, loaded, refuse_stale, touched
from diptych.stores.waiting import until_done

_CONTROLS = frozenset(("begin", "commit", "end", "attach", "detach", "vacuum", "pragma"))

AppendToLog = Callable[[Append], Awaitable[AppendOutcome]]


class SqliteUnit:
    """Hold one connection, and one turn once something is written.

    Before the turn each statement reads what is committed then; the connection could write nothing. With the turn
    everything is one transaction, which the thread of turns commits, or rolls back.
    """

    def __init__(self, engine: AsyncEngine, turns: Turns, append: AppendToLog, *, limit: float) -> None:
        self._session = session_of(self, engine)
        self._turns, self._append, self._limit = turns, append, limit
        self._turn: Turn | None = None
        self._unproved: set[State] = set()
        self._failure: Error | None = None
        self._is_closing = False
        self._deadline = asyncio.timeout(None)

    @property
    def session(self) -> AsyncSession:
        """Return the session."""
        return self._session

    async def begin(self) -> None:
        """Take the turn now; raise StaleRowError if a row that the session holds is out of date."""
        self.refuse_ended()
        if self._turn is not None:
            await asyncio.shield(self._turn.granted)  # another task of the handler may have asked for it
        await self._session.run_sync(self._prove_all)

    async def append(self, append: Append) -> AppendOutcome:
        """Flush and commit all as one; a unit that wrote nothing and has no turn leaves the append to the log."""
        self.refuse_ended()
        await self._session.flush()
        self.refuse_ended()
        if self._turn is None:
            return await self._append(append)
        self._turn.commit(append)
        outcome = await asyncio.shield(self._turn.ended)
        if outcome is None:
            raise UnitError("the unit of work gave its turn back before the commit; nothing was written")
        return outcome

    async def __aenter__(self) -> Self:
        await self._deadline.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            closing = asyncio.ensure_future(self._close())
            await until_done(closing)
            closing.result()
        finally:
            await self._tell(kind, error, trace)

    def refuse_ended(self) -> None:
        """Raise what the unit failed of; UnitError after its end."""
        if self._failure is None and self._turn is not None and self._turn.is_over:
            self._failure = self._turn.failure or UnitError(ENDED)
        if self._failure is not None:
            raise self._failure

    def before_statement(self, connection: sa.Connection, statement: str, context: ExecutionContext) -> None:
        """Take the turn before a statement that may write; refuse one that controls the transaction."""
        self.refuse_ended()
        words = first_words(statement)
        word = words[0] if words else ""
        if word in _CONTROLS or ends_transaction(words):
            self._fail(f"{word!r} is not for a unit of work: it commits when its handler returns, or rolls back")
        if self._turn is None and not _only_reads(word, context):
            self._take(connection)

    def before_flush(self, session: Session) -> None:
        """Take the turn for a flush that will write, and compare the rows that it changes with the database."""
        self.refuse_ended()
        states = touched(session)
        if not states and not session.new:
            return
        self._take_within(session)
        self._prove(session, states)

    def committing(self) -> None:
        """Refuse a commit by the session."""
        self._fail(NO_COMMIT)

    def rolling_back(self) -> None:
        """Note that the session rolled everything back, by itself after a failed flush too: nothing can follow."""
        if self._is_closing or self._turn is None:
            return
        self._turn.give_back()
        self._failure = self._failure or UnitError(ROLLED_BACK)

    async def _tell(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what an error means that came of the turn's end, or of a row that somebody else changed."""
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise TurnHeldError(self._limit) from late
        held = None if self._turn is None else self._turn.failure
        if held is not None and isinstance(error, Exception) and error is not held:
            raise held from error
        if isinstance(error, StaleDataError):  # of a version_id_col
            raise StaleRowError(str(error)) from error
        if isinstance(error, PoolTimeoutError):
            raise StoreError(f"too many units of work at once, none of their connections came free: {error}") from error

    def _fail(self, why: str) -> None:
        self._failure = UnitError(why)
        raise self._failure

    def _prove_all(self, session: Session) -> None:
        self._take_within(session)
        self._prove(session, self._unproved)

    def _prove(self, session: Session, states: set[State]) -> None:
        concerned = states & self._unproved
        self._unproved = self._unproved - concerned
        try:
            refuse_stale(session, concerned)
        except (StaleRowError, UnitError) as wrong:
            self._failure = wrong
            raise

    def _take_within(self, session: Session) -> None:
        connection = session.connection()  # its savepoint is a statement too, and may have taken the turn
        if self._turn is None:
            self._take(connection)

    def _take(self, connection: sa.Connection) -> None:
        """Wait for the turn; called in the greenlet of a statement or a flush."""
        driver: Any = connection.connection.dbapi_connection  # SQLAlchemy's adapter, which its types do not name here
        try:
            driver.run_async(self._taken)
        except BaseException as wrong:
            self._failure = wrong if isinstance(wrong, Error) else UnitError("it did not get the turn to write")
            raise
        self._unproved = loaded(self._session.sync_session)

    async def _taken(self, driver: Any) -> None:
        self._turn = Turn(driver.raw, self._limit)
        self._turns.ask(self._turn)
        self._turn.ended.add_done_callback(self._expire)
        try:
            await asyncio.shield(self._turn.granted)
        except asyncio.CancelledError:  # SQLAlchemy will close the connection: the thread of turns must be done with it
            self._turn.give_back()
            await until_done(self._turn.ended)
            raise

    def _expire(self, ended: asyncio.Future[Any]) -> None:
        """End the handler that holds the turn for too long, wherever it waits."""
        if isinstance(ended.exception(), TurnHeldError) and not self._is_closing:
            self._deadline.reschedule(asyncio.get_running_loop().time())

    async def _close(self) -> None:
        self._is_closing = True
        if self._turn is not None:
            self._turn.give_back()
            await asyncio.wait([self._turn.ended])
            self._turn.interrupt()  # what is running yet is for nobody
            if isinstance(self._turn.ended.exception(), StoreError | OutcomeUnknownError):
                await self._session.invalidate()  # neither its cache nor the kernel's can be trusted
        self._failure = self._failure or UnitError(ENDED)
        await self._session.close()


def _only_reads(word: str, context: ExecutionContext) -> bool:
    """Say whether a statement surely writes nothing; `with_for_update` asks for the turn in SQLAlchemy's own words."""
    if locks_rows(context):
        return False
    return word == "select" or bool(getattr(getattr(context, "invoked_statement", None), "is_select", False))
