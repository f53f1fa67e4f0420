"""What is wrong with a PostgreSQL, at the start or later: it is told with what to do, nothing is lost, work goes on."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from msgspec.structs import replace

from diptych.errors import (
    Error,
    NotDurableError,
    OutcomeUnknownError,
    SettingsError,
    StorageFullError,
    StoreError,
)
from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended
from diptych.stores.postgres import connection, poolers
from diptych.stores.postgres import events as event_stores
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.urls import event_store, followed_log, followed_rows, row_store
from diptych.testing.contract.material import appending, event, everything, record
from tests.clusters import NEWEST, Cluster, Database
from tests.poolers import Pooler

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120)]

T = TypeVar("T")
ROLE = "clerk"
SOON = 3.0
MEGABYTE = 1 << 20


def opened(url: str) -> PostgresEventStore:
    return PostgresEventStore(Address.of(url, schema="diptych"))


async def told_at_start(url: str) -> Error:
    """Return what opening raises."""
    with pytest.raises(Error) as wrong:
        async with opened(url):
            pass
    return wrong.value


async def migrated(database: Database) -> None:
    async with opened(database.url) as store:
        await store.append(command())


def command() -> Append:
    return appending(event("made", "thing:1"), record=record(version=7))


async def resumed(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer; everything before is an error of the store, and no other."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await ask()
            except (StoreError, OutcomeUnknownError):
                await asyncio.sleep(0.01)
    raise AssertionError


async def until_told(ask: Callable[[], Awaitable[object]]) -> Error:
    """Ask until an error of the store is told; return it."""
    for _ in range(2000):
        try:
            await ask()
        except (StoreError, OutcomeUnknownError) as told:
            return told
    raise AssertionError("nothing went wrong")


@pytest.fixture(scope="module")
def guarded() -> Iterator[Cluster]:
    """Give a server that asks for passwords, and that may be stopped."""
    cluster = Cluster(NEWEST)
    yield cluster
    cluster.remove()


async def test_a_wrong_password_is_told_without_it(guarded: Cluster) -> None:
    wrong = await told_at_start(guarded.url("postgres", password="guessed"))  # noqa: S106 (a wrong one)

    assert isinstance(wrong, SettingsError)
    assert "correct the user or the password" in str(wrong)
    assert "guessed" not in str(wrong)


@pytest.mark.parametrize("place", ["127.0.0.1:1", "nowhere.invalid:5432"])
async def test_a_server_that_is_not_there_is_told_with_its_place(place: str) -> None:
    wrong = await told_at_start(f"postgresql://shop:secret@{place}/shop")

    assert isinstance(wrong, StoreError)
    assert f"no PostgreSQL answers at {place}" in str(wrong)
    assert "secret" not in str(wrong)


async def test_a_database_that_is_not_there_is_told(guarded: Cluster) -> None:
    wrong = await told_at_start(guarded.url("missing"))

    assert isinstance(wrong, SettingsError)
    assert '"missing" does not exist; create it' in str(wrong)


def test_a_missing_extra_is_told_and_other_stores_work_without_it(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['asyncpg'] = None\n"
        "from diptych.errors import SettingsError\n"
        "from diptych.stores.urls import event_store\n"
        f"event_store('sqlite:///{tmp_path}/log.db')\n"
        "try:\n    event_store('postgresql://shop@db/shop')\n"
        "except SettingsError as wrong:\n    print(wrong)\n"
    )

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert "pip install 'diptych[postgres]'" in done.stdout, done.stderr


async def test_a_role_that_may_not_make_the_tables_is_told_who_may(newest_postgres: Database) -> None:
    wrong = await told_at_start(as_clerk(newest_postgres))

    assert isinstance(wrong, SettingsError)
    assert "run `diptych log migrate` once with a role that may" in str(wrong)


@pytest.mark.parametrize(
    "rights",
    [
        (),
        ("usage on schema diptych",),
        ("usage on schema diptych", "select on diptych.migrations"),
    ],
    ids=lambda rights: str(len(rights)),
)
async def test_a_role_that_may_not_read_is_told(newest_postgres: Database, rights: tuple[str, ...]) -> None:
    await migrated(newest_postgres)

    wrong = await told_at_start(as_clerk(newest_postgres, *rights))

    assert isinstance(wrong, SettingsError | StoreError)
    assert "permission denied" in str(wrong)


async def test_an_error_of_the_driver_that_is_told_as_it_is_is_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrated(newest_postgres)
    monkeypatch.setattr(event_stores, "store_error", lambda wrong: wrong)  # the planted bug

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await told_at_start(as_clerk(newest_postgres, "usage on schema diptych", "select on diptych.migrations"))


async def test_a_role_that_may_only_read_reads_and_is_told_at_its_first_append(newest_postgres: Database) -> None:
    await migrated(newest_postgres)

    async with opened(
        as_clerk(newest_postgres, "usage on schema diptych", "select on all tables in schema diptych")
    ) as store:
        assert len((await store.read(Criteria.all())).events) == 1
        with pytest.raises(StoreError, match="grant it the right"):
            await store.append(command())
        newest_postgres.sql(f"grant insert on all tables in schema diptych to {ROLE}")
        await store.append(command())
        assert await store.head() == 2


def as_clerk(database: Database, *rights: str) -> str:
    """Return the URL of a role that has these rights and no other."""
    database.sql(
        f"do $$ begin create role {ROLE} login password 'a secret'; exception when duplicate_object then end $$"
    )
    for each in rights:
        database.sql(f"grant {each} to {ROLE}")
    return database.cluster.url(database.name, user=ROLE)


async def test_a_schema_of_a_newer_diptych_is_refused(newest_postgres: Database) -> None:
    await migrated(newest_postgres)
    newest_postgres.sql("insert into diptych.migrations values ('log', 9999, 'future', 'x')")

    wrong = await told_at_start(newest_postgres.url)

    assert isinstance(wrong, StoreError)
    assert "log/9999_future, made by a newer Diptych" in str(wrong)


async def test_a_migration_that_was_changed_is_refused(newest_postgres: Database) -> None:
    await migrated(newest_postgres)
    newest_postgres.sql("update diptych.migrations set checksum = 'changed' where number = 1 and component = 'log'")

    wrong = await told_at_start(newest_postgres.url)

    assert isinstance(wrong, StoreError)
    assert "log/0001_log" in str(wrong)
    assert "not the one that this Diptych knows" in str(wrong)


async def test_a_server_that_is_too_old_is_refused(postgres: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "OLDEST", 19)

    wrong = await told_at_start(postgres.url)

    assert isinstance(wrong, SettingsError)
    assert "wanted 19 or newer" in str(wrong)


async def test_a_server_that_is_not_durable_is_refused_unless_the_url_accepts_it(newest_postgres: Database) -> None:
    newest_postgres.sql(f'alter database "{newest_postgres.name}" set synchronous_commit = off')

    wrong = await told_at_start(newest_postgres.url)
    async with opened(f"{newest_postgres.url}?durable=no") as store:
        await store.append(command())

    assert isinstance(wrong, NotDurableError)
    assert "synchronous_commit = off" in str(wrong)
    assert "durable=no" in str(wrong)


async def test_a_database_whose_transactions_are_serializable_takes_appends(postgres: Database) -> None:
    postgres.sql(f"alter database \"{postgres.name}\" set default_transaction_isolation = 'serializable'")

    async with opened(postgres.url) as store:
        await store.append(command())
        assert await store.head() == 1


@pytest.mark.parametrize(
    "odd",
    [appending(event(version=1 << 40)), replace(command(), record=replace(record(), actor="a\x00"))],
    ids=["a version that is no integer of PostgreSQL", "a text that is none of PostgreSQL"],
)
async def test_an_append_that_cannot_be_stored_is_refused_alone(newest_postgres: Database, odd: Append) -> None:
    async with opened(newest_postgres.url) as store:
        appends = [command() for _ in range(10)] + [odd] + [command() for _ in range(10)]
        async with asyncio.timeout(10):
            told = await asyncio.gather(*map(store.append, appends), return_exceptions=True)

    assert [type(each) for each in told] == [Appended] * 10 + [StoreError] + [Appended] * 10


BREAK = """
create function diptych.break_off() returns trigger language plpgsql as $$
begin
    perform pg_terminate_backend(pg_backend_pid()) where new.data = '"broken"'::bytea;
    return new;
