"""One process of a soak: many tasks that command, ask, cancel and retry until stdin ends; none waits for ever.

`python -m tests.faults.soaking URL SEED KEPT ACCOUNT...`, where KEPT bytes of states are remembered. PLANTED forgets
one load in a thousand.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from diptych.application import Application
from diptych.model.messages import Command
from diptych.model.results import Accepted, Refused, Result
from diptych.stores.postgres.loads import Load, Loads
from tests.faults.flock import GetSum, GetTotal, largest, moves, sums, teller
from tests.write.domain import Move, Subscribe, bank, school

TASKS = 48
COURSES = 400
PATIENCE = float(os.environ.get("PATIENCE", "30"))
_CANCELLED, _AS_OF, _FORGOTTEN = 0.1, 0.05, 0.001


@dataclass
class Customer:
    """One task: it moves money and enrols, and looks at what became of it."""

    app: Application
    name: str
    accounts: list[UUID]
    chance: random.Random
    moved: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    sent: int = 0

    async def act(self) -> None:
        """Do one thing of those that people do."""
        ways: list[Callable[[], Coroutine[Any, Any, None]]] = [self.move, self.enrol, self.look]
        await self.chance.choices(ways, (5, 2, 3))[0]()

    async def move(self) -> None:
        """Move money of an account that many others use too."""
        account, amount = self.chance.choice(self.accounts), self.chance.randint(-5, 9)
        result = await self.send(Move(account, amount))
        if isinstance(result, Accepted):
            self.moved[str(account)] += amount
            if result.position is not None:  # it moved something
                await self.read(account, result.position)

    async def enrol(self) -> None:
        """Take a seat in two courses, or in none: a decision over three entities."""
        wanted = {f"c{self.chance.randrange(COURSES)}" for _ in range(2)}
        result = await self.send(Subscribe(f"{self.name}-{self.sent // 16}", tuple(wanted)))
        self.told["seats"] += len(wanted) if isinstance(result, Accepted) else 0

    async def look(self) -> None:
        """Ask for what is cached until it changes."""
        assert await self.app.ask(GetTotal()) >= 0
        self.told["asked"] += 1

    async def read(self, account: UUID, position: int) -> None:
        """Read what was written, as it is now or as it was then."""
        if self.chance.random() < _AS_OF:
            row = await self.app.ask(GetSum(account), as_of=position, wait=PATIENCE)
        else:
            row = await self.app.ask(GetSum(account), after=position, wait=PATIENCE)
        assert row is not None
        self.told["asked"] += 1

    async def send(self, command: Command[Any]) -> Result[Any]:
        """Send a command; now and then lose patience somewhere on the way, and send it again by its key."""
        self.sent += 1
        key = f"{self.name}-{self.sent}"
        if self.chance.random() < _CANCELLED:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.chance.random() * 0.02):
                    return await self.app.send(command, key=key)
            self.told["cancelled"] += 1
        result = await self.app.send(command, key=key)
        self.told["refused"] += isinstance(result, Refused)
        return result

    async def go_on(self, stopped: asyncio.Future[str]) -> None:
        """Act until told to stop; raise TimeoutError for what is never answered."""
        while not stopped.done():
            async with asyncio.timeout(PATIENCE):
                await self.act()


async def soak(url: str, seed: str, kept: str, *accounts: str) -> None:
    """Be so many customers until stdin ends; say what was done."""
    given = [UUID(each) for each in accounts]
    parts = bank, school, teller, sums, moves, largest
    async with Application(*parts, events=url, state_bytes=int(kept)) as app:
        customers = [
            Customer(app, f"{seed}-{number}", given, random.Random(f"{seed} {number}")) for number in range(TASKS)
        ]
        print("ready", flush=True)
        stopped = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        try:
            async with asyncio.TaskGroup() as group:
                for each in customers:
                    group.create_task(each.go_on(stopped))
        except ExceptionGroup as wrong:
            _give_up(wrong)
    moved, told = Counter[str](), Counter[str]()
    for each in customers:
        moved.update(each.moved)
        told.update(each.told, sent=each.sent)
    print(json.dumps({"moved": moved, "told": told}), flush=True)


def _give_up(wrong: ExceptionGroup[Exception]) -> None:
    """Say what went wrong, and end here and now: what hangs may hang the end of the application as well."""
    print(json.dumps({"wrong": sorted({type(each).__name__ for each in wrong.exceptions})}), flush=True)
    sys.excepthook(type(wrong), wrong, wrong.__traceback__)
    os._exit(1)


_serve = Loads._serve


async def _serve_mostly(self: Loads[Any], loads: Sequence[Load]) -> None:
    if random.random() > _FORGOTTEN:
        await _serve(self, loads)


if os.environ.get("PLANTED"):
    Loads._serve = _serve_mostly  # type: ignore[method-assign]  # the planted bug

if __name__ == "__main__":
    asyncio.run(soak(*sys.argv[1:]))
