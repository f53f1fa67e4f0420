"""The event store in one schema of a PostgreSQL database."""

from __future__ import annotations

import importlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import UUID

from diptych.errors import WiringError
from diptych.model.criteria import Clause, Criteria
from diptych.ports import Append, AppendOutcome, BareSlice, Copy, EventReader, Record, Slice, StoredEvent, Unit, Wanted
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.appends import settled
from diptych.stores.postgres.connection import Connection, close, refuse_unfit
from diptych.stores.postgres.copied import LogReceiver, copied, records_after
from diptych.stores.postgres.described import described
from diptych.stores.postgres.faults import FAILED, store_error
from diptych.stores.postgres.loads import Loads, bare_loads, full_loads
from diptych.stores.postgres.migrations import migrate
from diptych.stores.postgres.pages import FOREVER, LogPages, sliced
from diptych.stores.postgres.poolers import refuse_lending
from diptych.stores.postgres.readers import Readers, not_open
from diptych.stores.postgres.recent import RecentLog
from diptych.stores.postgres.session import Session, connect_reader, connect_to_log
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.verify import verified
from diptych.stores.postgres.wakeups import Wakeups
from diptych.stores.postgres.writer import LogWriter

if TYPE_CHECKING:
    from sqlalchemy import MetaData

T = TypeVar("T")

_FIRST_POLL, _LAST_POLL = 0.02, 0.25  # what no wake-up told is found by looking
_SLOWER = 1.5
_READERS = 4
_LOADERS = 2


