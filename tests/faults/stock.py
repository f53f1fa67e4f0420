"""The shop of the tests of units of work, in processes: `python -m tests.faults.stock ROLE FOLDER ...`.

`write FOLDER` creates orders and adds items in four tasks; `torn FOLDER` does so with a planted bug: the tables are
committed apart from the log, and at some time the process dies in between. `count FOLDER IN_TURN` counts on one shared
order until stdin ends, then tells how often it was accepted. `hold FOLDER SECONDS` holds the turn again and again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID, uuid4

from diptych.application import Application
from diptych.model.results import Accepted, Conflict
from diptych.ports import Append, AppendOutcome
from diptych.stores.sqlite import turns
from tests.write.shop import AddItem, Count, CreateOrder, Hold, shop

SHARED = UUID(int=42)
_WHOLE = turns.Turns._commit


async def write(folder: Path) -> None:
    async with shop(folder, projections="follow") as app:
        await asyncio.gather(*[_writing(app) for _ in range(4)])


async def torn(folder: Path) -> None:
    committed = iter(range(40))

    def apart(self: turns.Turns, turn: turns.Turn, append: Append) -> AppendOutcome:
        turn.connection.execute("commit")
        if next(committed) == 30:
            os.kill(os.getpid(), signal.SIGKILL)
        turn.connection.execute("begin immediate")
        return _WHOLE(self, turn, append)

    turns.Turns._commit = apart  # type: ignore[method-assign]  # the planted bug
    await write(folder)


async def count(folder: Path, in_turn: str) -> None:
    accepted = 0
    async with shop(folder) as app:
        print("ready", flush=True)
        stopped = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        while not stopped.done():
            result = await app.send(Count(SHARED, in_turn=in_turn == "True"))
            assert isinstance(result, Accepted | Conflict), result
            accepted += isinstance(result, Accepted)
    print(accepted, flush=True)


async def hold(folder: Path, seconds: str) -> None:
    async with shop(folder) as app:
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
    asyncio.run(ROLES[role](Path(where), *rest))  # type: ignore[arg-type]  # every role is a coroutine function
