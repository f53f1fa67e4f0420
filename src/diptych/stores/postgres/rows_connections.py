"""Connections to read models: readers that outlive the swap of a generation, and the one that writes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TypeVar

import asyncpg

from diptych.errors import SettingsError, StatementError, StoreError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.faults import FAILED, broke_first, is_lost, store_error
from diptych.stores.postgres.readers import Readers

T = TypeVar("T")
Opened = Callable[[Connection], None]
"""Be told of every connection that is opened."""

KEYED: Mapping[str, str] = {
    # Plans are made once, and while tables are still empty: they must be those of a full table.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}
"""Settings for statements that find rows by key."""
WRITING: Mapping[str, str] = {
    **KEYED,
    # What was saved was told to whoever waited for it: a crash of the server may not take it back.
    "synchronous_commit": "on",
    # A process that is stopped in the middle keeps its locks, which who takes over must have before its lease is old.
    "idle_in_transaction_session_timeout": "1500",
}
"""Settings for the writer of rows."""

_OF_DATA: tuple[type[Exception], ...] = (
    ValueError,  # asyncpg's own DataError: a value that has no place in its column
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
_SWAPPED: tuple[type[Exception], ...] = (
    asyncpg.UndefinedTableError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
    asyncpg.SerializationError,  # a replica ends reading what it must apply a change to
    asyncpg.DeadlockDetectedError,  # several tables were read while they were swapped in another order
)


def _is_of_statement(wrong: Exception) -> bool:
    """Say whether an error is of the statement that was given, or its values, and not of the database."""
    if isinstance(wrong, asyncpg.InsufficientPrivilegeError):
        return False
    return isinstance(wrong, (*_OF_DATA, asyncpg.SyntaxOrAccessError))


@contextmanager
def mistakes_told() -> Iterator[None]:
    """Raise StatementError for what is wrong with a statement that the application gave us."""
    try:
        yield
    except (StoreError, asyncpg.PostgresError) as wrong:
        told = wrong.__cause__ if isinstance(wrong, StoreError) else wrong  # a table might have been swapped
        if isinstance(told, Exception) and _is_of_statement(told):
            raise StatementError(str(told)) from told
        raise


async def connect_to_rows(address: Address, purpose: str, settings: Mapping[str, str]) -> Connection:
    """Open a connection on which the names of read models are found without their schema."""
    return await connect(address, purpose=purpose, settings={**settings, "search_path": address.schema})


class RowConnections:
    """Lend connections for reading, the first when it is needed.

    What a new generation took the ground from is read once more.
    """

    def __init__(
        self, address: Address, settings: Mapping[str, str], *, most: int, opened: Opened = lambda _: None
    ) -> None:
        self._address, self._settings, self._opened = address, settings, opened
        self._readers = Readers(self._connected, most=most)
        self._opening, self._is_open = asyncio.Lock(), False

    async def open(self) -> None:
        """Open the first connection, if there was none; raises what connecting raises."""
        async with self._opening:
            if not self._is_open:
                await self._readers.open()
                self._is_open = True

    async def close(self) -> None:
        """Close every connection."""
        await self._readers.close()

    async def run(self, read: Callable[[Connection], Awaitable[T]]) -> T:
        """Read; raises what is wrong with what was given as it is, StoreError for anything else."""
        if not self._is_open:
            await self._opened_late()
        try:
            return await self._readers.run(lambda connection: _twice(connection, read))
        except _Given as given:
            raise given.wrong from None

    async def _opened_late(self) -> None:
        try:
            await self.open()
        except SettingsError as wrong:
            raise StoreError(str(wrong)) from wrong  # others were opened by the same URL: it may be right again

    async def _connected(self) -> Connection:
        connection = await connect_to_rows(self._address, "queries", self._settings)
        self._opened(connection)
        return connection


async def _twice(connection: Connection, read: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        return await _once(connection, read)
    except _SWAPPED:
        await connection.reload_schema_state()
        return await _once(connection, read)


async def _once(connection: Connection, read: Callable[[Connection], Awaitable[T]]) -> T:
    try:
        return await read(connection)
    except _SWAPPED:
        raise
    except Exception as wrong:
        if _is_of_statement(wrong):
            raise _Given(wrong) from wrong
        raise


class _Given(Exception):  # noqa: N818 (it only carries one past those who would take it for a lost connection)
    def __init__(self, wrong: Exception) -> None:
        self.wrong = wrong


class WritingConnection:
    """Hold the one connection of a writer; open it anew after it was lost."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connection: Connection | None = None
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[Connection]:
        """Hold the connection; raises what is wrong with the data as it is, StoreError for what PostgreSQL cannot do.

        Whoever is cancelled in the middle leaves it closed.
        """
        async with self._turn:
            connection = await self._connected()
            try:
                yield connection
            except Exception as wrong:
                if isinstance(wrong, _OF_DATA) or not isinstance(wrong, FAILED):
                    raise
                if is_lost(wrong):
                    connection.terminate()
                first = broke_first(wrong)
                if not isinstance(first, Exception):
                    raise first from None
                raise store_error(wrong) from wrong
            except BaseException:
                connection.terminate()
                raise

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await close(self._connection)

    async def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = await connect_to_rows(self._address, "projections", WRITING)
        elif self._connection.is_closed():
            try:
                self._connection = await connect_to_rows(self._address, "projections", WRITING)
            except SettingsError as wrong:
                raise StoreError(str(wrong)) from wrong  # it was right once, and may be so again
        return self._connection