end
$$;
create trigger break_off before insert on diptych.events for each row execute function diptych.break_off()
"""


async def test_an_append_that_breaks_its_connection_each_time_is_refused_alone(newest_postgres: Database) -> None:
    async with opened(newest_postgres.url) as store:
        newest_postgres.sql(BREAK)
        odd = appending(event(data=b'"broken"'), record=record())
        appends = [command() for _ in range(10)] + [odd] + [command() for _ in range(10)]

        told = await asyncio.gather(*map(store.append, appends), return_exceptions=True)

    assert [type(each) for each in told] == [Appended] * 10 + [StoreError] + [Appended] * 10


async def test_appends_that_meet_the_lock_timeout_of_a_role_are_told_together(newest_postgres: Database) -> None:
    newest_postgres.sql(f"alter database \"{newest_postgres.name}\" set lock_timeout = '200ms'")
    async with opened(newest_postgres.url) as store:
        holding = await asyncpg.connect(newest_postgres.url)
        await holding.execute("begin; select diptych.take_position()")
        started = time.monotonic()
        told = await asyncio.gather(*[store.append(command()) for _ in range(50)], return_exceptions=True)
        took = time.monotonic() - started
        await holding.close()
        await store.append(command())

    assert {type(each) for each in told} == {StoreError}
    assert took < SOON


async def test_a_pooler_that_lends_sessions_for_transactions_is_refused(guarded: Cluster) -> None:
    database, pooler = guarded.database(), Pooler(guarded, "transaction")
    try:
        wrong = await told_at_start(pooler.url(database.name))
    finally:
        pooler.remove()

    assert isinstance(wrong, SettingsError)
    assert "there is a pooler between Diptych and PostgreSQL" in str(wrong)


@pytest.mark.parametrize("store", [event_store, followed_log, row_store, followed_rows])
async def test_a_pooler_that_lends_sessions_although_the_url_says_that_it_keeps_them_is_refused_at_start(
    guarded: Cluster, store: Callable[[str], Any]
) -> None:
    database, pooler = guarded.database(), Pooler(guarded, "transaction")
    try:
        with pytest.raises(SettingsError, match="lends a session for a transaction, and the URL says pooler=session"):
            async with store(f"{pooler.url(database.name)}?pooler=session"):
                pass
    finally:
        pooler.remove()


@pytest.mark.parametrize("most", [1, 2], ids=["before it is known how it pools", "after that"])
async def test_a_pooler_that_has_no_session_left_is_told_at_start(
    guarded: Cluster, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    for module in (connection, poolers):
        monkeypatch.setattr(module, "_SECONDS", 1.0)
    database, pooler = guarded.database(), Pooler(guarded, "session", most=most)
    try:
        async with asyncio.timeout(30):
            with pytest.raises(StoreError, match="gave no session in time"):
                async with event_store(f"{pooler.url(database.name)}?pooler=session"):
                    pass
    finally:
        pooler.remove()


async def test_behind_a_pooler_that_lends_whole_sessions_a_lost_one_is_ended_before_it_is_looked_up(
    guarded: Cluster,
) -> None:
    database, pooler = guarded.database(), Pooler(guarded, "session")
    try:
        async with opened(f"{pooler.url(database.name)}?pooler=session") as store:
            await store.append(command())
            session = store._writing()._session
            assert session._known is not None
            pid, _ = session._known
            session._connection.terminate()
            await store.append(command())
            assert database.sql(f"select count(*) from pg_stat_activity where pid = {pid}") == "0"  # noqa: S608 (a number)
            assert await store.head() == 2
    finally:
        pooler.remove()


async def test_while_the_server_is_down_errors_are_typed_and_all_goes_on_by_itself_when_it_is_back(
    guarded: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.stores.postgres.session._PATIENCE", 0.2)
    database = guarded.database()
    async with opened(database.url) as store:
        await store.append(command())
        await asyncio.to_thread(guarded.stop, signal.SIGINT)
        for ask in (lambda: store.append(command()), store.head, lambda: store.read(Criteria.all())):
            with pytest.raises((StoreError, OutcomeUnknownError)):
                await ask()
        await asyncio.to_thread(guarded.start)

        await resumed(lambda: store.append(command()))
        assert await resumed(store.head) >= 2
        assert [position async for position in store.verify()][-1] == await store.head()


async def test_what_waits_while_the_server_is_looked_for_is_refused_with_what_waited_before(
    guarded: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.stores.postgres.session._PATIENCE", 0.5)
    async with opened(guarded.database().url) as store:
        await store.append(command())
        with down(guarded):
            asked = [asyncio.create_task(store.append(command()))]
            while not store._writing()._session.is_lost:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0)
            await asyncio.sleep(0)  # the first is being looked after
            asked += [asyncio.create_task(store.append(command())) for _ in range(3)]
            with pytest.raises((StoreError, OutcomeUnknownError)):
                await asked[0]
            for _ in range(3):
                await asyncio.sleep(0)

            assert [type(each.exception()) for each in asked[1:] if each.done()] == [StoreError] * 3
        await resumed(lambda: store.append(command()))


@contextmanager
def down(cluster: Cluster) -> Iterator[None]:
    cluster.stop(signal.SIGINT)
    yield
    cluster.start()


@contextmanager
def silent(cluster: Cluster) -> Iterator[None]:
    """End all connections; who connects anew gets no answer."""
    assert cluster._process is not None
    cluster.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'diptych %'")
    cluster._process.send_signal(signal.SIGSTOP)
    yield
    cluster._process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize("trouble", [down, silent], ids=["down", "silent"])
async def test_a_store_closes_soon_while_its_server_is_not_there(
    guarded: Cluster, trouble: Callable[[Cluster], AbstractContextManager[None]]
) -> None:
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(opened(guarded.database().url))
        await store.append(command())
        with trouble(guarded):
            while not store._wakeups._connection.is_closed():  # noqa: ASYNC110 (the driver does not tell)
                await asyncio.sleep(0.01)
            started = time.monotonic()
            await stack.aclose()
            took = time.monotonic() - started

    assert took < SOON


async def test_a_password_that_changes_later_stops_the_service_until_it_is_right_again(
    guarded: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.stores.postgres.session._PATIENCE", 0.2)
    database = guarded.database()
    await migrated(database)
    rights = "usage on schema diptych", "select, insert on all tables in schema diptych"
    async with opened(as_clerk(database, *rights)) as store:
        database.sql(f"alter role {ROLE} password 'another'")
        end = f"select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = '{ROLE}'"  # noqa: S608 (ours)
        assert int(database.sql(end)) > 0
        with pytest.raises((StoreError, OutcomeUnknownError)):
            await store.append(command())
        with pytest.raises(StoreError):
            await store.head()
        database.sql(f"alter role {ROLE} password 'a secret'")

        await resumed(lambda: store.append(command()))
        assert await store.head() >= 2


async def test_appends_to_a_database_that_is_dropped_are_told_and_nobody_waits_forever(
    guarded: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.stores.postgres.session._PATIENCE", 0.2)
    database = guarded.database()
    async with opened(database.url) as store:
        appends = [asyncio.create_task(store.append(command())) for _ in range(50)]
        await asyncio.wait(appends, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.to_thread(database.drop)
        appends += [asyncio.create_task(store.append(command())) for _ in range(50)]
        async with asyncio.timeout(20):
            found = await asyncio.gather(*appends, return_exceptions=True)

    assert isinstance(found[-1], StoreError | OutcomeUnknownError)


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """Give a folder on a disk that is soon full, which everybody may write to."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-small-disk-"))
    command = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0777", "diptych", folder]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    assert mounted.returncode == 0, f"this test mounts a small disk, which takes root: {mounted.stderr}"
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        folder.rmdir()


