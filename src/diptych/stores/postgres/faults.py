"""What the errors of asyncpg mean for those who append, read and start."""

from __future__ import annotations

from typing import Any

import asyncpg

from diptych.errors import ConnectionLostError, CorruptionError, Error, SettingsError, StorageFullError, StoreError
from diptych.stores.postgres.address import Address

LOST: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what was said last was never read to its end
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    ConnectionError,
    OSError,
    TimeoutError,
)
"""Errors that mean: the connection is gone, and with it the answer to what was sent."""

FAILED: tuple[type[Exception], ...] = (asyncpg.PostgresError, *LOST)
"""Every error of a statement or a connection."""

FAILURES: tuple[type[Exception], ...] = (Error, *FAILED)
"""Every error of our own functions that use a connection: some of them have made it one of ours."""

OF_ALL: tuple[type[Exception], ...] = (
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InsufficientPrivilegeError,
)
"""Errors that are not about what was sent: whatever is sent now meets them."""

REFUSED: tuple[type[Exception], ...] = (*FAILED, ValueError)
"""Every error of connecting: ValueError is what asyncpg makes of a URL."""


def is_lost(wrong: BaseException) -> bool:
    """Say whether a connection is gone, or cannot be trusted any more; one that was asked for nonsense is neither."""
    return isinstance(wrong, LOST) and not (isinstance(wrong, asyncpg.InterfaceError) and isinstance(wrong, ValueError))


def is_demoted(wrong: BaseException) -> bool:
    """Say whether the server only reads, as one does that was the primary until a failover."""
    return isinstance(wrong, asyncpg.ReadOnlySQLTransactionError)


def broke_first(wrong: BaseException) -> BaseException:
    """Return what broke first: the block of a transaction raises again at its end, since there it cannot roll back."""
    before = wrong.__context__
    while isinstance(wrong, asyncpg.InterfaceError) and before is not None and wrong.__cause__ is None:
        wrong, before = before, before.__context__
    return wrong


def store_error(wrong: Exception) -> StoreError:
    """Return the error of a statement that surely had no effect."""
    match wrong:
        case StoreError():
            return wrong
        case asyncpg.DiskFullError():
            return StorageFullError("the disk of PostgreSQL is full: nothing was written; free space and go on")
        case asyncpg.DataCorruptedError() | asyncpg.IndexCorruptedError():
            return CorruptionError(f"PostgreSQL finds its files damaged: {wrong}; restore a backup")
        case asyncpg.ReadOnlySQLTransactionError():
            return StoreError(f"this PostgreSQL only reads ({wrong}): it is a replica; name the primary in the URL")
        case asyncpg.InsufficientPrivilegeError():
            return StoreError(f"the role may not do this: {wrong}; grant it the right, see `diptych doctor`")
        case _ if is_lost(wrong):
            return ConnectionLostError(f"the connection to PostgreSQL was lost: {_lost(broke_first(wrong))}")
        case _:
            return StoreError(f"PostgreSQL failed: {_told(wrong)}")


def connecting_error(wrong: Exception, address: Address) -> Error:
    """Return the error of a connection that could not be made, with what to do."""
    place = f"{address.server} (database {address.database!r})"
    match wrong:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return SettingsError(
                f"PostgreSQL at {place} does not let {address.user!r} in: {_told(wrong)}; correct the user or the "
                f"password (in the URL, PGPASSWORD or ~/.pgpass), or pg_hba.conf of the server"
            )
        case asyncpg.InvalidCatalogNameError():
            return SettingsError(f"PostgreSQL at {place}: {_told(wrong)}; create it, or name another in the URL")
        case asyncpg.TooManyConnectionsError():
            return StoreError(f"PostgreSQL at {place} has no connection left: {_told(wrong)}; raise max_connections")
        case asyncpg.ProtocolViolationError() | asyncpg.FeatureNotSupportedError():
            return pooled(address, _told(wrong))
        case asyncpg.UndefinedObjectError():
            return _misspelt(place, wrong)
        case FileNotFoundError():
            return _without_files(place, wrong)
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | ValueError():
            return StoreError(f"PostgreSQL at {place} refuses the connection: {_told(wrong)}")
        case _:
            return StoreError(f"no PostgreSQL answers at {place}: {_told(wrong)}; start it, or correct the URL")


def _misspelt(place: str, wrong: Exception) -> SettingsError:
    return SettingsError(
        f"PostgreSQL at {place} refuses the connection: {_told(wrong)}; correct the parameter of the URL: ours are "
        f"schema, replica, durable and pooler, beside settings of the server and what asyncpg knows of libpq's: not "
        f"connect_timeout, keepalives or channel_binding"
    )


def _without_files(place: str, wrong: Exception) -> StoreError:
    return StoreError(
        f"PostgreSQL at {place} cannot be connected to: {_told(wrong)}; name files that are there by sslrootcert, "
        f"sslcert and sslkey, and the folder of a socket by host, and start it"
    )


def pooled(address: Address, told: str) -> SettingsError:
    """Return the error of a pooler between us and the server."""
    return SettingsError(
        f"there is a pooler between Diptych and PostgreSQL at {address.server} ({told}); Diptych keeps a few "
        f"connections and shares them itself: name the server, or, for a pooler in session mode, add pooler=session to "
        f"the URL"
    )


def starved(address: Address) -> StoreError:
    """Return the error of a pooler that lets us wait for a session."""
    return StoreError(
        f"the pooler between Diptych and PostgreSQL at {address.server} gave no session in time: it reaches no server, "
        f"or has none left; then let it keep more (default_pool_size): a process takes up to 24, and its units of work"
    )


def _lost(wrong: BaseException) -> str:
    if any(isinstance(each, asyncpg.IdleInTransactionSessionTimeoutError) for each in (wrong, wrong.__cause__)):
        return (
            "this process stood still in the middle of a transaction for longer than the server waits "
            "(idle_in_transaction_session_timeout); nothing of it was saved, and the next try goes on by itself; where "
            "it happens again and again, give the process more of a processor, or find what stops it"
        )
    return _told(wrong)


def _told(wrong: Any) -> str:
    return str(wrong) or type(wrong).__name__
