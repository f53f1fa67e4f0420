"""A unit of work on PostgreSQL: a session with a transaction of its own, beside others, until it commits."""

from __future__ import annotations

import asyncio
from enum import IntEnum
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import ExecutionContext
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import Session

from diptych.errors import Error, StaleRowError, TurnHeldError, UnitError
from diptych.ports import Append, AppendOutcome
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.unit_commit import LogBeside, commit
from diptych.stores.postgres.unit_faults import meaning
from diptych.stores.postgres.unit_statements import controls, is_own, is_step, keeps_rows, may_write, own
from diptych.stores.unit_events import ENDED, NO_COMMIT, ROLLED_BACK, UNIT, UnitSession, first_words, session_of
from diptych.stores.unit_rows import State, loaded, refuse_stale, touched
from diptych.stores.waiting import until_done

_GRACE = 0.25
"""Seconds after the limit when the server ends what the process did not: it may be held, or gone."""
_TRIES = 100
_LONGEST = 2**31 - 1
"""Milliseconds that a setting of the server takes at most."""


class Hold(IntEnum):
    """What a unit has of the lock of those who write: nothing, a share, or all of it."""

    NOTHING = 0
    SHARED = 1
    ALONE = 2


class PostgresSession(UnitSession):
    """Be a session whose transaction has really begun when its connection is asked for."""

    def connection(self, *given: Any, **named: Any) -> sa.Connection:  # Any: as SQLAlchemy takes them
        """Return the connection, in a transaction of the server: what the driver is told then is part of it."""
        found = super().connection(*given, **named)
        raw: Any = found.connection.driver_connection
        if not raw.is_in_transaction():
            unit: PostgresUnit = self.info[UNIT]
            found.execute(own("unit_wrote", unit.schema))
        return found


