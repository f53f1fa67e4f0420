"""The shop of the tests of units of work, in processes: `python -m tests.faults.stock ROLE PLACE ...`.

A place is a folder for files, or the URL of a log. `write PLACE` creates orders and adds items in four tasks; `torn
PLACE` does so with a planted bug: the tables are committed apart from the log, and at some time the process dies in
between. `count PLACE IN_TURN` counts on one shared order until stdin ends, then tells how often it was accepted. `hold
PLACE SECONDS` holds the turn again and again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from diptych.application import Application
from diptych.model.results import Accepted, Conflict
from diptych.ports import Append, AppendOutcome
from diptych.stores.postgres import unit_commit
from diptych.stores.sqlite import turns
from tests.write.shop import AddItem, Count, CreateOrder, Hold, shop

SHARED = UUID(int=42)
_WHOLE = turns.Turns._commit
_APPEND = unit_commit.append_one  # type: ignore[attr-defined]  # what it imports


async def write(place: Path | str) -> None:
    async with shop(place, projections="follow") as app:
        await asyncio.gather(*[_writing(app) for _ in range(4)])


async def torn(place: Path | str) -> None:
    committed = iter(range(40))

    async def first(raw: Any, append: Append, *, schema: str) -> AppendOutcome:
        await raw.execute("commit")
        if next(committed) == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        await raw.execute("begin")
        return await _APPEND(raw, append, schema=schema)

    def apart(self: turns.Turns, turn: turns.Turn, append: Append) -> AppendOutcome:
        turn.connection.execute("commit")
        if next(committed) == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        turn.connection.execute("begin immediate")
        return _WHOLE(self, turn, append)

    turns.Turns._commit = apart  # type: ignore[method-assign]  # the planted bug
    unit_commit.append_one = first  # type: ignore[attr-defined]  # the same on PostgreSQL
    await write(place)


async def count(place: Path | str, in_turn: str) -> None:
    accepted = 0
    async with shop(place) as app:
        print("ready", flush=True)
        stopped = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        while not stopped.done():
            result = await app.send(Count(SHARED, in_turn=in_turn == "True"))
            assert isinstance(result, Accepted | Conflict), result
            accepted += isinstance(result, Accepted)
    print(accepted, flush=True)


async def hold(place: Path | str, seconds: str) -> None:
    async with shop(place) as app:
        print("ready", flush=True)
        while True:
            await app.send(Hold(float(seconds)))


async def _writing(app: Application) -> None:
    while True:
        order = (await app.send(CreateOrder(uuid4()))).unwrap()
        for product in ("tea", "milk", "bread"):
            (await app.send(AddItem(order, product))).unwrap()
        print("ack", order, flush=True)


ROLES: dict[str, Callable[..., Awaitable[None]]] = {"write": write, "torn": torn, "count": count, "hold": hold}

if __name__ == "__main__":
    role, where, *rest = sys.argv[1:]
    asyncio.run(ROLES[role](where if "://" in where else Path(where), *rest))  # type: ignore[arg-type]  # every role is a coroutine function
