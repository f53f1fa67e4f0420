"""Poolers: whether one stands between us and the server, and whether it keeps one session for one client."""

from __future__ import annotations

import contextlib

from diptych.errors import Error
from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.poolers import answering, bare, is_lending, lent

_DIRECT = "name the server itself in the URL: Diptych keeps a few connections and shares them itself"


async def pooler(address: Address) -> Finding:
    """Look for a pooler: raises what connecting raises."""
    async with contextlib.AsyncExitStack() as stack:
        ours, other = await bare(address, stack), await bare(address, stack)
        async with lent(address):
            greeted, first = ours.get_server_pid(), await answering(ours)
            lends = await is_lending(ours, other)
    if lends:
        text = f"one at {address.server} lends a session for a transaction: wake-ups and locks need their own"
        return Finding("pooler", "error", text, f"{_DIRECT}; or let it pool by sessions, and add pooler=session")
    if first == greeted:
        return Finding("pooler", "ok", f"none before {address.server}")
    if address.may_pool:
        return Finding("pooler", "ok", f"one at {address.server} keeps a session for a client, as the URL says")
    text = f"one stands between Diptych and the server, at {address.server}"
    return Finding("pooler", "error", text, f"{_DIRECT}; or add pooler=session, for it seems to pool by sessions")


def found_by(wrong: Error) -> Finding:
    """Return the finding of a server that could not be connected to; errors say behind the semicolon what to do."""
    text, _, fix = str(wrong).partition("; ")
    return Finding("connection", "error", text, fix)
