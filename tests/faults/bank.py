"""The bank of the left panel's tests with a read model, and the processes that the fault tests run of it.

`python -m tests.faults.bank ROLE FOLDER ...`: see ROLES.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID, uuid5

from diptych.application import Application
from diptych.model.marks import Tag
from diptych.model.messages import Query
from diptych.model.projections import Projection
from diptych.model.results import Accepted
from diptych.module import Module
from diptych.read.rows import Rows
from diptych.web.server import serve
from tests.write.domain import Move, Moved, OpenAccount, Opened, bank

NAMES = UUID(int=1)
SHARED = uuid5(NAMES, "shared")
DELAY = float(os.environ.get("FOLD_DELAY", "0"))


@dataclass(frozen=True, slots=True)
class Balance:
    account: Annotated[UUID, Tag("account")]
    owner: str
    amount: int


@dataclass(frozen=True, slots=True)
class GetBalance(Query[Balance | None]):
    account: UUID


balances = Projection("balances")
rows = balances.read_model(Balance, key="account")
teller = Module("teller")


@rows.on
def opened(_: Balance | None, event: Opened) -> Balance:
    return Balance(event.account, event.owner, 0)


@rows.on
def moved(row: Balance, event: Moved) -> Balance:
    time.sleep(DELAY)  # the fault: a projection that is slow, in a process that a test made slow
    return Balance(row.account, row.owner, row.amount + event.amount)


@teller.query
async def get_balance(query: GetBalance, balances: Rows[Balance]) -> Balance | None:
    return await balances.get(query.account)


def application(folder: Path, projections: Literal["run", "follow"] = "run") -> Application:
    """Build the bank over the files of a folder."""
    return Application(bank, teller, balances, events=f"sqlite:///{folder}/bank.db", projections=projections)


async def move(folder: Path, account: str, amount: str) -> None:
    """Move once, and end."""
    async with application(folder, "follow") as app:
        (await app.send(Move(UUID(account), int(amount)))).unwrap()


async def append(folder: Path, name: str, tasks: str) -> None:
    """Move 1 into own accounts and a shared one until stdin ends; tell every acknowledgement, then the longest wait."""
    async with application(folder) as app:
        accounts = [(await app.send(OpenAccount(owner=name), key=f"{name}-{n}")).unwrap() for n in range(int(tasks))]
        print("ready", flush=True)
        stopped = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        waits = await asyncio.gather(*[_moving(app, account, stopped) for account in (SHARED, *accounts)])
    print(json.dumps({"longest": max(waits)}), flush=True)


async def read(folder: Path, account: str) -> None:
    """Ask for one balance until stdin ends; it must never fall."""
    seen, asked = 0, 0
    async with application(folder, "follow") as app:
        print("ready", flush=True)
        stopped = asyncio.ensure_future(asyncio.to_thread(sys.stdin.read))
        while not stopped.done():
            row = await app.ask(GetBalance(UUID(account)))
            found = row.amount if row is not None else 0
            assert found >= seen, (found, seen)
            seen, asked = found, asked + 1
            await asyncio.sleep(0)
    print(json.dumps({"asked": asked, "seen": seen}), flush=True)


async def project(folder: Path) -> None:
    """Run the projections until stdin ends."""
    async with application(folder) as app:
        await app.caught_up()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def _moving(app: Application, account: UUID, stopped: asyncio.Future[str]) -> float:
    longest = 0.0
    while not stopped.done():
        started = time.monotonic()
        result = await app.send(Move(account, 1))
        longest = max(longest, time.monotonic() - started)
        assert isinstance(result, Accepted), result
        print(account, result.value, flush=True)
    return longest


ROLES: dict[str, Callable[..., Awaitable[None]]] = {"move": move, "append": append, "read": read, "project": project}

if __name__ == "__main__":
    role, folder, *rest = sys.argv[1:]
    if role == "serve":
        serve(application(Path(folder), "follow"), port=0, announce=lambda address: print(address, flush=True))
    else:
        asyncio.run(ROLES[role](Path(folder), *rest))  # type: ignore[arg-type]  # every role is a coroutine function
