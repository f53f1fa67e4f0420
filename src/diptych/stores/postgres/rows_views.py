"""Keep views in a row store in PostgreSQL: refreshed by one session at a time, each in one transaction."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import asyncpg
import msgspec

from diptych.errors import StoreError, WiringError
from diptych.model.projections import ReadModel
from diptych.model.views import MaterialisedView
from diptych.ports import Below, Judge, Materialised
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.faults import LOST, store_error
from diptych.stores.postgres.readers import refuse_other_loop
from diptych.stores.postgres.rows_connections import RowConnections, connect_to_rows
from diptych.stores.postgres.rows_dialect import quoted
from diptych.stores.postgres.rows_gathering import Gathering
from diptych.stores.postgres.rows_progress import read_changes, read_checkpoints
from diptych.stores.postgres.rows_tables import physical
from diptych.stores.postgres.statements import sql
from diptych.stores.postgres.view_forms import form_of, replace
from diptych.stores.selects import refuse_unfit
from diptych.stores.view_rows import below_of, goes_back, succeeding

_SETTINGS = {"synchronous_commit": "on"}  # as for rows
_PATIENCE = "500ms"
"""How long to wait for a new generation of the rows below: less than PostgreSQL waits to look for a deadlock."""
_TRIES = 5
_NEVER = (1 << 63) - 1
_OF_STORE = (
    *LOST,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
"""Errors that are none of the select or its rows."""
_DISTURBED = (asyncpg.SerializationError, asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError)


class PostgresViews:
    """Keep the rows of views: looked up where queries read, refreshed on connections of their own."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._idle: list[Connection] = []

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._connections = RowConnections(self._address.at_replica(), {}, most=1)
        self._gathering: Gathering[str] = Gathering(self._read, lanes=1)
        await self._connections.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._idle:
            await close(self._idle.pop())
        await self._connections.close()

    def refuse_unfit(self, view: MaterialisedView[Any], statement: Any) -> None:
        """Raise WiringError where the columns of the select are not those of the view's rows."""
        refuse_unfit(view, statement)

    async def stored(self) -> Mapping[str, Materialised]:
        """Return what is stored of every view."""
        return await self._gathering.of("views", ())

    async def refresh(
        self, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]], judge: Judge
    ) -> Materialised:
        """Put the rows of a select in the place of the old ones; one session at a time, whoever asks.

        Of many that ask while others refresh, the first refreshes for all: what it found is newer than their question.
        """
        refuse_other_loop(self._loop)
        refreshing = _Refreshing(self._address.schema, view, statement, models, judge)
        async with self._session() as connection:
            return await refreshing.in_turn(connection)

    async def _read(self, _: str, __: Sequence[Any]) -> Mapping[str, Materialised]:
        return await self._connections.run(lambda connection: read_views(connection, self._address.schema))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[Connection]:
        """Lend a connection; after an error, or in the middle of a statement, it is closed, and its lock is free."""
        connection = self._idle.pop() if self._idle else None
        if connection is None or connection.is_closed():
            connection = await connect_to_rows(self._address, "views", _SETTINGS)
        try:
            yield connection
        except BaseException as wrong:
            await close(connection)
            if isinstance(wrong, _OF_STORE):
                raise store_error(wrong) from wrong
            raise
        self._idle.append(connection)


