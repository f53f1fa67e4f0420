"""What `doctor` is told of a log in PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.migrations import applied_of
from diptych.stores.postgres.statements import sql

_DURABLE = ("fsync", "full_page_writes", "synchronous_commit")


async def described(connection: Connection, address: Address, log_id: UUID) -> dict[str, object]:
    """Return the store as JSON-able values; `types` lists stored name, version and how many there are of each."""
    settings = {name: await connection.fetchval(f"show {name}") for name in (*_DURABLE, "server_version")}
    applied = await applied_of(connection, address)
    return {
        "store": "postgresql",
        "durable": "off" not in [settings[name] for name in _DURABLE],
        "server": address.server,
        "database": address.database,
        "schema": address.schema,
        "schema_version": max((number for component, number in applied if component == "log"), default=0),
        "log_id": str(log_id),
        "events": await connection.fetchval(sql("select_head", address.schema)),
        "records": await _records(connection, address.schema),
        "types": [tuple(row) for row in await connection.fetch(sql("count_types", address.schema))],
        **settings,
    }


async def _records(connection: Connection, schema: str) -> int | None:
    """Return how many there are; None for a role that may not know."""
    if not await connection.fetchval("select has_table_privilege($1, 'SELECT')", f"{schema}.commands"):
        return None
    count: int = await connection.fetchval(sql("count_commands", schema))
    return count
