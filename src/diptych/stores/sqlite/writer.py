"""The writer: the one thread of a store that writes, in batches, in turns with the writers of other processes."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from uuid import UUID

from diptych.errors import StoreError
from diptych.ports import Append, AppendOutcome
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.batch import Tail
from diptych.stores.sqlite.connection import (
    FileReport,
    checkpoint,
    checkpoint_all,
    connect_writer,
    disconnect,
    measured,
    report,
    sql,
)
from diptych.stores.sqlite.faults import breaks_a_row, commit_error, store_error
from diptych.stores.sqlite.lock import FairLock
from diptych.stores.sqlite.schema import install
from diptych.stores.sqlite.verify import verify_tail

_BATCH_APPENDS = 512
_BATCH_EVENTS = 4096
_PAGES_PER_COMMIT = 4
_CHECKPOINT_PAGES = 4000  # an estimate of rows and commits, not a count: about 16 MB of WAL


Request = tuple[Append, asyncio.Future[AppendOutcome]]
"""An append, and the future of who waits for its outcome."""

Answer = AppendOutcome | Exception


class Gate:
    """Let the appends of one turn of the loop go to the writer together, and bring the answers back into the loop.

    One task alone is let through at once. When the last answers came several at a time, their tasks will all ask again
    in this turn; handed over one by one, the first would be a batch of its own, and the writer would be woken for each.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, submit: Callable[[Sequence[Request]], None]) -> None:
        self._loop, self._submit = loop, submit
        self._waiting: list[Request] = []
        self._together = 1

    def enter(self, append: Append) -> asyncio.Future[AppendOutcome]:
        """Take an append; return the future of its outcome. Raises StoreError in any loop but the one of this gate."""
        if asyncio.get_running_loop() is not self._loop:
            raise StoreError("the store was opened in another event loop; use it there, or open one here")
        future: asyncio.Future[AppendOutcome] = self._loop.create_future()
        if self._together == 1:
            self._submit(((append, future),))
        else:
            if not self._waiting:
                self._loop.call_soon(self._pass)
            self._waiting.append((append, future))
        return future

    def answer(self, batch: Sequence[Request], answers: Sequence[Answer]) -> None:
        """Answer requests, from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for it any more
            self._loop.call_soon_threadsafe(self._resolve, batch, answers)

    def _pass(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._submit(waiting)

    def _resolve(self, batch: Sequence[Request], answers: Sequence[Answer]) -> None:
        self._together = len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue  # its caller was cancelled; the append was not
            if isinstance(answer, Exception):
                future.set_exception(answer)
            else:
                future.set_result(answer)


class LogWriter:
    """Own the writing connection. Requests are taken from a queue, all that wait at once, and answered after commit."""

    def __init__(self, path: Path, head: KnownHead, lock: FairLock, loop: asyncio.AbstractEventLoop) -> None:
        self._path, self._head, self._lock = path, head, lock
        self._queue: SimpleQueue[Sequence[Request] | None] = SimpleQueue()
        self.gate = Gate(loop, self._queue.put)
        self._select_head = sql("log_select_head")
        self._written = 0
        self._suspect = False
        with lock:
            self._connection = connect_writer(path)
            self.log_id: UUID = install(self._connection)
            self._report = report(self._connection, path)
            self._tail: Tail | None = Tail(self._connection)
        head.publish(self._tail.head)
        self._thread = threading.Thread(target=self._run, name=f"diptych log {path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Finish everything that was submitted, then close the connection under the lock."""
        self._queue.put(None)
        self._thread.join()
        disconnect(self._connection, self._lock)

    def report(self) -> FileReport:
        """Describe the file as the writing connection found it, and its size now."""
        return measured(self._report, self._path)

    def _run(self) -> None:
        going = True
        while going:
            batch, going = self._take()
            if batch:
                self._serve(batch)

    def _take(self) -> tuple[list[Request], bool]:
        batch: list[Request] = []
        events = 0
        with contextlib.suppress(Empty):
            while len(batch) < _BATCH_APPENDS and events < _BATCH_EVENTS:
                requests = self._queue.get(block=not batch)
                if requests is None:
                    return batch, False
                batch += requests
                events += sum([len(append.events) for append, _ in requests])
        return batch, True

    def _serve(self, batch: Sequence[Request]) -> None:
        try:
            self._write(batch, look_up=False)
        except Exception as wrong:  # noqa: BLE001 (whoever waits must hear of it; the thread must live)
            self._recover(batch, wrong)

    def _recover(self, batch: Sequence[Request], wrong: Exception) -> None:
        if not breaks_a_row(wrong):
            failure = store_error(wrong) if isinstance(wrong, sqlite3.Error) else wrong
            self.gate.answer(batch, [failure] * len(batch))
            return
        for request in batch:  # one of them broke it: each alone now, and each id looked up
            try:
                self._write([request], look_up=True)
            except Exception as alone:  # noqa: BLE001 (as above)
                failure = store_error(alone) if isinstance(alone, sqlite3.Error) else alone
                self.gate.answer([request], [failure])

    def _write(self, batch: Sequence[Request], *, look_up: bool) -> None:
        with self._lock:
            tail = self._begin()
            try:
                answers = [tail.add(append, look_up=look_up) for append, _ in batch]
                rows = tail.flush()
            except BaseException as wrong:
                self._abandon(wrong)
                raise
            try:
                self._connection.execute("commit")
            except sqlite3.Error as wrong:
                self._abandon(wrong)
                self.gate.answer(batch, [commit_error(wrong, append) for append, _ in batch])
                return
            tail.settle()
            self._head.publish(tail.head)
            self.gate.answer(batch, answers)
            self._checkpoint(rows)

    def _begin(self) -> Tail:
        if self._suspect:
            self._reopen()
        self._connection.execute("begin immediate")
        try:
            head = self._connection.execute(self._select_head).fetchone()[0]
            if self._tail is None or self._tail.head != head:  # another process wrote, or the last batch failed
                self._tail = Tail(self._connection)
        except BaseException as wrong:
            self._abandon(wrong)
            raise
        return self._tail

    def _abandon(self, wrong: BaseException) -> None:
        self._tail = None
        self._suspect = isinstance(wrong, sqlite3.Error) and not breaks_a_row(wrong)
        with contextlib.suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("rollback")

    def _reopen(self) -> None:
        # After a failed write or fsync neither the connection's cache nor the kernel's can be trusted.
        self._connection.close()
        self._connection = connect_writer(self._path)
        if install(self._connection) != self.log_id:
            raise StoreError(f"{self._path} was replaced by another log while it was open")
        verify_tail(self._connection, self._head.position)
        checkpoint_all(self._connection)
        self._suspect = False

    def _checkpoint(self, rows: int) -> None:
        self._written += _PAGES_PER_COMMIT + rows
        if self._written >= _CHECKPOINT_PAGES:
            self._written = 0
            with contextlib.suppress(sqlite3.Error):  # nothing is lost: the WAL keeps it, the next one tries again
                checkpoint(self._connection)
