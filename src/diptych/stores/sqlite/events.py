"""The event store in one SQLite file."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from diptych.errors import StoreError, WiringError
from diptych.model.criteria import Clause, Criteria
from diptych.ports import Append, AppendOutcome, BareSlice, Copy, EventReader, Record, Slice, StoredEvent, Unit, Wanted
from diptych.stores.forks import FORKS
from diptych.stores.heads import KnownHead
from diptych.stores.sqlite.connection import connect_reader, disconnect
from diptych.stores.sqlite.copied import LogReceiver
from diptych.stores.sqlite.jobs import finished
from diptych.stores.sqlite.lock import FairLock
from diptych.stores.sqlite.pages import LogPages
from diptych.stores.sqlite.schema import SCHEMA_VERSION
from diptych.stores.sqlite.verify import Proved, verify_page
from diptych.stores.sqlite.writer import LogWriter

if TYPE_CHECKING:
    from sqlalchemy import MetaData

T = TypeVar("T")

_FIRST_POLL = 0.002  # another process does not wake us: its commits are found by looking
_LAST_POLL = 0.020
_SLOWER = 1.1
_SHORT_PAGE = 1000
_SHORT_TAIL = 500
_SHORT_LIST = 100


class SqliteEventReader:
    """Read a log file in the thread and loop that opened this; nothing leaves that thread."""

    def __init__(self, path: Path, head: KnownHead) -> None:
        self._path, self._known = path, head
        self._opened: LogPages | None = None
        self._stack = AsyncExitStack()

    async def read(
        self,
        criteria: Criteria,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
    ) -> Slice:
        """Return at most `limit` matching events with after < position <= until."""
        return self._pages().read(criteria, after, until, limit, backwards=backwards)

    async def read_bare(self, clause: Clause, *, after: int = 0, limit: int = 1000) -> BareSlice:
        """Return of what `read` returns for a clause with tags the positions, kinds and data."""
        return self._pages().read_bare(clause, after, limit)

    async def count(self, criteria: Criteria, *, after: int = 0, until: int | None = None) -> int:
        """Return how many matching events lie in (after, until], from the indexes alone."""
        return self._pages().count(criteria, after, until)

    async def head(self) -> int:
        """Return the position of the last event that is on disk."""
        return self._pages().head()

    async def wait(self, after: int, timeout: float) -> int:  # noqa: ASYNC109 (a wake-up is a hint)
        """Return the head as soon as it lies beyond `after`, or after `timeout` seconds.

        Commits of this process wake at once; those of others are found by polling, every 2 ms and, in silence, ever
        more rarely, down to every 20 ms.
        """
        pages, known = self._pages(), self._known
        end, pause = time.monotonic() + timeout, _FIRST_POLL
        while known.position <= after and pages.head() <= after:
            left = end - time.monotonic()
            if left <= 0:
                break
            await known.moved(after, min(pause, left))
            pause = min(pause * _SLOWER, _LAST_POLL)
        return known.position

    async def __aenter__(self) -> Self:
        lock = FairLock(self._path)
        self._stack.callback(lock.close)
        connection = connect_reader(self._path)
        self._stack.callback(disconnect, connection, lock)
        self._opened = LogPages(connection, self._known)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened = None
        await self._stack.aclose()

    def _pages(self) -> LogPages:
        if self._opened is None:
            raise self._not_open()
        return self._opened

    def _not_open(self) -> StoreError:
        return StoreError(f"the log {self._path} is not open; enter it with `async with`")


class SqliteEventStore(SqliteEventReader):
    """Keep the log in one SQLite file: WAL, fsynced before every acknowledgement, group commit, several processes.

    Lookups by key and short pages are read in the loop's thread, scans in a thread of their own.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, KnownHead())
        self._forks = FORKS.count
        self._writer: LogWriter | None = None
        self._scanner: ThreadPoolExecutor | None = None
        self._scanned: LogPages | None = None
        self._receiver: LogReceiver | None = None
        self._units: Any = None  # SqliteUnits, which needs the extra `sql`

    @property
    def log_id(self) -> UUID:
        """Return the identity of the log, made with the file."""
        return self._writing().log_id

    async def append(self, append: Append) -> AppendOutcome:
        """Append atomically and return when it is on disk. The writer owns the work: cancelling stops nothing."""
        return await self._writing().gate.enter(append)

    async def record(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None."""
        return self._pages().record(command_id)

    async def read(
        self,
        criteria: Criteria,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
    ) -> Slice:
        """Return at most `limit` matching events with after < position <= until."""
        if self._is_short(criteria, after, until, limit):
            return self._pages().read(criteria, after, until, limit, backwards=backwards)
        return await self._scan(lambda pages: pages.read(criteria, after, until, limit, backwards=backwards))

    async def read_bare(self, clause: Clause, *, after: int = 0, limit: int = 1000) -> BareSlice:
        """Return of what `read` returns for a clause with tags the positions, kinds and data."""
        if limit <= _SHORT_PAGE:  # a clause with tags, as always here
            return self._pages().read_bare(clause, after, limit)
        return await self._scan(lambda pages: pages.read_bare(clause, after, limit))

    async def count(self, criteria: Criteria, *, after: int = 0, until: int | None = None) -> int:
        """Return how many matching events lie in (after, until], counted in the thread of scans."""
        return await self._scan(lambda pages: pages.count(criteria, after, until))

    async def records(self, wanted: Wanted, *, before: tuple[int, bytes], limit: int) -> Sequence[Record]:
        """Return at most `limit` records below `before`, the newest first, read in the thread of scans."""
        return await self._scan(lambda pages: pages.records(wanted, before, limit))

    def reader(self) -> EventReader:
        """Return an unopened reader of the same log for another thread."""
        return SqliteEventReader(self._path, self._known)

    def declare(self, tables: Sequence[MetaData]) -> None:
        """Name the tables of units of work, before this is opened."""
        try:
            units = importlib.import_module("diptych.stores.sqlite.units")
        except ImportError as missing:
            raise WiringError(
                f"units of work need the extra `sql` ({missing})", fix="pip install 'diptych[sql]'"
            ) from missing
        self._units = units.SqliteUnits(self._path, self._known, self.append, tables)

    def unit(self, *, limit: float) -> Unit:
        """Return an unopened unit of work."""
        self._writing()
        unit: Unit = self._units.unit(limit)
        return unit

    async def records_after(self, command_id: UUID, *, limit: int) -> Sequence[Record]:
        """Return at most `limit` records beyond this id, in the order of ids."""
        return await self._scan(lambda pages: pages.records_after(command_id, limit))

    async def copied(self) -> Copy | None:
        """Return how far this log is a copy of another one, or None."""
        return self._pages().copied()

    async def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], *, before: Copy | None, after: Copy
    ) -> Copy:
        """Store a page of another log and how far the copy is then, all or nothing; cancelling stops nothing."""
        self._writing()
        receiver = self._receiver or LogReceiver(self._path, self._known)
        if self._receiver is None:
            self._receiver = receiver
            self._stack.push_async_callback(asyncio.to_thread, receiver.close)
        return await finished(None, partial(receiver.receive, events, records, before, after))

    async def located(self, position: int) -> int:
        """Return the same position: a copy is as dense as its source."""
        return position

    async def verify(self) -> AsyncIterator[int]:
        """Read all again, yield how far it is right; raise CorruptionError naming the first position that is not."""
        proved = Proved()
        while not proved.complete:
            proved = await self._scan(partial(verify_page, proved=proved))
            yield proved.position

    async def describe(self) -> dict[str, object]:
        """Describe the store for `doctor`."""
        return {
            "store": "sqlite",
            "durable": True,
            "schema_version": SCHEMA_VERSION,
            "log_id": str(self.log_id),
            "events": self._pages().head(),
            "records": self._pages().one("log_count_commands"),
            "types": self._pages().types(),
            **asdict(self._writing().report()),
        }

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            lock = FairLock(self._path)
            stack.callback(lock.close)
            self._known.forget()
            await self._begin(stack, lock)
            scanned = connect_reader(self._path)
            stack.callback(disconnect, scanned, lock)
            self._scanned = LogPages(scanned, self._known)
            self._scanner = ThreadPoolExecutor(1, f"diptych scan {self._path.name}")
            stack.push_async_callback(asyncio.to_thread, self._scanner.shutdown)
            await super().__aenter__()
            self._stack.push_async_exit(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer = self._scanner = self._scanned = self._receiver = None
        await super().__aexit__(kind, error, trace)

    async def _begin(self, stack: AsyncExitStack, lock: FairLock) -> None:
        loop = asyncio.get_running_loop()
        opening = asyncio.ensure_future(asyncio.to_thread(LogWriter, self._path, self._known, lock, loop))
        stack.push_async_callback(_close, opening)
        self._writer = await asyncio.shield(opening)
        if self._units is not None:
            await stack.enter_async_context(self._units)

    async def _scan(self, read: Callable[[LogPages], T]) -> T:
        if self._scanner is None or self._scanned is None:
            raise self._not_open()
        return await asyncio.get_running_loop().run_in_executor(self._scanner, read, self._scanned)

    def _is_short(self, criteria: Criteria, after: int, until: int | None, limit: int) -> bool:
        if len(criteria.clauses) > _SHORT_LIST:  # a clause costs a statement: many of them would hold the loop
            return False
        last = self._known.position if until is None else min(until, self._known.position)
        if last - after <= _SHORT_TAIL:
            return True
        return limit <= _SHORT_PAGE and all(clause.tags for clause in criteria.clauses)

    def _writing(self) -> LogWriter:
        if self._writer is None:
            raise self._not_open()
        if FORKS.count != self._forks:
            raise StoreError("this log was opened before the process forked; open it again in the child")
        return self._writer


async def _close(opening: asyncio.Future[LogWriter]) -> None:
    """Close the writer, also one that was still opening when its caller was cancelled."""
    try:
        writer = await asyncio.shield(opening)
    except Exception:  # noqa: BLE001 (whoever opened has heard of it)
        return
    await asyncio.to_thread(writer.close)
