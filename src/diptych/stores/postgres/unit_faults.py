"""What the errors of a unit's statements mean for those who sent the command."""

from __future__ import annotations

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError

from diptych.errors import ContentionError, Error, StaleRowError, StoreError, UnitError
from diptych.stores.postgres.faults import FAILED, is_lost, store_error

CONTENDED: tuple[type[Exception], ...] = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
)
"""Errors that mean: others were in the way, and nothing was written."""


def driver_error(wrong: BaseException) -> Exception | None:
    """Return the error of asyncpg that an error is, or came of."""
    if isinstance(wrong, FAILED):
        return wrong
    if isinstance(wrong, DBAPIError) and wrong.orig is not None:
        found = wrong.orig.__cause__
        return found if isinstance(found, Exception) else None
    return None


def meaning(wrong: BaseException) -> Error | None:
    """Return what an error of a unit's statement means, if that is anything but a bug of the statement."""
    if isinstance(wrong, StaleDataError):  # of a version_id_col
        return StaleRowError(str(wrong))
    if isinstance(wrong, PoolTimeoutError):
        return StoreError(f"too many units of work at once, none of their connections came free: {wrong}")
    driver = driver_error(wrong)
    if isinstance(driver, asyncpg.InFailedSQLTransactionError):
        return UnitError(
            "a statement of the unit of work failed before, and PostgreSQL takes nothing more in its transaction; let "
            "the error out, or write what may fail within `async with work.session.begin_nested()`"
        )
    if isinstance(driver, CONTENDED):
        return ContentionError(f"the database ended the unit of work because of others beside it: {driver}")
    return store_error(driver) if driver is not None and is_lost(driver) else None
