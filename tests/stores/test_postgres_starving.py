"""A process that stands still in a save keeps nobody waiting: the server ends its session, and it goes on by itself."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import Any

import pytest

from diptych.errors import ConnectionLostError
from diptych.ports import RowWriter
from diptych.read import runtime
from diptych.stores.memory import MemoryEventStore
from diptych.stores.postgres import rows_connections, rows_install, rows_writer
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.rows import PostgresRowStore
from tests.clusters import NEWEST, Database
from tests.read.shop import Created, GetProduct, ask, opened, record, shop
from tests.stores.test_postgres_rows import PEN, changes, declared, installed

SESSIONS = "select count(*) from pg_stat_activity where application_name = 'diptych projections'"
OURS = f"{SESSIONS} and datname = current_database()"


@pytest.fixture
def database(rows_database_of: Any) -> Database:
    found: Database = rows_database_of(NEWEST)
    return found


@pytest.fixture
def url(database: Database) -> str:
    return f"{database.url}?schema=rows_{secrets.token_hex(6)}"


class Starved:
    """Stand still, `times` times, until the server has ended the session; then do what is to be done."""

    def __init__(self, database: Database, do: Callable[..., Any], times: int) -> None:
        self.database, self.do, self.left = database, do, times

    def __call__(self, *given: Any) -> Any:
        if self.left:
            self.left -= 1
            end = time.monotonic() + 30
            while self.database.sql(OURS) != "0":
                assert time.monotonic() < end, "the server ends no session"
        return self.do(*given)


@pytest.fixture
def starving(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, int], Starved]:
    """Give what lets the process stand still where a module calls a function."""
    hurried = {**rows_connections.WRITING, "idle_in_transaction_session_timeout": "50"}
    monkeypatch.setattr(rows_connections, "WRITING", hurried)

    def starve(module: Any, name: str, times: int = 1) -> Starved:
        made = Starved(database, getattr(module, name), times)
        monkeypatch.setattr(module, name, made)
        return made

    return starve


async def writing(url: str, stack: AsyncExitStack) -> RowWriter:
    store = await stack.enter_async_context(PostgresRowStore(Address.of(url, schema="rows")))
    return await stack.enter_async_context(store.writer())


def assert_told(wrong: ConnectionLostError) -> None:
    assert "stood still in the middle of a transaction" in str(wrong)
    assert "nothing of it was saved" in str(wrong)
    assert "goes on by itself" in str(wrong)


async def test_a_save_that_the_server_ended_is_told_as_a_lost_connection_and_saved_nothing(
    url: str, starving: Callable[..., Starved]
) -> None:
    projection, model = declared()
    async with AsyncExitStack() as stack:
        writer = await writing(url, stack)
        checkpoint = await installed(writer, projection, head=1)  # the save at 1 ends a rebuild
        starving(rows_writer, "analysed")

        with pytest.raises(ConnectionLostError) as told:
            await writer.save(checkpoint, 1, [changes(model, PEN)])

        assert_told(told.value)
        assert await installed(writer, projection, head=1) == checkpoint
        assert await writer.load(model, [("a",)]) == {}  # though the rows were written before
        await writer.save(checkpoint, 1, [changes(model, PEN)])


async def test_an_application_starts_although_its_process_stands_still_meanwhile(
    url: str, starving: Callable[..., Starved]
) -> None:
    log = MemoryEventStore()
    head = await record(log, Created("p", "Pear", Decimal(1)))
    starved = starving(rows_install, "read_checkpoints", 2)

    async with opened(log, [shop()], path=url) as panel:
        await panel.caught_up(head)
        found = await ask(panel, GetProduct("p"))

    assert starved.left == 0
    assert found.name == "Pear"


async def test_a_start_that_is_ended_each_time_is_told_at_last(url: str, starving: Callable[..., Starved]) -> None:
    starving(rows_install, "read_checkpoints", 1000)

    with pytest.raises(ConnectionLostError) as told:
        async with opened(MemoryEventStore(), [shop()], path=url):
            pass

    assert_told(told.value)


async def test_a_start_that_takes_a_lost_connection_for_the_end_is_caught(
    url: str, starving: Callable[..., Starved], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "STARTS", 0)  # the planted bug
    starving(rows_install, "read_checkpoints")

    with pytest.raises(ConnectionLostError):
        async with opened(MemoryEventStore(), [shop()], path=url):
            pass


async def test_who_is_cancelled_while_the_connection_is_lost_is_cancelled_and_told_of_no_fault(
    url: str, database: Database
) -> None:
    connection = rows_connections.WritingConnection(Address.of(url, schema="rows"))
    async with AsyncExitStack() as stack:
        await writing(url, stack)  # makes the schema

        async def save() -> None:
            async with connection.held() as held, held.transaction():
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    held.terminate()

        begun = asyncio.Event()
        saving = asyncio.create_task(save())
        await begun.wait()
        saving.cancel()

        with pytest.raises(asyncio.CancelledError):
            await saving
