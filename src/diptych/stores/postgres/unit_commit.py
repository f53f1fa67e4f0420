"""Committing a unit of work: rows, events and record in its one transaction, the position lock last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from diptych.errors import Error, OutcomeUnknownError, StoreError, UnitError
from diptych.ports import Append, Appended, AppendOutcome
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.appends import append_one, record_of
from diptych.stores.postgres.connection import Connection, close, connect
from diptych.stores.postgres.endings import was_committed
from diptych.stores.postgres.faults import FAILED, FAILURES, is_lost, store_error
from diptych.stores.postgres.unit_faults import driver_error, meaning
from diptych.stores.postgres.unit_statements import own

_TURN = "5s"
"""How long an append waits for the position lock, which everybody holds for the time of a commit."""
_PATIENCE = "20s"
_ANSWER = 30.0
_SEARCH, _PAUSE = 10.0, 0.1

_FAILED: tuple[type[Exception], ...] = (DBAPIError, *FAILED)


class LogBeside(NamedTuple):
    """The log in whose database units of work commit."""

    address: Address
    published: Callable[[int], None]
    """Takes the position of a last event that is on disk now."""
    append: Callable[[Append], Awaitable[AppendOutcome]]
    """Appends what comes with no row."""


async def commit(session: AsyncSession, append: Append, log: LogBeside, transaction: str | None) -> AppendOutcome:
    """Append in the transaction of a session and commit it; roll it back unless that is Appended.

    `transaction` is the one that began with the first write. Raises ContentionError, UnitError and StoreError when
    surely nothing was written, OutcomeUnknownError when nobody knows.
    """
    try:
        async with asyncio.timeout(_ANSWER):
            sealed, raw = await _sealed(session, log.address.schema)
            _refuse_unsealable(sealed, transaction)
            outcome = await append_one(raw, append, schema=log.address.schema)
            if not isinstance(outcome, Appended):
                await session.rollback()
                return outcome
    except _FAILED as wrong:
        raise _unwritten(wrong) from wrong
    await _commit(session, append, log, (raw, sealed.transaction))
    if append.events:
        log.published(outcome.last)
    return outcome


async def _sealed(session: AsyncSession, schema: str) -> tuple[sa.Row[tuple[str, ...]], Connection]:
    """Let the last part begin, by statements of SQLAlchemy: it begins a transaction no sooner than with those.

    What constraints have deferred is judged now: nobody else should wait for that, who only wants to append.
    """
    connection = await session.connection()
    await connection.execute(own("unit_check", schema))
    sealed = (await connection.execute(own("unit_seal", schema), {"turn": _TURN, "patience": _PATIENCE})).one()
    return sealed, (await connection.get_raw_connection()).driver_connection


def _refuse_unsealable(sealed: sa.Row[tuple[str, ...]], transaction: str | None) -> None:
    if sealed.isolation != "read committed":
        raise UnitError(
            f"the unit of work runs as {sealed.isolation!r}, and events are appended in READ COMMITTED only; leave the "
            "isolation level out, and lock what must not change: with_for_update(), or await work.begin()"
        )
    if transaction not in (None, sealed.transaction):
        raise UnitError("a statement ended the transaction of the unit of work: what it wrote may be half done")


async def _commit(session: AsyncSession, append: Append, log: LogBeside, begun: tuple[Connection, str]) -> None:
    raw, transaction = begun
    try:
        async with asyncio.timeout(_ANSWER):
            await session.commit()
    except _FAILED as wrong:
        driver = driver_error(wrong)
        if driver is not None and not is_lost(driver):  # a constraint that is judged at the commit
            raise _unwritten(wrong) from wrong
        raw.terminate()
        if not await _was_committed(append, log.address, transaction):
            raise StoreError(f"the connection was lost at the commit, and nothing was written: {wrong}") from wrong


async def _was_committed(append: Append, address: Address, transaction: str) -> bool:
    """Ask another connection, for as long as it takes within reason, what became of a transaction."""
    end = asyncio.get_running_loop().time() + _SEARCH
    while True:
        try:
            return await _ended(append, address, transaction)
        except FAILURES as wrong:
            if asyncio.get_running_loop().time() >= end:
                raise _unknown(append, wrong) from wrong
        await asyncio.sleep(_PAUSE)


async def _ended(append: Append, address: Address, transaction: str) -> bool:
    connection = await connect(address, purpose="unit's end")
    try:
        if not await was_committed(connection, transaction):
            return False
        # A server that took over may count transactions of its own by this number: the record is the proof.
        record = append.record
        return record is None or await record_of(connection, record.id, schema=address.schema) is not None
    finally:
        await close(connection)


def _unknown(append: Append, wrong: Exception) -> Exception:
    why = f"the connection to PostgreSQL was lost at the commit: {wrong}"
    return StoreError(f"{why}; its outcome is unknown") if append.record is None else _looked_up(append, why)


def _looked_up(append: Append, why: str) -> OutcomeUnknownError:
    assert append.record is not None  # noqa: S101 (as asked for)
    return OutcomeUnknownError(append.record.id, why)


def _unwritten(wrong: Exception) -> Error:
    meant = meaning(wrong)
    if meant is not None:
        return meant
    if isinstance(wrong, DBAPIError):
        return UnitError(f"the database refused the unit of work at the commit: {wrong.orig}")
    return store_error(wrong)
