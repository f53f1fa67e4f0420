"""How transactions ended whose connection was lost at the commit: the server knows, and is asked by another one."""

from __future__ import annotations

import asyncio

from diptych.errors import StoreError
from diptych.stores.postgres.address import LOG_SCHEMA
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

_LOOK = 0.02
_PATIENCE = 10.0


async def transaction_id(connection: Connection) -> str:
    """Return the id of the transaction that is open on a connection; made for it if it has none yet."""
    found: str = await connection.fetchval(_sql("transaction_id"))
    return found


async def was_committed(connection: Connection, transaction: str) -> bool:
    """Return what became of a transaction of somebody else, as soon as it has ended; nothing of one that crashed.

    Raises StoreError while it goes on for too long, and for one that is too old to be known; as `reach_standbys`.
    """
    end = asyncio.get_running_loop().time() + _PATIENCE
    while (status := await connection.fetchval(_sql("transaction_status"), transaction)) == "in progress":
        if asyncio.get_running_loop().time() >= end:
            raise StoreError(f"a transaction whose connection was lost goes on for more than {_PATIENCE:g} s")
        await asyncio.sleep(_LOOK)
    if status is None:
        raise StoreError(f"PostgreSQL does not know any more what became of transaction {transaction}")
    if status != "committed":
        return False
    await reach_standbys(connection)
    return True


async def reach_standbys(connection: Connection) -> None:
    """Return once all that is committed is on the standbys that commits wait for; raise StoreError while it is not.

    A session that ends while it waits for them leaves what it committed for all to see, on its own server alone.
    """
    try:
        await connection.execute(_sql("reach_standbys"), timeout=_PATIENCE)
    except TimeoutError as wrong:
        raise StoreError(f"it is committed, and after {_PATIENCE:g} s on no standby that commits wait for") from wrong


def _sql(name: str) -> str:
    return sql(name, LOG_SCHEMA)  # it names nothing of any schema