@contextmanager
def almost_full(disk: Path) -> Iterator[None]:
    """Leave little room on a disk, for a while."""
    ballast = disk / "ballast"
    ballast.write_bytes(b"\0" * (shutil.disk_usage(disk).free - 12 * MEGABYTE))
    yield
    ballast.unlink()


class Large:
    """Large appends to one log, and which of them were acknowledged."""

    def __init__(self, store: PostgresEventStore) -> None:
        self._store = store
        self.acknowledged: set[str] = set()

    async def append(self) -> None:
        """Append 100 kB that no compression makes smaller."""
        kept = record(version=7)
        data = f'"{os.urandom(50_000).hex()}"'.encode()
        await self._store.append(appending(event("large", f"id:{kept.id}", data=data), record=kept))
        self.acknowledged.add(f"id:{kept.id}")

    async def is_right(self) -> bool:
        """Say whether everything that was acknowledged is in the log, which is whole."""
        found = {each.tags[0] for each in await everything(self._store)}
        verified = [position async for position in self._store.verify()][-1]
        return self.acknowledged <= found and verified == await self._store.head() == len(found)


async def test_a_full_disk_of_tables_is_told_and_left_behind_when_there_is_room_again(
    guarded: Cluster, small_disk: Path
) -> None:
    database = guarded.database()
    async with opened(database.url) as store:
        (small_disk / "tables").mkdir()
        shutil.chown(small_disk / "tables", guarded.data.stat().st_uid)
        database.sql(f"create tablespace small location '{small_disk}/tables'")
        database.sql("alter table diptych.events set tablespace small")
        large = Large(store)
        with almost_full(small_disk):
            told = await until_told(large.append)
        await large.append()

        assert isinstance(told, StorageFullError)
        assert await large.is_right()
        database.sql("alter table diptych.events set tablespace pg_default")
        database.sql("drop tablespace small")


async def test_a_full_disk_of_everything_loses_nothing_and_all_goes_on_when_there_is_room_again(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    monkeypatch.setattr("diptych.stores.postgres.session._PATIENCE", 1.0)
    settings = {"shared_buffers": "16MB", "max_wal_size": "64MB"}
    cluster = Cluster(NEWEST, folder=small_disk, login="trust", settings=settings)
    async with opened(cluster.database().url) as store:
        large = Large(store)
        with almost_full(small_disk):
            told = await until_told(large.append)
            before = len(large.acknowledged)
        if cluster._process is not None and cluster._process.poll() is not None:
            cluster._process = None
            await asyncio.to_thread(cluster.start)  # as whoever keeps services would
        await resumed(large.append)
        assert await large.is_right()
    cluster.stop(signal.SIGQUIT)

    record_property("told", type(told).__name__)
    record_property("acknowledged before", before)
