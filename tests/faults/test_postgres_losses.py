"""Connections that are ended and servers that are killed, again and again, under whoever appends and reads."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from itertools import cycle
from uuid import UUID

import pytest

from diptych.errors import OutcomeUnknownError, StoreError
from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended, EventStore, Recorded
from diptych.stores.postgres import endings, session
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.postgres.writer import LogWriter
from diptych.testing.contract.material import appending, event, everything, guard, record
from tests.clusters import NEWEST, Cluster, Database
from tests.faults.crashing import believe, end_in_the_middle, end_one, restart
from tests.sizes import size

ENDED = size(10, full=200)
RESTARTS = size(4, full=200)
TASKS = 16

pytestmark = [pytest.mark.fault, pytest.mark.timeout(120 + ENDED + RESTARTS * 10)]

Property = Callable[[str, object], None]


@dataclass
class Told:
    """What those who append were told."""

    acknowledged: dict[UUID, int] = field(default_factory=dict)
    """The position of the first event of each command."""
    unknown: int = 0
    failed: int = 0

    async def more(self, many: int) -> None:
        """Return when so many more are acknowledged."""
        wanted = len(self.acknowledged) + many
        while len(self.acknowledged) < wanted:  # noqa: ASYNC110 (whoever is asked does more than tell)
            await asyncio.sleep(0.001)


async def steps(store: EventStore, name: str, told: Told, stopped: asyncio.Event) -> None:
    """Append command after command, each after its own last event."""
    last = 0
    while not stopped.is_set():
        kept = record(version=7)
        new = (event("step.made", f"step:{kept.id}", f"by:{name}"), event("step.told", f"by:{name}"))
        last = await done(store, appending(*new, condition=guard(f"by:{name}", after=last), record=kept), told)


async def done(store: EventStore, append: Append, told: Told) -> int:
    """Append, and again where nobody knows what became of it; return the last position."""
    assert append.record is not None
    while True:
        try:
            outcome = await store.append(append)
        except OutcomeUnknownError:
            told.unknown += 1
        except StoreError:
            told.failed += 1
        else:
            assert isinstance(outcome, Appended | Recorded), outcome
            last = outcome.last if isinstance(outcome, Appended) else outcome.record.position
            told.acknowledged[append.record.id] = last - 1
            return last


async def follow(store: EventStore, stopped: asyncio.Event) -> int:
    """Read to the end, and past every fault; return how many events came, each once and in order."""
    position = 0
    while not stopped.is_set():
        with suppress(StoreError):
            for each in (await store.read(Criteria.all(), after=position, limit=100)).events:
                assert each.position == position + 1
                position = each.position
            await store.wait(position, 0.05)
    return position


async def under_load(database: Database, fault: Callable[[], Awaitable[object]], many: int) -> Told:
    """Let two stores append and be read while faults happen; look at what is in the log then."""
    told, stopped, drawn = Told(), asyncio.Event(), random.Random(7)
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(opened(database)) for _ in range(2)]
        async with asyncio.TaskGroup() as group:
            for number in range(TASKS):
                group.create_task(steps(stores[number % 2], f"{number}", told, stopped))
            for store in stores:
                group.create_task(follow(store, stopped))
            for _ in range(many):
                await told.more(drawn.randrange(1, 60))
                await fault()
            await told.more(TASKS)
            stopped.set()
        await agree(stores[0], told)
    return told


async def agree(store: PostgresEventStore, told: Told) -> None:
    """Fail unless each command that was acknowledged is in the log once, where it was told to be, and no other is."""
    events = await everything(store)
    made = [each for each in events if each.name == "step.made"]
    found = {UUID(each.tags[0].removeprefix("step:")): each.position for each in made}
    assert len(found) == len(made), "a command is there twice"
    assert found == told.acknowledged
    assert len(events) == 2 * len(made)
    assert (await store.describe())["records"] == len(made)
    assert [position async for position in store.verify()][-1] == len(events)


def opened(database: Database) -> PostgresEventStore:
    return PostgresEventStore(Address.of(database.url, schema="diptych"))


@pytest.fixture
def own() -> Iterator[Cluster]:
    """Give a server that may be killed."""
    cluster = Cluster(NEWEST, login="trust")
    yield cluster
    cluster.remove()


async def test_of_commands_whose_connections_are_ended_none_is_lost_or_doubled(
    newest_postgres: Database, record_property: Property
) -> None:
    drawn = random.Random(1)

    told = await under_load(newest_postgres, lambda: end_one(newest_postgres, drawn, "diptych %"), ENDED)

    assert (told.unknown, told.failed) == (0, 0)
    record_property("connections ended", ENDED)
    record_property("commands", len(told.acknowledged))


async def test_of_commands_whose_server_is_killed_and_started_again_none_is_lost_or_doubled(
    own: Cluster, record_property: Property
) -> None:
    ways = cycle((signal.SIGKILL, signal.SIGQUIT, signal.SIGINT))

    told = await under_load(own.database(), lambda: restart(own, next(ways)), RESTARTS)

    record_property("restarts", RESTARTS)
    record_property("commands", len(told.acknowledged))
    record_property("outcomes that only a lookup told", told.unknown)
    record_property("refused for the time being", told.failed)


async def test_what_became_of_a_command_is_not_told_before_the_lost_session_has_ended(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_PATIENCE", 0.3)
    monkeypatch.setattr(session, "_ENDING", 50)
    async with opened(newest_postgres) as store:
        writing = store._writing()._session
        assert writing._known is not None
        held, kept = writing._known[0], record(version=7)
        append = appending(event("step.made", f"step:{kept.id}"), record=kept)
        os.kill(held, signal.SIGSTOP)  # it has the command, and does not get to it
        try:
            sending = asyncio.ensure_future(store.append(append))
            await asyncio.wait([sending], timeout=0.1)
            writing._connection.terminate()
            with pytest.raises(OutcomeUnknownError, match="does not end"):
                await sending
        finally:
            os.kill(held, signal.SIGCONT)
        told = Told()
        await done(store, append, told)
        assert len(await everything(store)) == 1


async def test_a_session_that_says_nothing_is_given_up_and_its_command_done_once(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_ANSWER", 0.2)
    async with opened(newest_postgres) as store:
        writing = store._writing()._session
        assert writing._known is not None
        silent, told = writing._known[0], Told()
        os.kill(silent, signal.SIGSTOP)
        sending = asyncio.ensure_future(done(store, appending(event("step.made"), record=record(version=7)), told))
        try:
            async with asyncio.timeout(10):
                while not writing.is_lost:  # noqa: ASYNC110 (nobody tells)
                    await asyncio.sleep(0.01)
        finally:
            os.kill(silent, signal.SIGCONT)
        await sending
        assert writing._known[0] != silent
        assert len(await everything(store)) == 1


async def test_what_is_on_no_standby_that_commits_wait_for_is_not_acknowledged(
    own: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "_ANSWER", 0.5)
    monkeypatch.setattr(endings, "_PATIENCE", 0.5)
    database, told, kept, nowhere = own.database(), Told(), record(), "on no standby that commits wait for"
    append = appending(event("step.made"), record=kept)
    async with opened(database):
        own.sql("alter system set synchronous_standby_names = 'away'")
    await asyncio.to_thread(own.restart)

    async with opened(database) as store:
        for ask in (lambda: store.append(append), lambda: store.append(append), lambda: store.record(kept.id)):
            with pytest.raises(OutcomeUnknownError, match=nowhere):
                await ask()
        own.sql("alter system reset synchronous_standby_names", "select pg_reload_conf()")
        await done(store, append, told)
        assert len(await everything(store)) == 1


async def test_a_lost_batch_that_is_taken_for_a_written_one_is_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogWriter, "_resolve", believe)

    with pytest.raises((AssertionError, ExceptionGroup)):
        await under_load(newest_postgres, lambda: end_in_the_middle(newest_postgres), 3)
