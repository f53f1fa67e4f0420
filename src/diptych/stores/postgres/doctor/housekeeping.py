"""Housekeeping: what keeps the server from tidying up, long before it refuses to write."""

from __future__ import annotations

from collections.abc import Iterator

from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

_OLD = 300.0
_LATE = 2  # times the age at which the server freezes by itself


async def housekeeping(connection: Connection, address: Address, *, old: float = _OLD) -> list[Finding]:
    """Look for transactions that are open for more than `old` seconds, and for a vacuum that does not keep up."""
    asked = await connection.fetchrow(sql("doctor_housekeeping", address.schema), old)
    return [*_open(asked["prepared"], asked["long"]), *wraparound(asked["age"], asked["freezes_at"])]


def _open(prepared: list[str], long: list[int]) -> Iterator[Finding]:
    if prepared:
        text = f"transactions were prepared and forgotten: {', '.join(prepared)}; nothing they could see is tidied up"
        yield Finding("prepared transactions", "warning", text, f"rollback prepared '{prepared[0]}', or commit it")
    if long:
        text = f"sessions are in one transaction for long: {', '.join(map(str, long))}; read models grow meanwhile"
        fix = f"end what they do, or select pg_terminate_backend({long[0]})"
        yield Finding("long transactions", "warning", text, fix)


def wraparound(age: int, freezes_at: int) -> Iterator[Finding]:
    """Say when vacuum is late: at 2,000,000,000 transactions the server stops writing."""
    if age > _LATE * freezes_at:
        text = f"the oldest transaction is {age:,} back, and freezing began at {freezes_at:,}: vacuum does not keep up"
        yield Finding("vacuum", "warning", text, "end what stops it (see above), then vacuum (freeze, verbose)")
