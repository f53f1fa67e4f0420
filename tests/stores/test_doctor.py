"""What the doctor finds at a PostgreSQL server: each finding beside the state that makes it red."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg
import pytest

from diptych import Application, Subscriber
from diptych.errors import StoreError
from diptych.model.criteria import Condition
from diptych.ports import Append, NewEvent
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.connection import close, connect
from diptych.stores.postgres.doctor.connections import PER_PROCESS
from diptych.stores.postgres.doctor.housekeeping import housekeeping, wraparound
from diptych.stores.postgres.doctor.server import encryption
from diptych.stores.postgres.events import PostgresEventStore
from tests.cli.bank import AccountView, FindAccounts, GetAccount, Open, Opened, accounts, listing
from tests.clusters import NEWEST, OLDEST, Cluster, Database
from tests.poolers import Pooler
from tests.read.sales import shop
from tests.stores.doctoring import findings, login, migrated

mail = Subscriber("mail")


@mail.on
async def greet(event: Opened) -> None:
    """Do nothing: where it stands is kept all the same."""


LOOSE = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_prepared_transactions": "5",
}


class Shifted:
    """A clock that is wrong by some seconds."""

    def __init__(self, seconds: float) -> None:
        self._by = timedelta(seconds=seconds)

    def now(self) -> datetime:
        """Return a wrong time."""
        return datetime.now(UTC) + self._by

    def micros(self) -> int:
        """Return the same in microseconds."""
        return int(self.now().timestamp() * 1_000_000)

    def monotonic(self) -> float:
        """Return seconds."""
        return 0.0


@pytest.fixture(scope="module")
def loose() -> Iterator[Cluster]:
    """Give a cluster that promises nothing."""
    cluster = Cluster(OLDEST, settings=LOOSE)
    yield cluster
    cluster.remove()


async def test_a_healthy_server_has_no_warnings_but_for_its_superuser(postgres: Database) -> None:
    await migrated(postgres.url)

    found = await findings(postgres.url)

    assert {about for about, each in found.items() if each.level in ("warning", "error")} == {"rights"}
    assert found["postgresql"].text.startswith("1")
    assert found["pooler"].text.startswith("none before 127.0.0.1:")
    assert found["schema diptych"].text.startswith("up to date: audit 1, bookmarks 1, log 4")
    assert found["schema diptych_reads"].level == "ok"
    assert found["clock"].level == "ok"


async def test_no_finding_tells_the_password(postgres: Database) -> None:
    found = await findings(postgres.url)

    assert not [each for each in found.values() if "secret" in f"{each.text} {each.fix}"]


async def test_settings_that_lose_what_was_acknowledged_are_errors(loose: Cluster) -> None:
    found = (await findings(loose.database().url))["durability"]

    assert found.level == "error"
    assert found.text.startswith("not durable: fsync = off, full_page_writes = off;")
    assert "alter system set fsync = on; alter system set full_page_writes = on" in found.fix


async def test_what_the_url_accepts_as_not_durable_is_a_warning(loose: Cluster) -> None:
    found = (await findings(f"{loose.database().url}?durable=no"))["durability"]

    assert found.level == "warning"


async def test_a_database_that_answers_before_it_is_on_disk_is_found(newest_postgres: Database) -> None:
    newest_postgres.sql(f'alter database "{newest_postgres.name}" set synchronous_commit = off')

    found = (await findings(newest_postgres.url))["durability"]

    assert (found.level, "synchronous_commit = off" in found.text) == ("error", True)


async def test_servers_that_protect_nothing_are_told_apart(
    loose: Cluster, cluster_of: Callable[[str], Cluster]
) -> None:
    bare = await findings(loose.database().url)
    newest = await findings(cluster_of(NEWEST).database().url)

    assert (bare["autovacuum"].level, bare["checksums"].level, bare["backup"].level) == ("error", "note", "warning")
    assert "wal_level = minimal" in bare["backup"].text
    assert "checksums" not in newest
    assert "autovacuum" not in newest
    assert (newest["backup"].level, newest["backup"].text[:19]) == ("note", "archive_mode is off")


async def test_a_database_that_cannot_hold_every_letter_is_an_error(newest_postgres: Database) -> None:
    name = f"{newest_postgres.name}_latin"
    newest_postgres.cluster.sql(f"create database {name} encoding 'LATIN1' locale 'C' template template0")

    found = (await findings(newest_postgres.cluster.url(name)))["connection"]

    assert (found.level, "LATIN1" in found.text) == ("error", True)


@pytest.mark.parametrize(
    ("setting", "about", "level"),
    [
        ("default_transaction_read_only = on", "read only", "error"),
        ("idle_session_timeout = '1h'", "idle sessions", "warning"),
    ],
)
async def test_settings_that_do_not_suit_a_log_are_found(
    newest_postgres: Database, setting: str, about: str, level: str
) -> None:
    assert about not in await findings(newest_postgres.url)
    newest_postgres.sql(f'alter database "{newest_postgres.name}" set {setting}')

    found = (await findings(newest_postgres.url))[about]

    assert (found.level, found.fix.startswith("alter role shop set ")) == (level, True)


def test_an_unencrypted_connection_is_a_warning_where_it_leaves_the_machine() -> None:
    assert encryption("", "the local socket:5432") is None
    assert encryption("127.0.0.1", "localhost:5432") is None
    assert encryption("::1", "localhost:5432") is None

    found = encryption("192.0.2.7", "db.example:5432")

    assert found is not None
    assert (found.level, "sslmode=verify-full" in found.fix) == ("warning", True)


@pytest.mark.parametrize(("seconds", "told"), [(3600, "3600.0"), (-5, "5.0")])
async def test_a_clock_that_is_apart_from_that_of_the_server_is_found(
    newest_postgres: Database, seconds: float, told: str
) -> None:
    found = (await findings(newest_postgres.url, clock=Shifted(seconds)))["clock"]

    assert found.level == "warning"
    assert f"is {told}"[:7] in found.text or f"is {float(told) - 0.1:.1f}" in found.text
    assert ("ahead of" if seconds > 0 else "behind") in found.text
    assert "NTP" in found.fix


async def test_an_event_from_the_future_is_found_by_whatever_clock(newest_postgres: Database) -> None:
    async with PostgresEventStore(Address.of(newest_postgres.url, schema="diptych")) as store:
        event = NewEvent("x", 1, (), b"{}", b"hash")
        await store.append(Append([event], Condition(), None, b"{}", Shifted(65).micros()))
    await migrated(newest_postgres.url)

    right = (await findings(newest_postgres.url))["newest event"]
    ahead = (await findings(newest_postgres.url, clock=Shifted(65)))["newest event"]

    assert right.level == ahead.level == "warning"
    assert right.text.startswith("event 1 was recorded 6")


async def test_a_role_that_may_have_few_connections_is_warned(newest_postgres: Database) -> None:
    url = login(newest_postgres, "few", "connection limit 7")

    few = (await findings(url))["connections"]
    all_of_them = (await findings(newest_postgres.url))["connections"]

    assert (few.level, few.fix) == ("warning", "alter role ... connection limit -1")
    assert "there is room for 7" in few.text
    assert (all_of_them.level, "of 197 are taken" in all_of_them.text) == ("ok", True)


async def test_connections_of_processes_are_counted(newest_postgres: Database) -> None:
    store = PostgresEventStore(Address.of(newest_postgres.url, schema="diptych"))
    async with store:
        found = (await findings(newest_postgres.url))["connections"]

    assert "3 of them by Diptych, in which 1 processes write" in found.text


async def test_a_limit_of_the_database_counts_too(newest_postgres: Database) -> None:
    newest_postgres.sql(f'alter database "{newest_postgres.name}" connection limit 5')

    found = (await findings(newest_postgres.url))["connections"]

    assert (found.level, found.fix) == ("warning", "alter database ... connection limit -1")


@pytest.mark.parametrize(
    ("lends", "asked", "level", "told"),
    [
        ("transaction", "", "error", "lends a session for a transaction"),
        ("transaction", "?pooler=session", "error", "lends a session for a transaction"),
        ("session", "", "error", "one stands between Diptych and the server"),
        ("session", "?pooler=session", "ok", "keeps a session for a client"),
    ],
)
async def test_a_pooler_is_found_and_told_by_what_it_lends(
    newest_postgres: Database, lends: str, asked: str, level: str, told: str
) -> None:
    pooler = Pooler(newest_postgres.cluster, "transaction" if lends == "transaction" else "session")
    try:
        found = (await findings(f"{pooler.url(newest_postgres.name)}{asked}"))["pooler"]
    finally:
        pooler.remove()

    assert (found.level, told in found.text) == (level, True)


async def test_a_server_that_is_not_there_is_a_finding(loose: Cluster) -> None:
    wrong = await findings(loose.database().url.replace("secret", "guess"))
    absent = await findings("postgresql://shop@127.0.0.1:1/shop")
    misspelt = await findings(f"{loose.database().url}?shema=shop")

    assert list(wrong) == list(absent) == list(misspelt) == ["connection"]
    assert wrong["connection"].fix.startswith("correct the user or the password (in the URL, PGPASSWORD or ~/.pgpass)")
    assert "shema" in misspelt["connection"].text
    assert misspelt["connection"].fix.startswith("correct the parameter of the URL: ours are schema, replica")
    assert absent["connection"].text.startswith("no PostgreSQL answers at 127.0.0.1:1")


async def test_certificates_that_are_not_there_are_no_server_that_is_away(newest_postgres: Database) -> None:
    found = await findings(f"{newest_postgres.url}?sslmode=verify-full&sslrootcert=/no/such/file.pem")

    assert found["connection"].text.endswith("cannot be connected to: [Errno 2] No such file or directory")
    assert "sslrootcert" in found["connection"].fix


async def test_a_server_that_fails_the_first_question_is_a_finding(newest_postgres: Database) -> None:
    url = login(newest_postgres, "hurried")
    newest_postgres.sql("create schema late")
    newest_postgres.sql(
        "create function late.pg_backend_pid() returns integer language plpgsql as "
        "$$ begin raise 'canceling statement due to statement timeout' using errcode = 'query_canceled'; end $$"
    )
    newest_postgres.sql("grant usage on schema late to public")
    newest_postgres.sql(f"alter role hurried_{newest_postgres.name} set search_path = late, pg_catalog")

    found = await findings(url)

    assert list(found) == ["connection"]
    assert found["connection"].text == "PostgreSQL failed: canceling statement due to statement timeout"
    with pytest.raises(StoreError, match="canceling statement due to statement timeout"):
        await connect(Address.of(url, schema="diptych"), purpose="test")


async def test_tables_that_are_not_there_are_due_or_out_of_reach(postgres: Database) -> None:
    url = login(postgres, "guest")

    owner, guest = await findings(postgres.url), await findings(url)

    assert (owner["schema diptych"].level, owner["schema diptych"].text) == ("warning", "its tables are not there yet")
    assert guest["schema diptych"].level == guest["schema diptych_reads"].level == "error"
    assert guest["schema diptych"].text.endswith("and this role may not make them")


@pytest.mark.parametrize(
    ("component", "level", "told"),
    [
        ("log", "warning", "4 migrations are due: log/0001_log, "),
        ("audit", "note", "1 migrations are due: audit/0001_audit; they are made when they are first used"),
    ],
)
async def test_a_migration_that_is_due_is_named(
    newest_postgres: Database, component: str, level: str, told: str
) -> None:
    await migrated(newest_postgres.url)
    newest_postgres.sql(f"delete from diptych.migrations where component = '{component}'")  # noqa: S608 (of this test)

    found = (await findings(newest_postgres.url))["schema diptych"]

    assert (found.level, found.text[: len(told)]) == (level, told)
    assert found.fix.startswith("diptych log migrate URL")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("insert into diptych.migrations values ('log', 99, 'later', 'x')", "log/0099_later, made by a newer Diptych"),
        (
            "update diptych.migrations set checksum = 'x' where number = 2",
            "the migration log/0002_append of",
        ),
    ],
)
async def test_a_schema_that_this_code_does_not_know_is_an_error(
    newest_postgres: Database, change: str, told: str
) -> None:
    await migrated(newest_postgres.url)
    newest_postgres.sql(change)

    found = (await findings(newest_postgres.url))["schema diptych"]

    assert (found.level, told in found.text, bool(found.fix)) == ("error", True, True)


async def test_a_switched_off_trigger_is_an_error(newest_postgres: Database) -> None:
    await migrated(newest_postgres.url)
    newest_postgres.sql("alter table diptych.events disable trigger refuse_change")

    found = (await findings(newest_postgres.url))["trigger events"]

    assert (found.level, found.fix) == ("error", "alter table diptych.events enable trigger refuse_change")


async def test_a_transaction_that_was_prepared_and_forgotten_is_found(loose: Cluster) -> None:
    database = loose.database()
    database.sql("begin; create table t (x integer); prepare transaction 'forgotten'")
    address = Address.of(database.url, schema="diptych")
    connection = await connect(address, purpose="test")
    try:
        found = {each.about: each for each in await housekeeping(connection, address, old=0)}
        young = {each.about for each in await housekeeping(connection, address)}
    finally:
        await close(connection)
        database.sql("rollback prepared 'forgotten'")

    assert "forgotten" in found["prepared transactions"].text
    assert "prepared transactions" not in young


async def test_a_session_that_sits_in_a_transaction_is_found(newest_postgres: Database) -> None:
    address = Address.of(newest_postgres.url, schema="diptych")
    connection, other = await connect(address, purpose="test"), await asyncpg.connect(newest_postgres.url)
    try:
        await other.execute("begin; select 1")
        found = {each.about: each for each in await housekeeping(connection, address, old=0)}
    finally:
        await other.close()
        await close(connection)

    assert str(other.get_server_pid()) in found["long transactions"].text


def test_a_vacuum_that_does_not_keep_up_is_found() -> None:
    assert not list(wraparound(200_000_001, 200_000_000))
    assert [each.level for each in wraparound(400_000_001, 200_000_000)] == ["warning"]


async def test_a_server_that_nobody_follows_and_one_whose_standby_nobody_waits_for_are_notes() -> None:
    primary = Cluster(OLDEST)
    follower: Cluster | None = None
    try:
        database = primary.database()
        alone = (await findings(database.url))["replication"]
        follower = primary.replica()
        primary.sql("select pg_create_physical_replication_slot('idle', true)")
        followed = await findings(f"{database.url}?replica=127.0.0.1:{follower.port}")
        there = await findings(follower.url(database.name))
        either = database.url.replace("@", f"@127.0.0.1:{follower.port},") + "?target_session_attrs=read-write"
        found_among_two = await findings(either)
        primary.sql("alter system set synchronous_standby_names = 'ANY 1 (*)'")
        primary.sql("select pg_reload_conf()")
        await _until(primary, "select count(*) from pg_stat_replication where sync_state = 'quorum'", "1")
        waited_for = (await findings(database.url))["replication"]
        follower.stop()
        await _until(primary, "select count(*) from pg_stat_replication", "0")
        missed = await findings(f"{database.url}?replica=127.0.0.1:{follower.port}")
    finally:
        for each in (follower, primary):
            if each is not None:
                each.remove()

    assert (alone.level, alone.text[:14]) == ("note", "nobody follows")
    assert followed["replication"].text.startswith("1 follow, and no commit waits")
    assert (followed["slots"].level, "idle" in followed["slots"].text) == ("warning", True)
    assert followed[f"replica 127.0.0.1:{follower.port}"].level == "ok"
    assert found_among_two["postgresql"].text.endswith(f"127.0.0.1:{primary.port}, database {database.name}")
    assert found_among_two["replication"].level == "note"
    assert (there["replication"].level, "is a standby" in there["replication"].text) == ("error", True)
    assert (waited_for.level, waited_for.text) == ("ok", "1 follow, 1 of them synchronously")
    assert (missed["replication"].level, "every commit waits" in missed["replication"].text) == ("error", True)
    assert missed[f"replica 127.0.0.1:{follower.port}"].level == "error"


async def test_a_replica_that_follows_nobody_is_an_error(newest_postgres: Database) -> None:
    found = await findings(f"{newest_postgres.url}?replica=127.0.0.1:{newest_postgres.cluster.port}")

    assert "follows nobody" in found[f"replica 127.0.0.1:{newest_postgres.cluster.port}"].text


async def _until(cluster: Cluster, query: str, wanted: str) -> None:
    for _ in range(400):
        if cluster.sql(query) == wanted:
            return
    raise AssertionError(f"{query} never gave {wanted}")


async def test_a_busy_process_takes_no_more_connections_than_doctors_reckon_with(newest_postgres: Database) -> None:
    async with Application(accounts, listing, mail, events=newest_postgres.url) as app:

        async def customer(number: int) -> None:
            name = f"A{number}"
            paid = await app.send(Open(name, "Ada"))
            await app.send(Open(name, "Eve"))  # refused, and noted
            await app.ask(GetAccount(name), after=paid)
            await app.ask(FindAccounts(), after=paid)
            await app.ask(GetAccount(name), as_of=paid.position)

        await asyncio.gather(*(customer(number) for number in range(60)))
        await app.reacted()
        found = (await findings(newest_postgres.url))["connections"].text

    ours = int(found.split(" of them by Diptych, in which 1 processes write")[0].rsplit(" ", 1)[1])
    assert 8 < ours <= PER_PROCESS, found


async def test_a_table_of_a_read_model_that_is_gone_or_left_over_is_found(newest_postgres: Database) -> None:
    async with Application(accounts, listing, events=newest_postgres.url) as app:
        await app.ask(GetAccount("A1"), after=await app.send(Open("A1", "Ada")))
    whole = await findings(newest_postgres.url)
    newest_postgres.sql("create table diptych_reads.account_view__g9 (x integer)")
    newest_postgres.sql("drop table diptych_reads.account_view__g1 cascade")

    found = await findings(newest_postgres.url)

    assert whole["generations"].text == "each of 1 read models has the table of its generation"
    assert (found["generations"].level, "account_view" in found["generations"].text) == ("error", True)
    assert (found["generations left"].level, "__g9" in found["generations left"].text) == ("note", True)


async def test_read_models_that_another_role_made_are_named_until_the_migration_hands_them_over(
    newest_postgres: Database,
) -> None:
    url, reading = login(newest_postgres, "app"), login(newest_postgres, "reader")
    role, reader = f"app_{newest_postgres.name}", f"reader_{newest_postgres.name}"
    await migrated(newest_postgres.url, application=role, queries=reader)
    async with Application(accounts, listing, events=newest_postgres.url) as app:  # once, as the owner
        await app.ask(GetAccount("A1"), after=await app.send(Open("A1", "Ada")))
    before, unread = await findings(url), await findings(reading, whose="queries")
    await migrated(newest_postgres.url, application=role, queries=reader)
    after, read = await findings(url), await findings(reading, whose="queries")

    assert before["rights to read models"].level == unread["rights to read models"].level == "error"
    assert before["rights to read models"].text.startswith(f"role {role} may not fold what another role made in schema")
    assert "account_view, account_view__g1" in before["rights to read models"].text
    assert before["rights to read models"].fix == f"diptych log migrate URL --grant {role}, with the owner's URL"
    assert f"--read-only {reader}" in unread["rights to read models"].fix
    assert "rights to read models" not in {**after, **read}


async def test_a_role_that_may_make_no_temporary_table_is_told_that_it_cannot_refresh_views(
    newest_postgres: Database,
) -> None:
    url, role = login(newest_postgres, "app"), f"app_{newest_postgres.name}"
    await migrated(newest_postgres.url, application=role)
    newest_postgres.sql(f'revoke temporary on database "{newest_postgres.name}" from public')
    without = await findings(url)
    newest_postgres.sql("insert into diptych_reads.diptych_view values ('v', 0, 0, '', gen_random_uuid(), 0, 0, 0, 1)")
    kept = await findings(url)
    newest_postgres.sql(str(kept["rights to refresh"].fix))
    granted = await findings(url)

    assert (kept["rights to refresh"].level, role in kept["rights to refresh"].text) == ("error", True)
    assert "rights to refresh" not in {**without, **granted}


async def test_a_materialised_view_is_no_table_of_a_generation_and_is_missed_where_it_is_gone(
    newest_postgres: Database,
) -> None:
    async with shop(newest_postgres.url) as app:
        for _ in range(2):
            await app.refresh("sales_by_day")
        whole = await findings(newest_postgres.url)
        newest_postgres.sql("drop materialized view diptych_reads.sales_by_day")
        dropped = await findings(newest_postgres.url)
        await app.refresh("sales_by_day")
    mended = await findings(newest_postgres.url)

    assert (whole["generations"].level, "views" in whole) == ("ok", False)
    assert ("generations" in dropped, dropped["views"].level) == (False, "error")
    assert dropped["views"].fix == "make them anew: diptych views refresh sales_by_day"
    assert "views" not in mended


async def test_an_application_runs_behind_a_pooler_that_pools_by_sessions(newest_postgres: Database) -> None:
    newest_postgres.sql(f'alter database "{newest_postgres.name}" set default_transaction_isolation = serializable')
    pooler = Pooler(newest_postgres.cluster, "session")
    try:
        url = f"{pooler.url(newest_postgres.name)}?pooler=session"
        async with Application(accounts, listing, mail, events=url) as app:
            opened = await app.send(Open("A1", "Ada"))
            await app.reacted()
            found = await app.ask(GetAccount("A1"), after=opened)
    finally:
        pooler.remove()

    assert found == AccountView("A1", "Ada", Decimal(0))
