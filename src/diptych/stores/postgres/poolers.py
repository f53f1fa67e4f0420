"""Poolers: whether one between us and the server keeps a session for one client, or lends it for a transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import asyncpg

from diptych.errors import SettingsError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.faults import REFUSED, connecting_error, starved

_SECONDS = 10.0
_PID = "select pg_backend_pid()"


async def refuse_lending(address: Address) -> None:
    """Raise SettingsError where the URL says that a pooler keeps sessions, and it does not; else ask nobody."""
    if not address.may_pool:
        return
    async with contextlib.AsyncExitStack() as stack:
        ours, other = await bare(address, stack), await bare(address, stack)
        async with lent(address):
            lends = await is_lending(ours, other)
    if lends:
        raise SettingsError(
            f"the pooler between Diptych and PostgreSQL at {address.server} lends a session for a transaction, and the "
            f"URL says pooler=session; wake-ups, locks and prepared statements need a session of their own: name the "
            f"server, or let it pool by sessions"
        )


async def bare(address: Address, stack: contextlib.AsyncExitStack) -> Connection:
    """Return a connection in which a pooler finds nothing to refuse; raises what connecting raises."""
    try:
        connection = await asyncpg.connect(address.dsn, timeout=_SECONDS, statement_cache_size=0)
    except REFUSED as wrong:
        raise connecting_error(wrong, address) from wrong
    stack.push_async_callback(close, connection)
    return connection


@contextlib.asynccontextmanager
async def lent(address: Address) -> AsyncIterator[None]:
    """Raise StoreError where a pooler has no session for us: what is asked first waits for one, maybe for minutes."""
    try:
        async with asyncio.timeout(_SECONDS):
            yield
    except TimeoutError as wrong:
        raise starved(address) from wrong


async def answering(connection: Connection) -> int:
    """Return the process of the server that answers now."""
    async with connection.transaction():
        pid: int = await connection.fetchval(_PID)
        return pid


async def is_lending(ours: Connection, other: Connection) -> bool:
    """Say whether the other connection is given the session that ours has just given back."""
    first = await answering(ours)
    async with other.transaction():
        await other.fetchval(_PID)
        return first != await answering(ours)
