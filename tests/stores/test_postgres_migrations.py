"""Migrations go forward, once, under a lock; what is unknown or changed is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from diptych.errors import SettingsError, StoreError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import close, connect
from diptych.stores.postgres.migrations import due, migrate, migrations_of
from tests.clusters import Database

COMPONENTS = ("log",)


@pytest.fixture
async def connection(newest_postgres: Database) -> AsyncIterator[Any]:
    opened = await connect(address_of(newest_postgres), purpose="test")
    yield opened
    await close(opened)


def address_of(database: Database) -> Address:
    return Address.of(database.url, schema="diptych")


async def test_what_is_applied_is_not_due_any_more(connection: Any, newest_postgres: Database) -> None:
    address = address_of(newest_postgres)
    before = await due(connection, address, COMPONENTS)

    await migrate(connection, address, COMPONENTS)

    assert before == list(migrations_of("log"))
    assert await due(connection, address, COMPONENTS) == []


async def test_eight_that_migrate_at_once_apply_each_once(newest_postgres: Database) -> None:
    address = address_of(newest_postgres)
    connections = [await connect(address, purpose="test") for _ in range(8)]

    await asyncio.gather(*(migrate(each, address, COMPONENTS) for each in connections))

    assert newest_postgres.sql("select count(*) from diptych.migrations") == str(len(list(migrations_of("log"))))
    for each in connections:
        await close(each)


async def test_two_schemas_of_one_database_are_two_logs(connection: Any, newest_postgres: Database) -> None:
    one, other = address_of(newest_postgres), Address.of(f"{newest_postgres.url}?schema=other", schema="diptych")

    await migrate(connection, one, COMPONENTS)
    await migrate(connection, other, COMPONENTS)

    ids = newest_postgres.sql("select log_id from diptych.log union select log_id from other.log")
    assert len(ids.splitlines()) == 2
    assert "diptych." not in newest_postgres.sql(
        "select prosrc from pg_proc where pronamespace = 'other'::regnamespace"
    )


async def test_a_schema_of_a_newer_diptych_is_refused(connection: Any, newest_postgres: Database) -> None:
    address = address_of(newest_postgres)
    await migrate(connection, address, COMPONENTS)
    newest_postgres.sql("insert into diptych.migrations values ('log', 9999, 'later', 'x')")

    with pytest.raises(StoreError, match=r"log/9999_later, made by a newer Diptych"):
        await migrate(connection, address, COMPONENTS)


async def test_a_migration_that_was_changed_is_refused(connection: Any, newest_postgres: Database) -> None:
    address = address_of(newest_postgres)
    await migrate(connection, address, COMPONENTS)
    newest_postgres.sql("update diptych.migrations set checksum = 'other' where number = 1")

    with pytest.raises(StoreError, match=r"log/0001_log of schema diptych is not the one"):
        await migrate(connection, address, COMPONENTS)


async def test_a_role_that_may_make_nothing_is_told_who_must(newest_postgres: Database) -> None:
    newest_postgres.sql("create role clerk login password 'x'")
    url = newest_postgres.cluster.url(newest_postgres.name, user="clerk", password="x")  # noqa: S106 (of a test)
    address = Address.of(url, schema="diptych")
    connection = await connect(address, purpose="test")

    with pytest.raises(SettingsError, match=r"'clerk' may not make them .*run `diptych log migrate`"):
        await migrate(connection, address, COMPONENTS)

    await close(connection)
    newest_postgres.sql("drop role clerk")


async def test_a_role_whose_schema_somebody_else_made_needs_no_right_to_make_schemas(newest_postgres: Database) -> None:
    newest_postgres.sql("create role tenant login password 'x'")
    newest_postgres.sql("create schema diptych authorization tenant")
    url = newest_postgres.cluster.url(newest_postgres.name, user="tenant", password="x")  # noqa: S106 (of a test)
    address = Address.of(url, schema="diptych")
    connection = await connect(address, purpose="test")

    await migrate(connection, address, COMPONENTS)

    assert await due(connection, address, COMPONENTS) == []
    await close(connection)
    newest_postgres.sql("drop schema diptych cascade")
    newest_postgres.sql("drop role tenant")


async def test_nobody_changes_what_happened_not_even_a_superuser(connection: Any, newest_postgres: Database) -> None:
    await migrate(connection, address_of(newest_postgres), COMPONENTS)

    for statement in (
        "update diptych.events set version = 2",
        "delete from diptych.commands",
        "truncate diptych.events",
    ):
        with pytest.raises(Exception, match="the log is only ever appended to"):
            await connection.execute(statement)
