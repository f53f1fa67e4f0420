"""Units of work beside the log in one PostgreSQL database: their connections and their tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, Self

import greenlet  # type: ignore[import-untyped]  # noqa: F401 (SQLAlchemy misses it only at the first statement)
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from diptych.ports import Append, AppendOutcome
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, connect
from diptych.stores.postgres.readers import refuse_other_loop
from diptych.stores.postgres.unit import PostgresUnit
from diptych.stores.postgres.unit_commit import LogBeside
from diptych.stores.postgres.unit_faults import meaning
from diptych.stores.postgres.unit_tables import install, refuse_clashes
from diptych.stores.unit_events import UNIT, watch

_KEPT = 4
_MORE = 12  # a connection is a process of the server; units beyond wait for one of these


class PostgresUnits:
    """Open units of work in the database of a log, at most 16 at once in a process."""

    def __init__(
        self,
        address: Address,
        published: Callable[[int], None],
        append: Callable[[Append], Awaitable[AppendOutcome]],
        tables: Sequence[sa.MetaData],
    ) -> None:
        refuse_clashes(address, tables)
        self._log, self._tables = LogBeside(address, published, append), tables
        self._engine: AsyncEngine | None = None

    def unit(self, limit: float) -> PostgresUnit:
        """Return an unopened unit of work."""
        assert self._engine is not None  # noqa: S101 (the store asks only while it is open)
        refuse_other_loop(self._loop)
        return PostgresUnit(self._engine, self._log, limit=limit)

    async def __aenter__(self) -> Self:
        engine = _engine(self._log.address)
        try:
            await install(engine, self._log.address, self._tables)
        except BaseException as wrong:
            await engine.dispose()
            meant = meaning(wrong) if isinstance(wrong, DBAPIError) else None
            if meant is not None:
                raise meant from wrong
            raise
        watch(engine)
        event.listen(engine.sync_engine, "begin", _began)
        event.listen(engine.sync_engine, "rollback_savepoint", _going_back)
        self._engine, self._loop = engine, asyncio.get_running_loop()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._engine is not None:
            engine, self._engine = self._engine, None
            await engine.dispose()


def _engine(address: Address) -> AsyncEngine:
    async def connected() -> Connection:
        return await connect(address, purpose="unit of work")

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connected,
        poolclass=AsyncAdaptedQueuePool,
        pool_size=_KEPT,
        max_overflow=_MORE,
    )
    event.listen(engine.sync_engine.pool, "checkout", _checked_out)
    return engine


def _checked_out(adapted: Any, _record: object, _proxy: object) -> None:
    """Let a connection that was lost in the pool be opened anew."""
    if adapted.driver_connection.is_closed():
        raise DisconnectionError


def _began(connection: sa.Connection) -> None:
    unit: PostgresUnit = connection.get_execution_options()[UNIT]
    unit.began(connection)


def _going_back(connection: sa.Connection, _name: str, _context: object) -> None:
    unit: PostgresUnit = connection.get_execution_options()[UNIT]
    unit.going_back()
