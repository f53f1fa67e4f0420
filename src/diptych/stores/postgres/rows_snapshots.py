"""Snapshots: several reads that see one state of the rows, and no table that came into its place meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from diptych.errors import StoreError
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.statements import sql

T = TypeVar("T")
_TRIES = 10


async def on_snapshot(connection: Connection, schema: str, texts: Sequence[str], read: Callable[[], Awaitable[T]]) -> T:
    """Read in a transaction that sees what was committed when it began; `texts` name the read models in it.

    PostgreSQL looks names up as they are now: a table that was made after the snapshot is found by its name, and none
    of its rows is seen. So what was read beside the swap of a generation is read again.
    """
    for _ in range(_TRIES):
        before = await _generations(connection, schema, texts)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await read()
        if await _generations(connection, schema, texts) == before:
            return found
    raise StoreError(f"the read models changed places {_TRIES} times while they were read; ask again")


async def _generations(connection: Connection, schema: str, texts: Sequence[str]) -> Mapping[str, int]:
    found = await connection.fetch(sql("rows_models", schema))
    return {name: generation for name, generation, _ in found if any(name in text for text in texts)}
