"""Connections: how many the server lets this role have, how many are taken, and how many a process needs."""

from __future__ import annotations

from collections.abc import Mapping

from diptych.ports import Finding
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

PER_PROCESS = 24
"""Connections that one process takes at most, without its units of work."""


async def connections(connection: Connection, address: Address) -> Finding:
    """Say for how many more processes of this application there is room."""
    asked = await connection.fetchrow(sql("doctor_connections", address.schema))
    room, narrow = _room(asked)
    text = (
        f"{asked['used']} of {asked['most']} are taken, {asked['ours']} of them by Diptych, in which "
        f"{asked['processes']} processes write; there is room for {room}, and a process takes up to {PER_PROCESS}"
    )
    if room < PER_PROCESS:
        return Finding("connections", "warning", text, narrow)
    return Finding("connections", "ok", text)


def _room(asked: Mapping[str, int | None]) -> tuple[int, str]:
    """Return how many connections are left for this role, and what would make more."""
    rooms = [(_left(asked["most"], asked["used"]), "raise max_connections, and restart the server")]
    if asked["most_of_database"] is not None:
        left = _left(asked["most_of_database"], asked["used_of_database"])
        rooms.append((left, "alter database ... connection limit -1"))
    if asked["most_of_role"] is not None:
        rooms.append((_left(asked["most_of_role"], asked["used_of_role"]), "alter role ... connection limit -1"))
    return min(rooms)


def _left(most: int | None, used: int | None) -> int:
    return max(0, (most or 0) - (used or 0))
