"""Poolers: whether one stands between us and the server, and whether it keeps one session for one client."""

from __future__ import annotations

import contextlib

import asyncpg

from diptych.errors import Error
from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection, close
from diptych.stores.postgres.faults import REFUSED, connecting_error

_SECONDS = 10.0
_DIRECT = "name the server itself in the URL: Diptych keeps a few connections and shares them itself"
_PID = "select pg_backend_pid()"


async def pooler(address: Address) -> Finding:
    """Look for a pooler: raises what connecting raises."""
    async with contextlib.AsyncExitStack() as stack:
        ours = await _connected(address, stack)
        other = await _connected(address, stack)
        greeted, first = ours.get_server_pid(), await _answering(ours)
        # A pooler that lends its sessions by transactions gives the other one what we have just given back.
        async with other.transaction():
            await other.fetchval(_PID)
            second = await _answering(ours)
    if first != second:
        text = f"one at {address.server} lends a session for a transaction: wake-ups and locks need their own"
        return Finding("pooler", "error", text, f"{_DIRECT}; or let it pool by sessions, and add pooler=session")
    if first == greeted:
        return Finding("pooler", "ok", f"none before {address.server}")
    if address.may_pool:
        return Finding("pooler", "ok", f"one at {address.server} keeps a session for a client, as the URL says")
    text = f"one stands between Diptych and the server, at {address.server}"
    return Finding("pooler", "error", text, f"{_DIRECT}; or add pooler=session, for it seems to pool by sessions")


async def _connected(address: Address, stack: contextlib.AsyncExitStack) -> Connection:
    try:
        # Bare, so that a pooler finds nothing to refuse.
        connection = await asyncpg.connect(address.dsn, timeout=_SECONDS, statement_cache_size=0)
    except REFUSED as wrong:
        raise connecting_error(wrong, address) from wrong
    stack.push_async_callback(close, connection)
    return connection


async def _answering(connection: Connection) -> int:
    async with connection.transaction():
        pid: int = await connection.fetchval(_PID)
        return pid


def found_by(wrong: Error) -> Finding:
    """Return the finding of a server that could not be connected to; errors say behind the semicolon what to do."""
    text, _, fix = str(wrong).partition("; ")
    return Finding("connection", "error", text, fix)
