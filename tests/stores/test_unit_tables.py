"""Tables of units of work: made where they are missing, and refused at start where they cannot stand beside the log."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from diptych.errors import WiringError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event
from tests.clusters import Database


class Nonsense(sa.types.UserDefinedType[str]):
    """A type that no database knows."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "nonsense"


def tables(*columns: sa.Column[object], name: str = "shelves", schema: str | None = None) -> sa.MetaData:
    made = sa.MetaData()
    sa.Table(name, made, *(columns or (sa.Column("id", sa.Integer, primary_key=True),)), schema=schema)
    return made


async def opened(path: Path, *metadata: sa.MetaData) -> list[str]:
    store = SqliteEventStore(path)
    store.declare(metadata)
    async with store:
        pass
    with contextlib.closing(sqlite3.connect(path)) as other:
        return [name for (name,) in other.execute("select name from sqlite_master where name like 'shel%'")]


def altered(path: Path, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute(statement)


async def test_tables_are_made_once(tmp_path: Path) -> None:
    declared = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String))

    first, second = await opened(tmp_path / "log.db", declared), await opened(tmp_path / "log.db", declared)

    assert first == second == ["shelves"]


async def test_tables_are_made_in_a_log_that_holds_events(tmp_path: Path) -> None:
    async with SqliteEventStore(tmp_path / "log.db") as store:
        await store.append(appending(event()))

    assert await opened(tmp_path / "log.db", tables()) == ["shelves"]


@pytest.mark.parametrize(
    "name", ["events", "Tags", "commands", "log", "types", "event_tags", "sqlite_own", "diptych_x"]
)
def test_a_name_of_the_logs_own_tables_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(WiringError, match=f"table '{name}' has a name that the log in the same file uses itself"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(name=name)])


def test_two_tables_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="two modules declare a table 'shelves'"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(), tables()])


def test_a_table_in_a_schema_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WiringError, match="lies in a schema"):
        SqliteEventStore(tmp_path / "log.db").declare([tables(schema="other")])


async def test_a_table_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    await opened(tmp_path / "log.db", tables())
    wider = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String))

    with pytest.raises(WiringError, match=r"table 'shelves' exists .* it lacks code"):
        await opened(tmp_path / "log.db", wider)


async def test_a_table_with_a_further_column_that_must_be_filled_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await opened(
        path, tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String, nullable=False))
    )

    with pytest.raises(WiringError, match="needs values for code"):
        await opened(path, tables())


async def test_a_table_with_a_further_column_that_may_stay_empty_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    await opened(path, tables())
    altered(path, "alter table shelves add column code text")

    assert await opened(path, tables()) == ["shelves"]


def test_a_missing_extra_is_named_at_start(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['aiosqlite'] = None\n"
        "from pathlib import Path\n"
        "from diptych.stores.sqlite.events import SqliteEventStore\n"
        f"SqliteEventStore(Path({str(tmp_path / 'log.db')!r})).declare([])\n"
    )

    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=50
    ).stderr

    assert "units of work need the extra `sql`" in said
    assert "pip install 'diptych[sql]'" in said


async def opened_in(database: Database, *metadata: sa.MetaData, role: str = "") -> str:
    url = database.cluster.url(database.name, user=role) if role else database.url
    store = PostgresEventStore(Address.of(url, schema="diptych"))
    store.declare(metadata)
    async with store:
        pass
    return database.sql("select schemaname || '.' || tablename from pg_tables where tablename like 'shel%' order by 1")


async def test_tables_are_made_once_in_the_schema_of_the_user(postgres: Database) -> None:
    declared = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String))

    assert await opened_in(postgres, declared) == await opened_in(postgres, declared) == "public.shelves"


async def test_processes_that_start_at_once_make_the_tables_once(postgres: Database) -> None:
    found = await asyncio.gather(*[opened_in(postgres, tables()) for _ in range(5)])

    assert set(found) == {"public.shelves"}


async def test_a_name_that_the_log_uses_is_free_in_another_schema(postgres: Database) -> None:
    await opened_in(postgres, tables(name="events"), tables(name="commands"))

    assert postgres.sql("select count(*) from public.events, public.commands") == "0"


async def test_a_table_may_lie_in_a_schema_of_the_user(postgres: Database) -> None:
    with pytest.raises(WiringError, match="make the schema before the start"):
        await opened_in(postgres, tables(schema="sales"))
    postgres.sql("create schema sales")

    assert await opened_in(postgres, tables(schema="sales"), tables()) == "public.shelves\nsales.shelves"


@pytest.mark.parametrize("schema", ["diptych", "diptych_reads"])
def test_a_table_in_a_schema_of_diptych_is_refused(schema: str) -> None:
    store = PostgresEventStore(Address.of("postgresql://shop@db/shop", schema="diptych"))

    with pytest.raises(WiringError, match=f"lies in schema {schema}, which is Diptych's own"):
        store.declare([tables(schema=schema)])


def test_two_tables_of_one_name_are_refused_in_postgresql() -> None:
    store = PostgresEventStore(Address.of("postgresql://shop@db/shop", schema="diptych"))

    with pytest.raises(WiringError, match="two modules declare a table 'shelves'"):
        store.declare([tables(), tables()])


async def test_a_table_of_postgresql_with_other_columns_is_refused(postgres: Database) -> None:
    await opened_in(postgres, tables())
    wider = tables(sa.Column("id", sa.Integer, primary_key=True), sa.Column("code", sa.String, nullable=False))

    with pytest.raises(WiringError, match=r"table 'shelves' exists in the database with other .* it lacks code"):
        await opened_in(postgres, wider)
    postgres.sql("alter table shelves add code text not null")
    with pytest.raises(WiringError, match="needs values for code"):
        await opened_in(postgres, tables())


async def test_a_further_column_that_the_server_fills_is_taken(postgres: Database) -> None:
    await opened_in(postgres, tables())
    postgres.sql("alter table shelves add made timestamptz not null default now()")
    postgres.sql("alter table shelves add number bigint not null generated always as identity")

    assert await opened_in(postgres, tables()) == "public.shelves"


async def test_a_table_that_cannot_be_made_takes_the_others_with_it(postgres: Database) -> None:
    with pytest.raises(DBAPIError):
        await opened_in(postgres, tables(), tables(sa.Column("id", Nonsense()), name="shells"))

    assert await opened_in(postgres) == ""


async def test_a_search_path_that_begins_with_the_log_is_refused(postgres: Database) -> None:
    await opened_in(postgres)
    postgres.sql(f'alter database "{postgres.name}" set search_path = diptych')

    with pytest.raises(WiringError, match="would be made in schema diptych, which is the log's"):
        await opened_in(postgres, tables())


async def test_a_role_that_may_make_no_tables_is_told_so_and_may_use_those_that_are_there(postgres: Database) -> None:
    role = f"clerk_{postgres.name}"
    await opened_in(postgres)
    postgres.sql(f"create role {role} login password 'a secret'")
    for kind in ("tables", "functions", "sequences"):
        postgres.sql(f"grant all on all {kind} in schema diptych to {role}")
    postgres.sql(f"grant usage on schema diptych to {role}")

    with pytest.raises(WiringError, match=r"are missing, and role .* may not make them: .*; wanted: shelves"):
        await opened_in(postgres, tables(), role=role)
    postgres.sql("create table shelves (id integer primary key)")
    assert await opened_in(postgres, tables(), role=role) == "public.shelves"

    postgres.sql(f"drop owned by {role}")
    postgres.sql(f"drop role {role}")