class PostgresEventReader:
    """Read a log from the loop that opened this, on connections of its own."""

    is_distant = True

    def __init__(self, address: Address, head: RecentLog) -> None:
        self._address, self._known = address, head
        self._pages = LogPages(address.schema)
        self._readers: Readers | None = None
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
        order, last = "desc" if backwards else "asc", FOREVER if until is None else until
        recent = None if backwards else self._known.slice(criteria, after, last, limit)
        if recent is not None:
            return recent

        async def page(connection: Connection) -> Slice:
            known, through = self._known.position, last
            if len(criteria.clauses) != 1:
                # Read first: what is committed up to there never changes, so that several statements agree.
                known = through = min(last, await self._pages.head(connection))
            events = await self._pages.page(connection, criteria, (after, through, limit + 1), order=order)
            seen = max(events[0].position, events[-1].position) if events else 0
            return sliced(events, limit, min(max(known, seen), last), order=order)

        return await self._open_readers().run(page)

    async def count(self, criteria: Criteria, *, after: int = 0, until: int | None = None) -> int:
        """Return how many matching events lie in (after, until]."""
        last = FOREVER if until is None else until
        return await self._open_readers().run(lambda connection: self._pages.count(connection, criteria, after, last))

    async def head(self) -> int:
        """Return the position of the last event that is on disk."""
        head = await self._open_readers().run(self._pages.head)
        self._known.publish(head)
        return head

    async def wait(self, after: int, timeout: float) -> int:  # noqa: ASYNC109 (a wake-up is a hint)
        """Return the head as soon as it lies beyond `after`, or after `timeout` seconds.

        Commits of this process wake at once, those of others by NOTIFY; polling, ever more rarely down to four times a
        second, finds what no notification told.
        """
        known, end, pause = self._known, time.monotonic() + timeout, _FIRST_POLL
        while known.position <= after:
            left = end - time.monotonic()
            if left <= 0:
                break
            if not await known.moved(after, min(pause, left)):
                await self.head()
            pause = min(pause * _SLOWER, _LAST_POLL)
        return known.position

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            readers = Readers(lambda: connect_reader(self._address, self._known), most=_READERS)
            stack.push_async_callback(readers.close)
            await readers.open()
            self._readers = readers
            self._stack.push_async_exit(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._readers = None
        await self._stack.aclose()

    def _open_readers(self) -> Readers:
        if self._readers is None:
            raise not_open(f"the log {self._address}")
        return self._readers


class PostgresEventStore(PostgresEventReader):
    """Keep the log in PostgreSQL: group commit, several processes, fsynced before every acknowledgement."""

    def __init__(self, address: Address) -> None:
        super().__init__(address, RecentLog())
        self._log_id: UUID | None = None
        self._writer: LogWriter | None = None
        self._bare: Loads[BareSlice] | None = None
        self._full: Loads[Slice] | None = None
        self._receiver = LogReceiver(address)
        self._units: Any = None  # PostgresUnits, which needs the extra `sql`

    @property
    def log_id(self) -> UUID:
        """Return the identity of the log, made with its tables."""
        if self._log_id is None:
            raise not_open(f"the log {self._address}")
        return self._log_id

    async def append(self, append: Append) -> AppendOutcome:
        """Append atomically and return when it is on disk. The writer owns the work: cancelling stops nothing."""
        return await self._writing().enter(append)

    async def record(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None."""
        schema = self._address.schema
        return await self._open_readers().run(lambda connection: settled(connection, command_id, schema=schema))

    async def records(self, wanted: Wanted, *, before: tuple[int, bytes], limit: int) -> Sequence[Record]:
        """Return at most `limit` records below `before`, the newest first."""
        at, below = before
        bound = (at, UUID(bytes=below.ljust(16, b"\xff")[:16]), wanted.since, wanted.name, wanted.principal, limit)
        rows = await self._open_readers().run(
            lambda connection: connection.fetch(sql("list_commands", self._address.schema), *bound)
        )
        return [Record(UUID(int=row[0].int), *tuple(row)[1:]) for row in rows]

    async def read(
        self,
        criteria: Criteria,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
    ) -> Slice:
        """Return at most `limit` matching events with after < position <= until; of entities, with others who ask."""
        clauses = criteria.clauses
        if (
            self._full is None
            or backwards
            or until is not None
            or not clauses
            or not all(each.tags for each in clauses)
        ):
            return await super().read(criteria, after=after, until=until, limit=limit, backwards=backwards)
        return await self._full.load(clauses, after, limit, self._known.position)

    async def read_bare(self, clause: Clause, *, after: int = 0, limit: int = 1000) -> BareSlice:
        """Return of what `read` returns for a clause with tags the positions, kinds and data."""
        if self._bare is None:
            raise not_open(f"the log {self._address}")
        return await self._bare.load((clause,), after, limit, self._known.position)

    async def records_after(self, command_id: UUID, *, limit: int) -> Sequence[Record]:
        """Return at most `limit` records beyond this id, in the order of ids."""
        schema = self._address.schema
        return await self._open_readers().run(
            lambda connection: records_after(connection, command_id, limit, schema=schema)
        )

    async def copied(self) -> Copy | None:
        """Return how far this log is a copy of another one, or None."""
        return await self._open_readers().run(lambda connection: copied(connection, self._address.schema))

    async def receive(
        self, events: Sequence[StoredEvent], records: Sequence[Record], *, before: Copy | None, after: Copy
    ) -> Copy:
        """Store a page of another log and how far the copy is then, all or nothing; cancelling stops nothing."""
        kept = await self._receiver.receive(events, records, before, after)
        self._published(kept.head)
        return kept

    async def located(self, position: int) -> int:
        """Return the same position: a copy is as dense as its source."""
        return position

    def reader(self) -> EventReader:
        """Return an unopened reader of the same log for another loop."""
        return PostgresEventReader(self._address, self._known)

    def declare(self, tables: Sequence[MetaData]) -> None:
        """Name the tables of units of work, before this is opened."""
        try:
            units = importlib.import_module("diptych.stores.postgres.units")
        except ImportError as missing:
            raise WiringError(
                f"units of work need the extra `sql` ({missing})", fix="pip install 'diptych[sql]'"
            ) from missing
        self._units = units.PostgresUnits(self._address, self._published, self.append, tables)

    def unit(self, *, limit: float) -> Unit:
        """Return an unopened unit of work."""
        self._writing()
        unit: Unit = self._units.unit(limit)
        return unit

    async def verify(self) -> AsyncIterator[int]:
        """Read all again, yield how far it is right; raise CorruptionError naming the first position that is not."""
        async for position in verified(self._open_readers(), self._pages, self._address.schema):
            yield position

    async def describe(self) -> dict[str, object]:
        """Describe the store for `doctor`."""
        return await self._open_readers().run(lambda connection: described(connection, self._address, self.log_id))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            self._log_id, head = await self._installed()
            self._known.forget()
            self._known.publish(head)
            wakeups = Wakeups(self._address, self._known)
            stack.push_async_callback(wakeups.close)
            await wakeups.open()
            self._wakeups = wakeups
            await self._begin(stack, self._log_id)
            await super().__aenter__()
            among = self._open_readers(), self._pages
            self._bare, self._full = bare_loads(*among, most=_LOADERS), full_loads(*among, most=_LOADERS)
            self._stack.push_async_callback(self._bare.close)
            self._stack.push_async_callback(self._full.close)
            self._stack.push_async_exit(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer = self._bare = self._full = None
        await super().__aexit__(kind, error, trace)

    async def _begin(self, stack: AsyncExitStack, log_id: UUID) -> None:
        session = Session(self._address, log_id, self._known)
        await session.open()
        self._writer = LogWriter(session, self._published, self._known.keep)
        stack.push_async_callback(self._writer.close)
        self._receiver.open()
        stack.push_async_callback(self._receiver.close)
        if self._units is not None:
            await stack.enter_async_context(self._units)

    async def _installed(self) -> tuple[UUID, int]:
        await refuse_lending(self._address)
        connection = await connect_to_log(self._address, "start")
        try:
            await refuse_unfit(connection, self._address)
            await migrate(connection, self._address, ("log",))
            log_id: UUID = await connection.fetchval(sql("select_log", self._address.schema))
            return log_id, await self._pages.head(connection)
        except FAILED as wrong:
            raise store_error(wrong) from wrong
        finally:
            await close(connection)

    def _published(self, head: int) -> None:
        self._known.publish(head)
        self._wakeups.announce(head)

    def _writing(self) -> LogWriter:
        if self._writer is None:
            raise not_open(f"the log {self._address}")
        return self._writer