class PostgresUnit:
    """Hold one connection of its own; its transaction begins with its first statement, and is READ COMMITTED.

    From its first write on it has a share of a lock, as all who write have, or after `begin` all of it: then no other
    unit of this log writes. The limit counts from there; the server keeps it, too. Appends of others go on.
    """

    def __init__(self, engine: AsyncEngine, log: LogBeside, *, limit: float) -> None:
        self._session = session_of(self, engine, PostgresSession)
        self._log, self._limit = log, limit
        self._hold = self._wanted = Hold.NOTHING
        self._transaction: str | None = None
        self._raw: Connection = None
        self._safe: WeakSet[State] = WeakSet()
        """Rows that nobody else can change before the end."""
        self._keeps_rows = self._is_closing = False
        self._beginning = asyncio.Lock()
        self._failure: Error | None = None
        self._ends: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[AppendOutcome] | None = None
        self._deadline = asyncio.timeout(None)

    @property
    def session(self) -> AsyncSession:
        """Return the session."""
        return self._session

    @property
    def schema(self) -> str:
        """Return the schema of the log."""
        return self._log.address.schema

    async def begin(self) -> None:
        """Let no other unit write from here on; raise StaleRowError if a row that the session holds is out of date."""
        self.refuse_ended()
        async with self._beginning:  # another task of the handler may be at it
            await self._session.run_sync(self._begin)

    async def append(self, append: Append) -> AppendOutcome:
        """Flush and commit all as one; a unit that wrote nothing and has not begun leaves the append to the log."""
        self.refuse_ended()
        await self._session.flush()
        self.refuse_ended()
        if not await self._wrote():
            return await self._log.append(append)
        if self._hold is Hold.NOTHING:  # a function wrote, or a savepoint was rolled back
            await self._session.run_sync(lambda session: self._take(session.connection(), Hold.SHARED))
        self._stop_timer()
        self._ending = asyncio.ensure_future(commit(self._session, append, self._log, self._transaction))
        try:
            return await asyncio.shield(self._ending)
        finally:
            self._failure = self._failure or UnitError(ENDED)

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
        if self._failure is None and self._is_overdue():
            self._failure = TurnHeldError(self._limit)
        if self._failure is not None:
            raise self._failure

    def before_statement(self, connection: sa.Connection, statement: str, context: ExecutionContext) -> None:
        """Take a share of the lock before a statement that may write; refuse one that controls the transaction."""
        if is_own(context):
            return
        self.refuse_ended()
        words = first_words(statement)
        if controls(words):
            self._fail(f"{' '.join(words)!r} is not for a unit of work: it commits when its handler returns")
        self._keeps_rows = keeps_rows(context)
        if is_step(words):
            return
        self._take(connection, Hold.SHARED if may_write(words, statement) else self._wanted)

    def before_flush(self, session: Session) -> None:
        """Compare the rows that a flush changes with the database, and lock them."""
        self.refuse_ended()
        states = touched(session)
        if states or session.new:
            self._take(session.connection(), Hold.SHARED)
            self._prove(session, states)

    def began(self, connection: sa.Connection) -> None:
        """Note the connection of the driver."""
        self._raw = connection.connection.driver_connection

    def committing(self) -> None:
        """Refuse a commit by the session."""
        if self._ending is None:
            self._fail(NO_COMMIT)

    def rolling_back(self) -> None:
        """Note that the session rolled everything back, by itself after a failed flush too: nothing can follow."""
        if not (self._is_closing or self._ending is not None or self._transaction is None):
            self._failure = self._failure or UnitError(ROLLED_BACK)

    def going_back(self) -> None:
        """Note that a savepoint is rolled back, and with it perhaps what was locked since."""
        self._hold = Hold.NOTHING
        self._safe.clear()

    def came(self, state: State, *, fresh: bool) -> None:
        """Note a row that the session loaded, or, a fresh one, wrote."""
        if fresh or self._keeps_rows or self._hold is Hold.ALONE:
            self._safe.add(state)

    async def _tell(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise what an error means that came of the unit's end, or of others beside it."""
        try:
            await self._deadline.__aexit__(kind, error, trace)
        except TimeoutError as late:
            raise TurnHeldError(self._limit) from late
        held = self._failure
        if isinstance(held, TurnHeldError) and isinstance(error, Exception) and error is not held:
            raise held from error
        meant = None if error is None else meaning(error)
        if meant is not None and meant is not error:
            raise meant from error

    def _fail(self, why: str) -> None:
        self._failure = UnitError(why)
        raise self._failure

    def _begin(self, session: Session) -> None:
        connection = session.connection()
        if self._hold is not Hold.ALONE:
            self._take(connection, Hold.ALONE)
            self._prove(session, loaded(session))

    def _prove(self, session: Session, states: set[State]) -> None:
        unproved = {each for each in states if each.persistent and each not in self._safe}
        try:
            refuse_stale(session, unproved)
        except (StaleRowError, UnitError) as wrong:
            self._failure = wrong
            raise
        self._safe.update(unproved)

    def _take(self, connection: sa.Connection, hold: Hold) -> None:
        """Wait for the lock; called in the greenlet of a statement or a flush."""
        self._wanted = max(self._wanted, hold)
        if self._hold >= self._wanted:
            return
        statement = own(f"unit_hold_{self._wanted.name.lower()}", self.schema)
        limit = f"{int(min((self._limit + _GRACE) * 1000, _LONGEST))}ms"
        try:
            transaction = connection.execute(statement, {"limit": limit}).one().transaction
        except BaseException as wrong:
            self._failure = meaning(wrong) or UnitError("it did not get the lock of those who write")
            raise
        if self._transaction not in (None, transaction):
            self._fail("a statement ended the transaction of the unit of work: what it wrote may be half done")
        self._transaction, self._hold = transaction, self._wanted
        self._start_timer()

    async def _wrote(self) -> bool:
        """Say whether anything was written or begun, by the server's own account where a transaction was begun."""
        if self._hold is not Hold.NOTHING or not self._session.in_transaction():
            return self._hold is not Hold.NOTHING
        return bool((await self._session.execute(own("unit_wrote", self.schema))).scalar_one())

    def _start_timer(self) -> None:
        if self._ends is None:
            loop = asyncio.get_running_loop()
            self._ends = loop.time() + self._limit
            self._timer = loop.call_at(self._ends, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _is_overdue(self) -> bool:
        return self._ends is not None and self._ending is None and asyncio.get_running_loop().time() >= self._ends

    def _expire(self) -> None:
        """End the handler that goes on for too long, wherever it waits."""
        self._failure = self._failure or TurnHeldError(self._limit)
        self._deadline.reschedule(asyncio.get_running_loop().time())

    async def _close(self) -> None:
        self._is_closing = True
        self._stop_timer()
        if self._ending is not None:
            await asyncio.wait([self._ending])
            self._ending.exception()  # heard: whoever asked for it may be gone
        self._failure = self._failure or UnitError(ENDED)
        for _ in range(_TRIES):
            try:
                await self._session.close()
            except Exception:  # noqa: BLE001 (a statement is under way for nobody: end it, and its task hears of it)
                await self._disconnect()
            else:
                return

    async def _disconnect(self) -> None:
        """End the statement that runs, and the connection with it."""
        if self._raw is not None:
            await close(self._raw)
        await asyncio.sleep(0)


def _loaded(session: Session, instance: object) -> None:
    unit: PostgresUnit = session.info[UNIT]
    unit.came(sa.inspect(instance), fresh=False)


def _written(session: Session, instance: object) -> None:
    unit: PostgresUnit = session.info[UNIT]
    unit.came(sa.inspect(instance), fresh=True)


event.listen(PostgresSession, "loaded_as_persistent", _loaded)
event.listen(PostgresSession, "pending_to_persistent", _written)
