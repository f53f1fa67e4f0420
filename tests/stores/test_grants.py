"""Roles: an application runs with what it was granted and cannot change the past; a query role can only read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Never

import asyncpg
import pytest
import sqlalchemy as sa

from diptych import Application, Command, Decider, Module, Snapshots, Subscriber, UnitOfWork, WiringError
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.components import components, house_of_log, house_of_reads
from diptych.stores.postgres.connection import Connection, close, connect
from tests.cli.bank import Balance, FindAccounts, GetAccount, Open, Opened, PayIn, accounts, decide, evolve, listing
from tests.clusters import Database
from tests.read.sales import Completed, ListDays, SalesByDay, shop
from tests.read.shop import record
from tests.stores.doctoring import findings, login, migrated

MONDAY = date(2026, 1, 5)
mail = Subscriber("mail")
LOG = ("events", "event_tags", "commands", "log", "types", "copied")


@mail.on
async def greet(event: Opened) -> None:
    """React to nothing in particular."""


tables = sa.MetaData()
notes = sa.Table("notes", tables, sa.Column("text", sa.Text, primary_key=True))
keeping = Module("keeping", tables=tables)


@dataclass(frozen=True)
class Keep(Command[None]):
    """Keep a text in a table of the user's own."""

    text: str


@keeping.command
async def keep(command: Keep, work: UnitOfWork[Never]) -> None:
    """Write a row."""
    await work.session.execute(notes.insert().values(text=command.text))


class Roles:
    """The URLs of an application's role and of a query role."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.app, self.queries = login(database, "app"), login(database, "queries")

    async def granted(self) -> None:
        """Give both what they need."""
        name = self.database.name
        await migrated(self.database.url, application=f"app_{name}", queries=f"queries_{name}")


@pytest.fixture
async def roles(newest_postgres: Database) -> Roles:
    """Make both roles, and grant."""
    made = Roles(newest_postgres)
    await made.granted()
    return made


@pytest.fixture
async def worked(roles: Roles) -> Roles:
    """Let an application of the application's role do everything that it does."""
    async with Application(accounts, listing, mail, events=roles.app) as app:
        await app.send(Open("A1", "Ada"), principal="ada")
        paid = await app.send(PayIn("A1", Decimal(5)))
        assert (await app.send(Open("A1", "Eve"))).is_failure  # into the audit trail
        assert (await app.ask(GetAccount("A1"), after=paid)).amount == 5
        await app.reacted()
    return roles


def test_every_component_says_who_needs_what_on_each_of_its_tables(newest_postgres: Database) -> None:
    """Otherwise a table that is added tomorrow is one that nobody may use."""
    houses = [each(Address.of(newest_postgres.url, schema="x")) for each in (house_of_log, house_of_reads)]

    assert sorted(name for house in houses for name in house.components) == list(components())


async def test_every_table_is_one_that_an_application_may_read(roles: Roles) -> None:
    tables = roles.database.sql(
        "select string_agg(format('%I.%I', schemaname, tablename), ',') from pg_tables "
        "where schemaname in ('diptych', 'diptych_reads')"
    )
    connection = await asyncpg.connect(roles.app)
    try:
        for table in tables.split(","):
            await connection.fetch(f"select * from {table} limit 1")  # noqa: S608 (names of the catalog)
    finally:
        await connection.close()


async def test_an_application_runs_with_the_rights_of_its_role(worked: Roles) -> None:
    found = await findings(worked.app)

    assert found["rights"].text.endswith("can neither change nor delete what happened")
    assert worked.database.sql("select count(*) from diptych.events") == "2"
    assert worked.database.sql("select count(*) from diptych.attempts") == "1"
    # The second event is none of the subscriber's: that it is past that one may be stored a little later, or never.
    assert worked.database.sql("select position from diptych.bookmarks") in ("1", "2")


async def test_functions_that_the_public_may_not_call_are_granted(newest_postgres: Database) -> None:
    newest_postgres.sql("alter default privileges revoke execute on functions from public")
    roles = Roles(newest_postgres)
    await roles.granted()

    async with Application(accounts, listing, events=roles.app) as app:
        await asyncio.gather(*[app.send(Open(f"A{number}", "Ada")) for number in range(3)])
        (await app.send(PayIn("A1", Decimal(5)))).unwrap()


async def test_eight_deploys_that_grant_at_once_all_end_well(newest_postgres: Database) -> None:
    url, app, queries = newest_postgres.url, f"app_{newest_postgres.name}", f"queries_{newest_postgres.name}"
    login(newest_postgres, "app"), login(newest_postgres, "queries")
    await migrated(url)

    await asyncio.gather(*(migrated(url, application=app, queries=queries) for _ in range(8)))

    found = await findings(newest_postgres.cluster.url(newest_postgres.name, user=app))
    assert found["rights"].level == "ok"


async def test_an_application_cannot_change_the_past(worked: Roles) -> None:
    connection = await asyncpg.connect(worked.app)
    try:
        for table in ("events", "event_tags", "commands"):
            for statement in (
                "update diptych.{} set position = 9",
                "delete from diptych.{}",
                "truncate diptych.{}",
                "drop table diptych.{}",
                "alter table diptych.{} disable trigger refuse_change",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement.format(table))
    finally:
        await connection.close()


