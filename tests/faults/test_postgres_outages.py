"""A whole application on a PostgreSQL that goes away and comes back: commands, queries and read models go on alone."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from itertools import cycle
from typing import TypeVar
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.errors import OutcomeUnknownError, StaleError, StoreError
from diptych.model.results import Accepted
from diptych.stores.postgres.writer import LogWriter
from tests.clusters import NEWEST, Cluster, Database
from tests.faults.bank import GetBalance, balances, teller
from tests.faults.crashing import believe, end_in_the_middle, end_one, restart
from tests.sizes import size
from tests.write.domain import Move, OpenAccount, bank

FAULTS = size(4, full=100)
ACCOUNTS = [UUID(int=number) for number in range(1, 9)]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + FAULTS * 10)]

T = TypeVar("T")


@pytest.fixture
def own() -> Iterator[Cluster]:
    """Give a server that may be killed."""
    cluster = Cluster(NEWEST, login="trust")
    yield cluster
    cluster.remove()


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask until there is an answer; nothing but an error of the store may come before."""
    while True:
        with suppress(StoreError, OutcomeUnknownError, StaleError):
            return await ask()
        await asyncio.sleep(0.01)


class Moved:
    """How often something was moved."""

    times = 0

    async def more(self, many: int) -> None:
        """Return when it was moved so many times more."""
        wanted = self.times + many
        while self.times < wanted:  # noqa: ASYNC110 (whoever is asked does more than tell)
            await asyncio.sleep(0.001)


async def moving(app: Application, account: UUID, stopped: asyncio.Event, moved: Moved) -> None:
    """Move 1 again and again, each once however often it is sent, and look at the balance between."""
    await answered(lambda: app.send(OpenAccount(owner="ann", account=account), key=f"open {account}"))
    for number in range(1, 1_000_000):
        if stopped.is_set():
            return
        result = await answered(lambda: app.send(Move(account, 1), key=f"{account} {number}"))  # noqa: B023 (called at once)
        assert isinstance(result, Accepted), result
        assert result.value == number
        row = await answered(lambda: app.ask(GetBalance(account), after=result))  # noqa: B023 (the same)
        assert row is not None
        assert row.amount == number
        moved.times += 1


async def under_load(database: Database, fault: Callable[[], Awaitable[object]], many: int) -> int:
    """Let a whole application work while faults happen; return how many commands it did, each once."""
    moved, stopped, drawn = Moved(), asyncio.Event(), random.Random(5)
    async with Application(bank, teller, balances, events=database.url) as app:
        async with asyncio.TaskGroup() as group:
            for account in ACCOUNTS:
                group.create_task(moving(app, account, stopped, moved))
            for _ in range(many):
                await moved.more(drawn.randrange(1, 40))
                await fault()
            await moved.more(len(ACCOUNTS))
            stopped.set()
        await answered(app.caught_up)
        assert (await app.check("balances")).is_right
        head = await app.head()
        assert head == len(ACCOUNTS) + moved.times
        assert [position async for position in app.store.verify()][-1] == head  # type: ignore[attr-defined]  # of this store
    return moved.times


async def test_commands_queries_and_read_models_go_on_by_themselves_and_nothing_is_lost_or_doubled(
    own: Cluster, record_property: Callable[[str, object], None]
) -> None:
    database, drawn = own.database(), random.Random(6)
    ways = cycle((signal.SIGKILL, None, signal.SIGINT, None, signal.SIGQUIT, None))

    async def fault() -> None:
        how = next(ways)
        await (end_one(database, drawn, "diptych %") if how is None else restart(own, how))

    commands = await under_load(database, fault, FAULTS)

    record_property("faults", FAULTS)
    record_property("commands", commands)


async def test_a_lost_batch_that_is_taken_for_a_written_one_is_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogWriter, "_resolve", believe)

    with pytest.raises((AssertionError, ExceptionGroup)):
        await under_load(newest_postgres, lambda: end_in_the_middle(newest_postgres), 3)


async def test_what_was_read_once_is_read_again_after_a_crash_of_the_server(own: Cluster) -> None:
    database, account = own.database(), ACCOUNTS[0]
    async with Application(bank, teller, balances, events=database.url) as app:
        (await app.send(OpenAccount(owner="ann", account=account))).unwrap()
        for number in range(1, 4):
            result = await app.send(Move(account, 1))
            seen = await app.ask(GetBalance(account), after=result)
            own.restart(signal.SIGQUIT)  # before anything else has a turn
            again = await answered(lambda: app.ask(GetBalance(account), after=result))  # noqa: B023 (called at once)

            assert seen is not None
            assert (seen.amount, again) == (number, seen)
