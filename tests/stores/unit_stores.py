"""The stores that have units of work, as their tests ask for them, and what is committed there."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa

from diptych.ports import Appended, Unit
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.unit import Hold
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending
from tests.clusters import NEWEST, Cluster
from tests.stores.ledger import Account

ClusterOf = Callable[[str], Cluster]
UnitStore = SqliteEventStore | PostgresEventStore
LONG = 30.0
HOMES = ("sqlite", NEWEST)


@asynccontextmanager
async def opened(
    home: str, tables: Sequence[sa.MetaData], folder: Path, cluster_of: ClusterOf
) -> AsyncIterator[UnitStore]:
    """Open a store of its own with these tables: in a file, or in a PostgreSQL of that version."""
    store: UnitStore
    if home == "sqlite":
        store = SqliteEventStore(folder / "log.db")
        store.declare(tables)
        async with store:
            yield store
        return
    with cluster_of(home).lent() as database:
        store = PostgresEventStore(Address.of(database.url, schema="diptych"))
        store.declare(tables)
        async with store:
            yield store


async def rows(
    store: UnitStore, statement: str = "select id, owner, balance from accounts order by id"
) -> list[tuple[Any, ...]]:
    """Return what is committed, as another connection sees it."""
    if isinstance(store, SqliteEventStore):
        with contextlib.closing(sqlite3.connect(store._path)) as other:
            return other.execute(statement).fetchall()
    connection = await asyncpg.connect(store._address.dsn)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


def holds(unit: Unit) -> bool:
    """Say whether a unit holds what others may wait for."""
    hold = getattr(unit, "_hold", Hold.NOTHING)
    return getattr(unit, "_turn", None) is not None or hold is not Hold.NOTHING


async def open_account(store: UnitStore, number: int = 1, **values: Any) -> None:
    """Write an account by a unit of its own."""
    async with store.unit(limit=LONG) as unit:
        unit.session.add(Account(id=number, owner=f"owner {number}", **values))
        assert isinstance(await unit.append(appending()), Appended)


async def set_balance(store: UnitStore, balance: int, number: int = 1) -> None:
    """Write the balance of an account by a unit of its own."""
    async with store.unit(limit=LONG) as unit:
        await unit.session.execute(sa.update(Account).where(Account.id == number).values(balance=balance))
        await unit.append(appending())
