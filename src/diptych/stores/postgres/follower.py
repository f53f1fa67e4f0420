"""Following PostgreSQL: what others write is read by a role that may read, and nothing here writes or makes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self
from uuid import UUID

from diptych.errors import SettingsError, StoreError
from diptych.ports import Append, AppendOutcome
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.faults import FAILED, store_error
from diptych.stores.postgres.migrations import due
from diptych.stores.postgres.poolers import refuse_lending
from diptych.stores.postgres.rows import COMPONENTS, PostgresRowStore
from diptych.stores.postgres.session import connect_to_log
from diptych.stores.postgres.statements import sql

if TYPE_CHECKING:
    from sqlalchemy import MetaData


class PostgresFollower(PostgresEventStore):
    """Read a log that other processes write. Opening raises SettingsError where there is none, or an older one."""

    async def append(self, append: Append) -> AppendOutcome:
        """Raise StoreError."""
        del append
        raise StoreError(f"this process only reads {self._address}")

    def declare(self, tables: Sequence[MetaData]) -> None:
        """Do nothing: nobody writes to these tables here."""

    async def _begin(self, stack: AsyncExitStack, log_id: UUID) -> None:
        del stack, log_id

    async def _installed(self) -> tuple[UUID, int]:
        await refuse_lending(self._address)
        connection = await connect_to_log(self._address, "start")
        try:
            await _refuse_due(connection, self._address, ("log",))
            log_id: UUID = await connection.fetchval(sql("select_log", self._address.schema))
            return log_id, await self._pages.head(connection)
        except FAILED as wrong:
            raise store_error(wrong) from wrong
        finally:
            await close(connection)


class PostgresFollowedRows(PostgresRowStore):
    """Read rows that other processes fold. Opening raises SettingsError where their tables are missing, or older."""

    async def __aenter__(self) -> Self:
        await refuse_lending(self._address)
        connection = await connect(self._address, purpose="start")
        try:
            await _refuse_due(connection, self._address, COMPONENTS)
        except FAILED as wrong:
            raise store_error(wrong) from wrong
        finally:
            await close(connection)
        return self


async def _refuse_due(connection: Connection, address: Address, components: Sequence[str]) -> None:
    if missing := await due(connection, address, components):
        raise SettingsError(
            f"the tables in schema {address.schema} of {address.server} are not there, or not up to date: "
            f"{missing[0].component}/{missing[0].number:04} is missing, and this process only reads; first start one "
            f"that writes, `diptych serve` or `diptych worker`"
        )