class _Refreshing:
    """Refresh one view."""

    def __init__(
        self, schema: str, view: MaterialisedView[Any], statement: Any, models: Sequence[ReadModel[Any]], judge: Judge
    ) -> None:
        self._schema, self._view, self._judge = schema, view, judge
        self._statement, self._models = statement, models

    async def in_turn(self, connection: Connection) -> Materialised:
        """Refresh once nobody else does, and return what then is stored."""
        name = f"{self._schema}.{self._view.name}"
        asked = (await read_views(connection, self._schema)).get(self._view.name)
        # Before the snapshot is taken: it must see what the one before stored. Whoever waits here waits for as long.
        await connection.execute(self._sql("lock"), name)
        found = await self._begun_since(connection, asked) or await self._undisturbed(connection)
        await connection.execute(self._sql("unlock"), name)
        return found

    async def _begun_since(self, connection: Connection, asked: Materialised | None) -> Materialised | None:
        """Return what is stored, if its refresh began after `asked` was read.

        One that was under way then may have looked too early; every other one began after its end.
        """
        now = (await read_views(connection, self._schema)).get(self._view.name)
        if now is None or asked is None or not now.is_of(asked):
            return None
        return now if now.generation >= asked.generation + 2 else None

    async def _undisturbed(self, connection: Connection) -> Materialised:
        for tried in range(1, _TRIES + 1):
            try:
                async with connection.transaction(isolation="repeatable_read"):
                    return await self._once(connection)
            except _DISTURBED as wrong:
                if tried == _TRIES:
                    told = f"view {self._view.name!r} could not be refreshed beside what others do: {wrong}"
                    raise StoreError(told) from wrong
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _once(self, connection: Connection) -> Materialised:
        began = time.perf_counter()
        below = await self._below(connection)
        new = self._judge(below)
        old = (await read_views(connection, self._schema)).get(self._view.name)
        if old is not None and goes_back(old, new):
            return old
        await self._claim(connection)
        placed = succeeding(old, new, 0, 0.0)
        await self._fill(connection, placed, anew=old is None or not old.is_of(new))
        rows = await connection.fetchval(f"select count(*) from {quoted(self._view.name)}")  # noqa: S608 (our own names)
        put = msgspec.structs.replace(placed, rows=rows, seconds=time.perf_counter() - began)
        await connection.execute(self._sql("put"), *msgspec.structs.astuple(put))
        # Not the position: a generation alone tells one refresh from the next, and two may stand at one position.
        model = (self._view.name, self._view.model.projection, put.generation, 0, _NEVER)
        await connection.execute(sql("rows_put_model", self._schema), *model)
        return put

    async def _below(self, connection: Connection) -> Below:
        """Take the snapshot, and return what it says of the read models; until its end none of them is replaced."""
        names = ", ".join(quoted(model.name) for model in self._models)
        # These take no snapshot; the first select does.
        await connection.execute(
            f"set local lock_timeout = '{_PATIENCE}'; lock table {names} in access share mode",
        )
        checkpoints = await read_checkpoints(connection, self._schema)
        return below_of(self._models, checkpoints, await read_changes(connection, self._schema))

    async def _fill(self, connection: Connection, placed: Materialised, *, anew: bool) -> None:
        form = form_of(self._view, self._schema, placed.generation)
        kind = await connection.fetchval(sql("views_kind", self._schema), quoted(self._view.name))
        if not anew and kind == form.kind:
            await form.renew(connection, self._statement)
            return
        fresh = physical(self._view.name, placed.generation)
        await form.make(connection, self._statement, fresh)
        await replace(connection, form, self._view.name, fresh, self._schema)

    async def _claim(self, connection: Connection) -> None:
        for _, owner, _ in await connection.fetch(sql("rows_owners", self._schema), self._view.name):
            if owner != self._view.model.projection:
                raise WiringError(
                    f"the name of view {self._view.name!r} belongs to a read model of projection {owner!r}, whose rows "
                    f"are there",
                    fix=f"give the view another name: @module.materialised(..., name='{self._view.name}_view')",
                )

    def _sql(self, name: str) -> str:
        return sql(f"views_{name}", self._schema)


async def read_views(connection: Connection, schema: str) -> Mapping[str, Materialised]:
    """Return what is stored of every view."""
    found = await connection.fetch(sql("views_stored", schema))
    return {values[0]: _materialised(*values) for values in found}


def _materialised(view: str, position: int, seen: int, fingerprint: str, log_id: UUID, *rest: Any) -> Materialised:
    return Materialised(view, position, seen, fingerprint, UUID(int=log_id.int), *rest)
