"""Turns of units of work: one thread takes the write turn for one after the other, commits, or takes it away."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from diptych.errors import StaleRowError, TurnHeldError, UnitError
from diptych.ports import Append, Appended, AppendOutcome
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.batch import Tail
from diptych.stores.sqlite.connection import Relinquishing, checkpoint
from diptych.stores.sqlite.faults import breaks_a_row, commit_error, store_error
from diptych.stores.sqlite.lock import FairLock

_PAGES_PER_COMMIT = 4
_CHECKPOINT_PAGES = 4000  # as the writer of the log estimates them


class Turn:
    """One turn of one connection: asked for, begun, over; never two of these at once, and never back.

    Its methods are called in the loop, but for `hold`. Nobody waits for a turn that is given back before it began.
    """

    def __init__(self, connection: Relinquishing, limit: float) -> None:
        self.connection, self._limit = connection, limit
        self._changes = connection.total_changes
        self._loop = asyncio.get_running_loop()
        self._orders: SimpleQueue[Append | None] = SimpleQueue()
        self._mutex = threading.Lock()
        self._begun = self._is_ordered = False
        self.is_over = False
        """Whether no statement and no commit can follow."""
        self.failure: TurnHeldError | None = None
        """Why it was taken away, if it was."""
        self.granted: asyncio.Future[None] = self._loop.create_future()
        """Done when the transaction has begun."""
        self.ended: asyncio.Future[AppendOutcome | None] = self._loop.create_future()
        """Done when the turn is back: with the outcome of the append, or None when it was given back."""

    @property
    def changes(self) -> int:
        """Return how many rows were written."""
        return self.connection.total_changes - self._changes

    def commit(self, append: Append) -> None:
        """Ask for the append and the commit, unless the turn is over."""
        with self._mutex:
            if not (self.is_over or self._is_ordered):
                self._is_ordered = True
                self._orders.put(append)

    def give_back(self) -> None:
        """Roll back; `ended` says when the turn is back."""
        with self._mutex:
            if self.is_over or self._is_ordered:
                return  # a commit that was asked for goes on
            self._is_ordered = True
            if self._begun:
                self._orders.put(None)
                self.interrupt()
            else:
                self.is_over = True
                self.ended.set_result(None)

    def hold(self, commit: Commit) -> None:
        """Begin, wait for the order, and obey it; in the thread of turns, which holds the lock."""
        with self._mutex:
            if self.is_over:
                return
            self._begun = True
        outcome: AppendOutcome | Exception | None = None
        try:
            self._begin()
            order = self._order()
            if order is not None:
                outcome = commit(self, order)
        except Exception as wrong:  # noqa: BLE001 (whoever waits must hear of it; the thread must live)
            outcome = wrong
        self.connection.relinquish()
        self.end(outcome)

    def end(self, outcome: AppendOutcome | Exception | None) -> None:
        """Say how it ended, in the thread of turns; the connection is the unit's again."""
        self.is_over = True
        said = store_error(outcome) if isinstance(outcome, sqlite3.Error) else outcome
        if isinstance(said, Exception):
            self._tell(self.granted, said)
        self._tell(self.ended, said)

    def interrupt(self) -> None:
        """End the statement that is running, if one is; from any thread."""
        with contextlib.suppress(sqlite3.Error):  # closed already
            self.connection.interrupt()

    def _begin(self) -> None:
        self.connection.execute("pragma query_only = off")
        try:
            self.connection.execute("begin immediate")
        except sqlite3.Error as wrong:
            if wrong.sqlite_errorcode == sqlite3.SQLITE_BUSY_SNAPSHOT:
                raise StaleRowError("a stream of rows is still being read, and somebody wrote meanwhile") from wrong
            raise
        self._tell(self.granted, None)

    def _order(self) -> Append | None:
        with contextlib.suppress(Empty):
            return self._last_order(self._orders.get(timeout=self._limit))
        with self._mutex:
            with contextlib.suppress(Empty):
                return self._orders.get_nowait()  # it came at the last moment
            self.failure = TurnHeldError(self._limit)
            self.is_over = True
        self.interrupt()
        raise self.failure

    def _last_order(self, order: Append | None) -> Append | None:
        with self._mutex:
            self.is_over = True
        return order

    def _tell(self, future: asyncio.Future[Any], said: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(_resolve, future, said)


Commit = Callable[[Turn, Append], AppendOutcome]


class Turns:
    """Give one unit of this process at a time the turn, in the order in which they asked, beside all other writers."""

    def __init__(self, path: Path, head: KnownHead) -> None:
        self._head, self._lock = head, FairLock(path)
        self._asked: SimpleQueue[Turn | None] = SimpleQueue()
        self._written = 0
        self._thread = threading.Thread(target=self._run, name=f"diptych turns {path.name}", daemon=True)
        self._thread.start()

    def ask(self, turn: Turn) -> None:
        """Let a turn wait for its time."""
        self._asked.put(turn)

    def close(self) -> None:
        """End after the turns that were asked for."""
        self._asked.put(None)
        self._thread.join()
        self._lock.close()

    def _run(self) -> None:
        while (turn := self._asked.get()) is not None:
            if turn.is_over:
                continue
            try:
                with self._lock:
                    turn.hold(self._commit)
            except Exception as wrong:  # noqa: BLE001 (the lock failed: whoever waits must hear of it)
                turn.end(wrong)

    def _commit(self, turn: Turn, append: Append) -> AppendOutcome:
        connection = turn.connection
        if not connection.in_transaction:
            raise UnitError("a statement ended the transaction of the unit of work: what it wrote may be half done")
        tail = Tail(connection)
        outcome = tail.add(append, look_up=True)
        if isinstance(outcome, Appended):
            tail.flush()
            connection.execute("pragma query_only = on")  # before it: nothing may be written unguarded after it
            _commit(connection, append)
            self._head.publish(tail.head)
            self._tidy(turn)
        return outcome

    def _tidy(self, turn: Turn) -> None:
        self._written += _PAGES_PER_COMMIT + turn.changes
        if self._written >= _CHECKPOINT_PAGES:
            self._written = 0
            with contextlib.suppress(sqlite3.Error):  # nothing is lost: the WAL keeps it, the next one tries again
                checkpoint(turn.connection)


def _commit(connection: sqlite3.Connection, append: Append) -> None:
    try:
        connection.execute("commit")
    except sqlite3.Error as wrong:
        if breaks_a_row(wrong):  # a constraint that is judged at the commit: the transaction is still open
            raise UnitError(f"the database refused the rows of the unit of work at the commit: {wrong}") from wrong
        raise commit_error(wrong, append) from wrong


def _resolve(future: asyncio.Future[Any], said: Any) -> None:
    if future.done():
        return
    if isinstance(said, Exception):
        future.set_exception(said)
        future.exception()  # heard: a unit that is being left may not look
    else:
        future.set_result(said)
