"""Commands delivered several times, from several tasks, and cancelled at random: one effect each, one answer each."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID, uuid5

import pytest

from diptych.application import Application
from diptych.model.criteria import Criteria
from diptych.model.results import Accepted, Result
from diptych.recorded import metadata_of
from diptych.write.recording import Recorder
from diptych.write.requests import command_id_of
from tests.sizes import size
from tests.write.domain import Move, OpenAccount, bank

COMMANDS = size(500, full=10_000)
TASKS = 8
ACCOUNTS = [uuid5(UUID(int=1), str(number)) for number in range(20)]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(COMMANDS // 10 + 60)]


class Deliveries:
    """Every command one to five times, in random order; tasks take them, and a third of the takers lose patience."""

    def __init__(self, app: Application, seed: int) -> None:
        self.app, self.random = app, random.Random(seed)
        self.left = [number for number in range(COMMANDS) for _ in range(self.random.randint(1, 5))]
        self.random.shuffle(self.left)
        self.answers: dict[int, list[Result[int]]] = {number: [] for number in range(COMMANDS)}
        self.cancelled: set[int] = set()

    def command(self, number: int) -> Move:
        return Move(ACCOUNTS[number % len(ACCOUNTS)], 1)

    async def deliver(self) -> None:
        while self.left:
            number = self.left.pop()
            sending = asyncio.ensure_future(self.app.send(self.command(number), key=f"k{number}"))
            if self.random.random() < 1 / 3:
                for _ in range(self.random.randint(0, 12)):
                    await asyncio.sleep(0)
                sending.cancel()
            try:
                self.answers[number].append(await sending)
            except asyncio.CancelledError:
                self.cancelled.add(number)


async def effects(app: Application) -> Counter[UUID | None]:
    """Count the events of each command, all of the log."""
    found: Counter[UUID | None] = Counter()
    after, complete = 0, False
    while not complete:
        page = await app.store.read(Criteria.typed("account.moved"), after=after)
        found.update(metadata_of(each.metadata).command for each in page.events)
        after, complete = page.through, page.complete
    return found


async def delivered(folder: Path) -> tuple[Deliveries, Counter[UUID | None], Application]:
    async with Application(bank, events=f"sqlite:///{folder}/bank.db") as app:
        for account in ACCOUNTS:
            await app.send(OpenAccount(owner="ada", account=account))
        deliveries = Deliveries(app, seed=4)
        await asyncio.gather(*(deliveries.deliver() for _ in range(TASKS)))
    return deliveries, *await settled(folder)


async def settled(folder: Path) -> tuple[Counter[UUID | None], Application]:
    """Open the file anew: what was under way when the application closed is on disk, or never will be."""
    async with Application(bank, events=f"sqlite:///{folder}/bank.db") as app:
        return await effects(app), app


async def test_each_has_one_effect_and_equal_answers_and_every_outcome_is_known(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    deliveries, counted, closed = await delivered(tmp_path)

    async with closed.configured() as app:
        for number, answers in deliveries.answers.items():
            command_id = command_id_of(None, f"k{number}")
            record = await app.outcome(command_id)
            assert counted[command_id] == (record is not None), "an outcome that is not that of the log"
            accepted = {(each.value, each.position) for each in answers if isinstance(each, Accepted)}
            assert len(accepted) == bool(answers), "two answers of one command"
            assert all(record is not None and position == record.position for _, position in accepted)
            retried = await app.send(deliveries.command(number), key=f"k{number}")
            assert isinstance(retried, Accepted)
            assert retried.replayed == (record is not None)
            assert not accepted or accepted == {(retried.value, retried.position)}
        assert set((await effects(app)).values()) == {1}
    record_property("commands", COMMANDS)
    record_property("cancelled once or more", len(deliveries.cancelled))
    record_property(
        "known to the log by cancelled deliveries alone", sum(not each for each in deliveries.answers.values())
    )


async def test_a_record_that_is_not_looked_up_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def forgetful(*_: object) -> None:
        return None

    monkeypatch.setattr(Recorder, "replay", forgetful)  # half of the planted bug: the store looks ids up, too
    monkeypatch.setattr(
        "diptych.write.panel.command_id_of", lambda _, key: uuid5(UUID(int=2), f"{key}{random.random()}")
    )

    _, counted, _ = await delivered(tmp_path)

    assert counted.total() > COMMANDS
