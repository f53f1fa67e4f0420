"""The writing session: one connection that can be replaced, and whose predecessor surely does nothing any more."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any
from uuid import UUID

from diptych.errors import ForeignLogError, StoreError
from diptych.ports import Record
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close, connect, refuse_unfit
from diptych.stores.postgres.endings import reach_standbys
from diptych.stores.postgres.faults import FAILURES
from diptych.stores.postgres.recent import RecentLog
from diptych.stores.postgres.statements import sql

_ANSWER = 30.0
"""Seconds after which no answer is a lost connection: a server that is gone without a word tells of nothing."""
_PATIENCE = 10.0
_FIRST_PAUSE, _LAST_PAUSE = 0.02, 0.5
_ENDING = 5000  # milliseconds that the server may take to end a session
_PLANNED = {
    # Plans are made once, and while tables are still empty: they must be those of a full log.
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}


async def connect_to_log(address: Address, purpose: str, **settings: str) -> Connection:
    """Open a connection whose plans suit a log."""
    return await connect(address, purpose=purpose, settings={**_PLANNED, **settings})


async def connect_reader(address: Address, known: RecentLog) -> Connection:
    """Open a connection for reading the log, which must still have what is known of it."""
    connection = await connect_to_log(address, "reader")
    try:
        await _refuse_other_past(connection, address, known)
    except BaseException:
        connection.terminate()
        raise
    return connection


class Session:
    """Hold the writing connection of a log; open it again after a loss."""

    def __init__(self, address: Address, log_id: UUID, known: RecentLog | None = None) -> None:
        self._address, self._log_id, self._log = address, log_id, known or RecentLog()
        self._connection: Connection = None
        self._statements: dict[str, Any] = {}
        self._known: tuple[int, datetime] | None = None

    async def call(self, name: str, arguments: tuple[Any, ...]) -> Any:  # Any: a row of asyncpg
        """Run a prepared statement that returns one row; raises what asyncpg raises."""
        prepared = self._statements.get(name)
        if prepared is None:
            text = sql(name, self._address.schema)
            prepared = self._statements[name] = await self._connection.prepare(text, timeout=_ANSWER)
        return await prepared.fetchrow(*arguments, timeout=_ANSWER)

    @property
    def is_lost(self) -> bool:
        """Say whether there is no connection."""
        return self._connection is None or self._connection.is_closed()

    @property
    def least(self) -> int:
        """Return where the log ended at least, by what is known here."""
        return self._log.position

    def refuse_replaced(self, head: int, least: int) -> None:
        """Raise ForeignLogError where a log was replaced under its connections; let go of this one."""
        if head < least:
            self.leave()
            raise _other_past(self._address, f"ended at position {head}, and before that at {least}")

    async def open(self) -> None:
        """Open the connection; raises what `connect` raises."""
        connection = await connect_to_log(self._address, "log")
        try:
            await refuse_unfit(connection, self._address)
            own = await connection.fetchrow(sql("own_session", self._address.schema))
            await self._refuse_swapped(connection)
        except BaseException:
            connection.terminate()
            raise
        self._connection, self._statements = connection, {}
        self._known = (own["pid"], own["backend_start"])

    async def reopen(self) -> None:
        """Open the connection again, for as long as it takes within reason; then nothing of the old one can follow.

        Raises StoreError when no server answered in time.
        """
        if self._connection is not None:
            self._connection.terminate()
        old, self._connection = self._known, None
        end, pause = time.monotonic() + _PATIENCE, _FIRST_PAUSE
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self.open()
                    await self._end(old)
            except FAILURES as failed:
                self.leave()
                self._known = old
                if isinstance(failed, ForeignLogError) or time.monotonic() + pause > end:
                    raise failed if isinstance(failed, StoreError) else StoreError(str(failed)) from failed
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE)
            else:
                return

    async def records(self, ids: list[UUID]) -> dict[UUID, Record]:
        """Return the records that exist among these command ids."""
        rows = await self._connection.fetch(sql("select_commands", self._address.schema), ids, timeout=_ANSWER)
        return {UUID(int=row[0].int): Record(UUID(int=row[0].int), *row[1:]) for row in map(tuple, rows)}

    async def settled(self, ids: list[UUID]) -> dict[UUID, Record]:
        """Return the records as `records` does, once those that exist are where every commit is acknowledged to be."""
        found = await self.records(ids)
        if found:
            await reach_standbys(self._connection)
        return found

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            await close(self._connection)

    def leave(self) -> None:
        """Let go of the connection: the next call of `reopen` makes another."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def _end(self, old: tuple[int, datetime] | None) -> None:
        """End a session; raise StoreError while it lives: it may write what nobody expects any more."""
        if old is not None:
            found = await self._connection.fetch(sql("end_session", self._address.schema), *old, _ENDING)
            if not all(ended for (ended,) in found):
                raise StoreError(f"the session {old[0]} of PostgreSQL, whose connection was lost, does not end")

    async def _refuse_swapped(self, connection: Connection) -> None:
        if await connection.fetchval(sql("select_log", self._address.schema)) != self._log_id:
            raise ForeignLogError(f"{self._address} holds another log than it did; open the application again")
        await _refuse_other_past(connection, self._address, self._log)


async def _refuse_other_past(connection: Connection, address: Address, known: RecentLog) -> None:
    """Raise ForeignLogError for a log that lacks what is known of it: what is remembered here is not so."""
    least, newest = known.position, known.newest
    head = await connection.fetchval(sql("select_head", address.schema))
    if head < least:
        raise _other_past(address, f"ends at position {head}, and ended at {least}")
    if newest and await connection.fetchval(sql("select_hash", address.schema), newest.position) != newest.hash:
        raise _other_past(address, f"has another event at position {newest.position} than was appended there")


def _other_past(address: Address, told: str) -> ForeignLogError:
    return ForeignLogError(
        f"the log in {address} {told}: it was restored, or a replica took over that lacked the rest; see what was "
        f"lost, then open the application again"
    )