async def test_a_query_process_answers_with_a_role_that_only_reads(worked: Roles) -> None:
    async with Application(accounts, listing, mail, events=worked.queries, only="queries") as app:
        now = await app.ask(GetAccount("A1"), after=2)
        then = await app.ask(GetAccount("A1"), as_of=1)
        page = await app.ask(FindAccounts())

    assert (now.amount, then.amount, page.total) == (5, 0, 1)


@pytest.fixture
async def reading(worked: Roles) -> AsyncIterator[Connection]:
    """Give a connection of the query role."""
    connection = await connect(Address.of(worked.queries, schema="diptych"), purpose="test")
    yield connection
    await close(connection)


async def test_a_query_role_can_write_nowhere(reading: Connection) -> None:
    tables = await reading.fetch(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('diptych', 'diptych_reads')"
    )

    for (table,) in tables:
        for statement in ("insert into {} default values", "delete from {}", "truncate {}"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reading.execute(statement.format(table))
    for schema in ("diptych", "diptych_reads"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reading.execute(f"create table {schema}.mine (x integer)")


async def test_a_query_role_does_not_see_what_commands_were_answered(reading: Connection) -> None:
    for table in ("commands", "attempts", "snapshots"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reading.fetch(f"select * from diptych.{table}")  # noqa: S608 (names of this test)


async def test_read_models_that_come_later_can_be_read_too(worked: Roles) -> None:
    worked.database.sql("drop schema diptych_reads cascade")
    await worked.granted()
    async with Application(accounts, listing, mail, events=worked.app) as app:
        await app.caught_up()

    async with Application(accounts, listing, mail, events=worked.queries, only="queries") as app:
        assert (await app.ask(GetAccount("A1"))).amount == 5


async def test_read_models_that_an_owner_made_are_handed_over(postgres: Database) -> None:
    async with Application(accounts, listing, events=postgres.url) as app:
        await app.ask(GetAccount("A1"), after=await app.send(Open("A1", "Ada")))
    roles = Roles(postgres)
    await roles.granted()
    postgres.sql("update diptych_reads.diptych_checkpoint set version = 0")  # as if the code had changed

    async with Application(accounts, listing, events=roles.app) as app:
        await app.caught_up()
        await app.send(Open("A2", "Bob"))
        await app.caught_up()
    async with Application(accounts, listing, events=roles.queries, only="queries") as app:
        assert (await app.ask(FindAccounts(), after=2)).total == 2


async def test_rights_that_nobody_needs_are_taken_away(roles: Roles) -> None:
    name = roles.database.name
    roles.database.sql(f"grant update, delete on diptych.events to app_{name}")
    roles.database.sql(f"grant insert on diptych.events to queries_{name}")
    assert (await findings(roles.app))["rights"].level == "error"

    await roles.granted()

    assert (await findings(roles.app))["rights"].level == "ok"
    assert roles.database.sql(f"select has_table_privilege('queries_{name}', 'diptych.events', 'INSERT')") == "f"


async def test_an_owner_that_is_no_superuser_is_told_truly_that_it_could_change_the_past(
    newest_postgres: Database,
) -> None:
    owner = login(newest_postgres, "owner")
    newest_postgres.sql(f"grant create on database {newest_postgres.name} to owner_{newest_postgres.name}")
    await migrated(owner)

    found = (await findings(owner))["rights"]

    assert (found.level, "could give itself the right again" in found.text) == ("note", True)
    connection = await asyncpg.connect(owner)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("delete from diptych.events")
    finally:
        await connection.close()


async def test_a_role_without_rights_is_told_what_to_do(worked: Roles) -> None:
    guest = login(worked.database, "guest")

    found = await findings(guest)

    assert found["schema diptych"].level == found["schema diptych_reads"].level == "error"
    assert "diptych log migrate URL --grant ROLE" in found["schema diptych"].fix


async def test_views_that_another_role_made_are_handed_over_and_read(newest_postgres: Database) -> None:
    async with shop(newest_postgres.url) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert (await app.ask(ListDays(), after=1)).total == 1
    roles = Roles(newest_postgres)

    await roles.granted()

    async with shop(roles.app) as app:
        await record(app.store, Completed(2, MONDAY, Decimal(4)))
        await app.caught_up()
        assert (await app.refresh("sales_by_day")).position == 2
    async with shop(roles.queries, only="queries") as app:
        assert (await app.ask(ListDays())).items == (SalesByDay(MONDAY, 2, Decimal(7)),)


async def test_states_are_saved_and_found_with_the_rights_of_an_application(roles: Roles) -> None:
    saving = Module("saving")
    saving.decider(Decider(decide, evolve, initial=Balance, snapshots=Snapshots(every=2)))
    for _ in range(2):  # the second finds what the first one saved
        async with Application(saving, events=roles.app) as app:
            await app.send(Open("A1", "Ada"))
            await app.send(PayIn("A1", Decimal(5), times=3))

    assert roles.database.sql("select count(*) from diptych.snapshots") == "1"


async def test_units_of_work_run_with_the_rights_of_an_application_where_its_tables_are(roles: Roles) -> None:
    with pytest.raises(WiringError, match=r"tables of units of work are missing, .* may not make them"):
        async with Application(keeping, events=roles.app):
            pass
    roles.database.sql("create table notes (text text primary key)")
    roles.database.sql(f"grant select, insert on notes to app_{roles.database.name}")
    async with Application(keeping, events=roles.app) as app:
        assert (await app.send(Keep("milk"))).is_success

    assert roles.database.sql("select text from notes") == "milk"
