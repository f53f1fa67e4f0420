"""Appending one append on a connection, in the transaction that is open there or in one of its own."""

from __future__ import annotations

from typing import Any

from diptych.errors import OutcomeUnknownError, StoreError
from diptych.ports import Append, AppendOutcome, Conflicted, Record, Recorded
from diptych.stores.postgres.batch import appended, one_arguments
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.endings import reach_standbys
from diptych.stores.postgres.statements import sql


async def append_one(connection: Connection, append: Append, *, schema: str) -> AppendOutcome:
    """Take the position lock, judge the condition under it, and write events and record; return the outcome.

    In a transaction of the caller the lock is held to its end: append last, and commit at once.
    """
    fresh = tuple(dict.fromkeys(event.name for event in append.events))
    row = await connection.fetchrow(sql("append_one", schema), *one_arguments(append, fresh))
    head, recorded_at, is_taken, conflict = row
    if is_taken:
        return Recorded(await taken(connection, append, schema=schema))
    return Conflicted(conflict) if conflict else appended(append, head, recorded_at)


async def taken(connection: Connection, append: Append, *, schema: str) -> Record:
    """Return the record that has the command id of an append."""
    assert append.record is not None  # noqa: S101 (only an id can be taken)
    found = await record_of(connection, append.record.id, schema=schema)
    if found is None:
        raise StoreError(f"the record of command {append.record.id} was there and is gone")
    return found


async def record_of(connection: Connection, command_id: Any, *, schema: str) -> Record | None:
    """Return the record of a command id, or None."""
    row = await connection.fetchrow(sql("select_command", schema), command_id)
    return None if row is None else Record(command_id, *row)


async def settled(connection: Connection, command_id: Any, *, schema: str) -> Record | None:
    """Return the record of a command id, once it is where every commit is acknowledged to be; or None.

    Raises OutcomeUnknownError while it is not there.
    """
    found = await record_of(connection, command_id, schema=schema)
    if found is not None:
        try:
            await reach_standbys(connection)
        except StoreError as wrong:
            raise OutcomeUnknownError(command_id, str(wrong)) from wrong
    return found
