"""Commands that are cancelled at any moment: no connection stays in the middle of an answer, no answer is another's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from uuid import UUID

import pytest

from diptych.application import Application
from diptych.model.results import Accepted
from diptych.stores.postgres import writer
from diptych.stores.postgres.writer import Answered
from tests.clusters import Database
from tests.sizes import size
from tests.write.domain import Move, OpenAccount, bank

COMMANDS = size(600, full=20_000)
TASKS = 32
TURNS = 30

pytestmark = [pytest.mark.fault, pytest.mark.timeout(60 + COMMANDS // 20)]

Property = Callable[[str, object], None]


async def cancelled(app: Application, command: Move, key: str, drawn: random.Random) -> bool:
    """Send a command and cancel it after some turns of the loop or some milliseconds; say whether it was."""
    sending = asyncio.create_task(app.send(command, key=key))
    for _ in range(drawn.randrange(TURNS)):
        await asyncio.sleep(0)
    if drawn.random() < 0.5:
        await asyncio.wait([sending], timeout=drawn.random() * 0.04)
    sending.cancel()
    await asyncio.wait([sending])
    return sending.cancelled()


async def commands(app: Application, account: UUID, many: int) -> int:
    """Move again and again; after each, ask what became of it. Return how many were cancelled."""
    drawn, balance, stopped = random.Random(account.int), 0, 0
    for number in range(many):
        amount, key = drawn.randrange(1, 1_000_000), f"{account}-{number}"
        balance += amount
        stopped += await cancelled(app, Move(account, amount), key, drawn)
        result = await app.send(Move(account, amount), key=key)  # as it was, or now
        assert isinstance(result, Accepted), result
        assert result.value == balance
        record = await app.store.record(result.command_id)
        assert record is not None
        assert (record.position, record.answer) == (result.position, b"%d" % balance)
    return stopped


async def idle(database: Database) -> int:
    """Return how many connections there are, as soon as none is in the middle of anything."""
    asked = "select state from pg_stat_activity where datname = current_database() and application_name like 'dip%'"
    async with asyncio.timeout(10):
        while set(states := (await asyncio.to_thread(database.sql, asked)).splitlines()) != {"idle"}:
            pass
    return len(states)


async def all_cancelled(database: Database) -> tuple[int, int]:
    """Return how many commands were cancelled, and how many connections there were at the end."""
    async with Application(bank, events=database.url, reads="memory://", state_bytes=0) as app:
        accounts = [UUID(int=number) for number in range(TASKS)]
        await asyncio.gather(*[app.send(OpenAccount(owner="ann", account=each)) for each in accounts])
        found = await asyncio.gather(*[commands(app, each, COMMANDS // TASKS) for each in accounts])
        connections = await idle(database)
        assert [position async for position in app.store.verify()][-1] == TASKS + COMMANDS // TASKS * TASKS  # type: ignore[attr-defined]  # of this store
    return sum(found), connections


async def test_cancelled_commands_are_done_once_or_not_at_all_and_every_outcome_is_told(
    newest_postgres: Database, record_property: Property
) -> None:
    stopped, connections = await all_cancelled(newest_postgres)

    assert stopped > COMMANDS // 10, "hardly any was cancelled, so nothing was shown"
    record_property("commands", COMMANDS)
    record_property("cancelled", stopped)
    record_property("connections at the end", connections)


async def test_answers_that_go_to_who_still_waits_are_caught(
    newest_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shifted(answers: Sequence[Answered]) -> None:
        waiting = [request for request, _ in answers if not request.future.done()]
        for request, (_, outcome) in zip(waiting, answers, strict=False):  # the planted bug
            request.future.set_result(outcome)

    monkeypatch.setattr(writer, "_answer", shifted)

    with pytest.raises(AssertionError):
        await all_cancelled(newest_postgres)
