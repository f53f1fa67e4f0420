"""Connections to one PostgreSQL: opened alike everywhere, looked at once, and closed without waiting for anybody."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

from diptych.errors import NotDurableError, SettingsError
from diptych.stores.forks import FORKS
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.faults import (
    FAILED,
    REFUSED,
    connecting_error,
    is_lost,
    pooled,
    starved,
    store_error,
)
from diptych.stores.postgres.silence import notice

Connection = Any  # asyncpg.Connection, which has no annotations

OLDEST = 15
_SECONDS = 10.0
_CLOSING = 2.0
_STATEMENTS = 256
_SETTINGS: Mapping[str, str] = {
    "jit": "off",
    "timezone": "UTC",
    "default_transaction_isolation": "read committed",  # a role's or a database's own would keep us from appending
}
_SET = "select set_config(name, value, false) from unnest($1::text[], $2::text[]) as s (name, value)"
_log = logging.getLogger("diptych")


_is_closed: Callable[[Connection], bool] = asyncpg.Connection.is_closed


class OwnConnection(asyncpg.Connection):  # type: ignore[misc]  # of asyncpg, which has no annotations
    """Be closed in a forked child: whatever it said, and be it goodbye, would go out on the socket of its parent."""

    __slots__ = ("_forks",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._forks = FORKS.count

    def is_closed(self) -> bool:
        """Say whether nothing can be said on it."""
        return self._forks != FORKS.count or _is_closed(self)  # asked three times a statement: `super()` takes longer

    def terminate(self) -> None:
        """End it at once; in a child do nothing, for its parent would never hear of that socket again."""
        if self._forks == FORKS.count:
            super().terminate()


async def connect(address: Address, *, purpose: str, settings: Mapping[str, str] | None = None) -> Connection:
    """Open a connection for the running loop; `purpose` is how the server's own views call it.

    Raises SettingsError for what the URL has wrong, StoreError for a server that is not there or refuses.
    """
    ours = {**_SETTINGS, **(settings or {})}
    connection = await _opened(
        address, {"application_name": f"diptych {purpose}", **({} if address.may_pool else ours)}
    )
    try:
        _refuse_encoding(connection, address)
        await _refuse_pooler(connection, address)
        if address.may_pool:  # poolers refuse settings at the start that they do not know
            await connection.fetch(_SET, list(ours), list(ours.values()), timeout=_SECONDS)
    except BaseException as wrong:
        connection.terminate()
        if isinstance(wrong, TimeoutError):
            raise starved(address) from wrong
        if isinstance(wrong, FAILED) and not is_lost(wrong):  # who hears of a loss may try once more
            raise store_error(wrong) from wrong
        raise
    return connection


async def _opened(address: Address, settings: Mapping[str, str]) -> Connection:
    try:
        connection = await asyncpg.connect(
            address.dsn,
            connection_class=OwnConnection,
            timeout=_SECONDS,
            statement_cache_size=_STATEMENTS,
            max_cached_statement_lifetime=0,  # for as long as the connection
            max_cacheable_statement_size=0,  # however long: a save of many read models is
            server_settings=settings,
        )
    except REFUSED as wrong:
        raise connecting_error(wrong, address) from wrong
    notice(connection)
    return connection


async def close(connection: Connection) -> None:
    """Close a connection, soon, whatever it is doing."""
    if connection.is_closed():
        return
    try:
        await connection.close(timeout=_CLOSING)
    except BaseException as wrong:
        connection.terminate()
        if not isinstance(wrong, Exception):
            raise


async def refuse_unfit(connection: Connection, address: Address) -> None:
    """Raise unless the server is one that we know, and one whose acknowledgement means: on disk."""
    found = dict(
        await connection.fetch(
            "select name, setting from pg_settings where name in "
            "('server_version_num', 'fsync', 'full_page_writes', 'synchronous_commit')"
        )
    )
    if int(found["server_version_num"]) < OLDEST * 10_000:
        version = await connection.fetchval("show server_version")
        raise SettingsError(f"PostgreSQL at {address.server} is version {version}; wanted {OLDEST} or newer")
    loose = [f"{name} = off" for name in ("fsync", "full_page_writes", "synchronous_commit") if found[name] == "off"]
    if loose and address.must_last:
        raise NotDurableError(
            f"PostgreSQL at {address.server} would acknowledge what is not on disk: {', '.join(loose)}; set it to on, "
            f"or say that you accept it with durable=no in the URL"
        )
    if loose:
        _log.warning("PostgreSQL at %s is NOT DURABLE: %s", address.server, ", ".join(loose))


def _refuse_encoding(connection: Connection, address: Address) -> None:
    """Refuse a database that cannot keep every text."""
    encoding = getattr(connection.get_settings(), "server_encoding", "UTF8")  # a pooler may not pass it on
    if encoding != "UTF8":
        raise SettingsError(
            f"the database {address.database!r} of PostgreSQL at {address.server} has the encoding {encoding}; wanted "
            f"UTF8: create database ... encoding 'UTF8' template template0"
        )


async def _refuse_pooler(connection: Connection, address: Address) -> None:
    """Refuse a pooler: the process that answers is not the one that greeted us."""
    if address.may_pool:
        return
    answering = await connection.fetchval("select pg_backend_pid()")
    if answering != connection.get_server_pid():
        raise pooled(address, "another process answers than the one that was connected to")
