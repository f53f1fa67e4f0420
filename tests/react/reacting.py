"""A process that reacts until it is killed: `python -m tests.react.reacting FOLDER`; what it handles goes to a file.

With PLANTED set it has a bug: the bookmark moves before the handlers have run.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from diptych.application import Application
from diptych.model.subscribers import Envelope, Subscriber
from diptych.ports import StoredEvent
from diptych.react.walker import Walker
from tests.write.domain import Moved, bank

HANDLERS = 2
HEARD = "heard"
URL = "url"


def log_of(folder: Path) -> str:
    """Return the URL of the log: the one that a file of the folder names, or a file of the folder."""
    named = folder / URL
    return named.read_text() if named.exists() else f"sqlite:///{folder}/bank.db"


def application(folder: Path) -> Application:
    """Build the bank with a subscriber of two handlers that each write a line: `position handler process`."""
    ears = Subscriber("ears", since="beginning")
    file = os.open(folder / HEARD, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @ears.on
    async def first(event: Moved, envelope: Envelope) -> None:
        os.write(file, f"{envelope.position} 1 {os.getpid()}\n".encode())
        await asyncio.sleep(0)

    @ears.on
    async def second(event: Moved, envelope: Envelope) -> None:
        await asyncio.sleep(0)
        os.write(file, f"{envelope.position} 2 {os.getpid()}\n".encode())

    return Application(bank, ears, events=log_of(folder))


def plant() -> None:
    """Move before handling: what a kill then takes is lost."""
    deliver, move = Walker._deliver, Walker._move

    async def moving_first(walker: Walker, stored: StoredEvent) -> BaseException | None:
        await move(walker, stored.position)
        return await deliver(walker, stored)

    async def staying(walker: Walker, position: int) -> None:
        walker.position = max(walker.position, position)

    Walker._deliver, Walker._move = moving_first, staying  # type: ignore[method-assign]


async def react(folder: Path) -> None:
    async with application(folder):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    if os.environ.get("PLANTED"):
        plant()
    asyncio.run(react(Path(sys.argv[1])))
