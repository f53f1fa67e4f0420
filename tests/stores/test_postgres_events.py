"""The PostgreSQL event store keeps the contract, on the oldest server and on the newest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import asyncpg
import pytest
from msgspec.structs import replace

from diptych.errors import ForeignLogError, OutcomeUnknownError, SettingsError, StoreError
from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended, Conflicted
from diptych.stores.postgres import writer
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.hashes import id_of
from diptych.stores.postgres.pages import FOREVER, FULL, statement
from diptych.stores.postgres.session import connect_to_log
from diptych.testing.contract.material import appending, event, guard, record, soon
from diptych.testing.contracts import EventStoreContract
from tests.clusters import Database

OURS = "select count(*) from pg_stat_activity where datname = current_database() and application_name like 'diptych%'"


async def until(condition: Callable[[], bool]) -> None:
    """Return as soon as something is so."""
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(condition):
            pass


def opened(database: Database) -> PostgresEventStore:
    """Return the unopened store of a database."""
    return PostgresEventStore(Address.of(database.url, schema="diptych"))


class TestPostgresEventStore(EventStoreContract):
    """Every promise of the port."""

    @pytest.fixture
    async def store(self, postgres: Database) -> AsyncIterator[PostgresEventStore]:
        """Give a store of its own for each test."""
        async with opened(postgres) as store:
            yield store


async def test_a_server_that_only_reads_refuses_appends_until_it_writes_again(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store:
        await store.append(appending(event()))
        newest_postgres.sql(f'alter database "{newest_postgres.name}" set default_transaction_read_only = on')
        newest_postgres.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'diptych log'"
        )

        with pytest.raises(StoreError, match=r"only reads .*name the primary"):
            await store.append(appending(event(), record=record()))

        newest_postgres.cluster.sql(f'alter database "{newest_postgres.name}" reset default_transaction_read_only')
        assert isinstance(await store.append(appending(event(), record=record())), Appended)


async def test_a_type_whose_first_append_was_refused_is_still_told_to_the_database(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as one, opened(newest_postgres) as other:
        await one.append(appending(event("first", "order:1")))
        refused = await other.append(appending(event("second", "order:1"), condition=guard("order:1")))
        assert isinstance(refused, Conflicted)

        await other.append(appending(event("second", "order:1"), condition=guard("order:1", after=1)))

        assert [each.name for each in (await one.read(Criteria.all())).events] == ["first", "second"]


async def test_a_type_that_first_came_with_a_taken_command_is_still_told_to_the_database(
    newest_postgres: Database,
) -> None:
    taken = record()
    async with opened(newest_postgres) as one, opened(newest_postgres) as other:
        await one.append(appending(event("first"), record=taken))
        await other.append(appending(event("second"), record=taken))

        await other.append(appending(event("second"), record=record()))

        assert [each.name for each in (await one.read(Criteria.all())).events] == ["first", "second"]


LOSE = """
    alter table diptych.events disable trigger refuse_change;
    alter table diptych.event_tags disable trigger refuse_change;
    delete from diptych.events where position > 1;
    delete from diptych.event_tags where position > 1;
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'diptych%'
"""


async def test_a_log_that_ends_before_where_it_ended_is_neither_read_nor_written(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store:
        for _ in range(3):
            await store.append(appending(event("made", "thing:1"), record=record(version=7)))

        newest_postgres.sql(LOSE)  # as when a replica takes over that was behind

        with pytest.raises((ForeignLogError, OutcomeUnknownError), match="ends at position 1, and ended at 3"):
            await store.append(appending(event("made", "thing:1"), record=record(version=7)))
        with pytest.raises(ForeignLogError, match="ends at position 1, and ended at 3"):
            await store.read(Criteria.tagged("thing:1"))
        with pytest.raises(ForeignLogError, match="ends at position 1, and ended at 3"):
            async with store.reader():
                pass

    async with opened(newest_postgres) as again:
        assert isinstance(await again.append(appending(event("made"), record=record(version=7))), Appended)


async def test_a_log_that_went_on_otherwise_than_here_is_neither_read_nor_written(newest_postgres: Database) -> None:
    told = "has another event at position 3 than was appended there"
    async with opened(newest_postgres) as store:
        for _ in range(3):
            await store.append(appending(event("made", "thing:1"), record=record(version=7)))
        newest_postgres.sql(LOSE)
        async with opened(newest_postgres) as other:
            for _ in range(3):
                await other.append(appending(event("lost", "thing:1"), record=record(version=7)))

        with pytest.raises((ForeignLogError, OutcomeUnknownError), match=told):
            await store.append(appending(event("made", "thing:1"), record=record(version=7)))
        with pytest.raises(ForeignLogError, match=told):
            await store.read(Criteria.tagged("thing:1"))
        with pytest.raises(ForeignLogError, match=told):
            async with store.reader():
                pass


@pytest.mark.parametrize("many", [1, 3])
async def test_a_log_that_was_replaced_under_its_connections_is_refused(newest_postgres: Database, many: int) -> None:
    def appends(number: int) -> list[Append]:
        places = [f"thing:{number}{each}" for each in range(many)]
        return [appending(event("made", place), condition=guard(place), record=record(version=7)) for place in places]

    async with opened(newest_postgres) as store:
        for number in range(9):
            await asyncio.gather(*map(store.append, appends(number)))
        newest_postgres.sql("drop schema diptych cascade")
        async with opened(newest_postgres) as other:
            await other.append(appending(event("made")))

        told = [await asyncio.gather(*map(store.append, appends(10)), return_exceptions=True) for _ in range(2)]

        assert {type(each) for each in (*told[0], *told[1])} == {ForeignLogError}
        assert await other_head(newest_postgres) <= 1 + many


async def other_head(database: Database) -> int:
    """Return where the log of a database ends, as a new process finds it."""
    async with opened(database) as store:
        return await store.head()


@pytest.mark.parametrize("told", ["1000000", "-1", "nonsense", "", "9" * 5000])
async def test_what_anybody_may_notify_is_looked_at_and_not_believed(newest_postgres: Database, told: str) -> None:
    async with opened(newest_postgres) as store:
        await store.append(appending(event()))

        newest_postgres.sql(f"select pg_notify('diptych_log', '{told}')")

        assert await store.wait(1, 0.3) == 1
        assert (await store.read(Criteria.typed("thing.done"))).through == 1


async def test_other_processes_are_told_of_a_commit_at_once(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as one, opened(newest_postgres) as other:
        waiting = asyncio.create_task(other.wait(0, 60))
        await one.append(appending(event()))

        assert await soon(waiting) == 1


async def test_a_database_that_cannot_keep_every_text_is_refused(newest_postgres: Database) -> None:
    latin = Database(newest_postgres.cluster, f"{newest_postgres.name}_latin")
    newest_postgres.cluster.sql(f"create database {latin.name} encoding 'LATIN1' locale 'C' template template0")

    with pytest.raises(SettingsError, match="has the encoding LATIN1; wanted UTF8"):
        async with opened(latin):
            pass

    latin.drop()


@pytest.mark.parametrize("schema", ["order", "user", "table"])
async def test_a_schema_that_is_a_word_of_sql_is_refused(newest_postgres: Database, schema: str) -> None:
    with pytest.raises(SettingsError, match=f"'{schema}' is a word of SQL; name it otherwise"):
        async with PostgresEventStore(Address.of(f"{newest_postgres.url}?schema={schema}", schema="diptych")):
            pass


async def test_who_waits_for_an_append_is_told_although_the_closing_was_cancelled(newest_postgres: Database) -> None:
    store = await opened(newest_postgres).__aenter__()
    session = await asyncpg.connect(newest_postgres.url)
    holding = session.transaction()
    await holding.start()
    await session.execute("select diptych.take_position()")
    appended = asyncio.create_task(store.append(appending(event(), record=record())))
    await until(lambda: newest_postgres.sql("select count(*) from pg_locks where not granted") == "1")
    closing = asyncio.create_task(store.__aexit__(None, None, None))
    await asyncio.wait([closing], timeout=0.01)

    closing.cancel()
    await asyncio.wait([closing])
    await holding.rollback()
    await session.close()

    assert isinstance(await soon(appended), Appended)
    await until(lambda: newest_postgres.sql(OURS) == "0")


async def test_no_connection_is_left_by_an_opening_that_is_cancelled(newest_postgres: Database) -> None:
    for moment in range(25):
        opening = asyncio.create_task(opened(newest_postgres).__aenter__())
        await asyncio.wait([opening], timeout=moment * 0.004)
        opening.cancel()
        await asyncio.wait([opening])
        if not opening.cancelled():
            await opening.result().__aexit__(None, None, None)

    await until(lambda: newest_postgres.sql(OURS) == "0")


async def test_a_store_is_used_in_the_event_loop_that_opened_it_or_nothing_is_sent(newest_postgres: Database) -> None:
    async with opened(newest_postgres) as store:
        await store.append(appending(event("made", "thing:1")))

        def elsewhere(use: Callable[[], Coroutine[Any, Any, object]]) -> None:
            with pytest.raises(StoreError, match="another event loop"):
                asyncio.run(use())

        await asyncio.to_thread(elsewhere, lambda: store.append(appending(event())))
        await asyncio.to_thread(elsewhere, lambda: store.read(Criteria.all()))
        await asyncio.to_thread(elsewhere, lambda: store.read(Criteria.tagged("thing:1")))
        await asyncio.to_thread(elsewhere, store.head)

        assert len((await store.read(Criteria.all())).events) == 1


LARGE = b'"' + b"x" * 1000 + b'"'


@pytest.mark.parametrize(("data", "answer"), [(LARGE, b"null"), (b"{}", LARGE)], ids=["events", "answers"])
async def test_appends_that_are_large_go_in_batches_of_few(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch, data: bytes, answer: bytes
) -> None:
    monkeypatch.setattr(writer, "_BATCH_BYTES", 2000)
    async with opened(newest_postgres) as store:
        kept = [replace(record(version=7), answer=answer) for _ in range(10)]
        await asyncio.gather(*(store.append(appending(event(data=data), record=each)) for each in kept))

    transactions = newest_postgres.sql("select count(distinct xmin::text) from diptych.events")
    assert transactions == "5"


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_what_is_rare_is_read_without_a_look_at_the_rest_of_the_log(postgres: Database, order: str) -> None:
    async with opened(postgres) as store:
        await store.append(appending(*(event("often") for _ in range(4000)), event("rare")))
        connection = await connect_to_log(Address.of(postgres.url, schema="diptych"), "plans")
        try:
            await connection.execute("analyze diptych.events")
            text = statement("read_typed", "diptych", FULL, order)
            await connection.execute(f"prepare page as {text}")
            asked = f"100, {FOREVER}, 10, array[{id_of('rare')}, {id_of('never')}]"
            plan = await connection.fetch(f"explain (analyze, timing off) execute page ({asked})")
        finally:
            await connection.close()

    told = "\n".join(line for (line,) in plan)
    assert "using events_by_type" in told.replace("Backward using", "using")
    assert "Removed by Filter" not in told
