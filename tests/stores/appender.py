"""A process that appends to a log and says on its standard output what was acknowledged, at once and unbuffered.

appender.py LOG open                  make or open the log, and close it
appender.py LOG steps COUNT           COUNT appends of two events, one after the other
appender.py LOG steps COUNT unsafe    the same with the planted bug: synchronous=NORMAL
appender.py LOG flood                 64 tasks append until the process is killed
appender.py LOG count SECONDS         count up together with others: read, add one, append under a guard
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from uuid import UUID, uuid4

from diptych.errors import OutcomeUnknownError, StorageFullError, StoreError
from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended, Record
from diptych.stores.sqlite import writer
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contract.material import appending, event, guard

writer._CHECKPOINT_PAGES = 12  # so that a short run crosses checkpoints


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def command(command_id: UUID) -> Append:
    kept = Record(command_id, "step", b"f" * 16, b"null", 0, 0)
    return appending(event("stepped", f"step:{command_id}"), event("stepped", "all:1"), record=kept)


async def told(command_id: UUID, appending: Awaitable[object]) -> None:
    try:
        await appending
    except StorageFullError:
        say("full", command_id)
    except OutcomeUnknownError:
        say("unknown", command_id)
    except StoreError as error:
        say("failed", command_id, error)
    else:
        say("ack", command_id)


async def steps(store: SqliteEventStore, count: int) -> None:
    for _ in range(count):
        command_id = uuid4()
        await told(command_id, store.append(command(command_id)))


async def flood(store: SqliteEventStore) -> None:
    await asyncio.gather(*(steps(store, 10**9) for _ in range(64)))


async def count(store: SqliteEventStore, seconds: float) -> None:
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    end, longest, won = time.monotonic() + seconds, 0.0, 0
    counter = Criteria.tagged("counter:1", types=["counted"])
    while time.monotonic() < end:
        last = (await store.read(counter, limit=1, backwards=True)).events
        number, after = (int(last[0].data), last[0].position) if last else (0, 0)
        new = event("counted", "counter:1", data=str(number + 1).encode())
        started = time.monotonic()
        outcome = await store.append(appending(new, condition=guard("counter:1", types=["counted"], after=after)))
        longest = max(longest, time.monotonic() - started)
        won += isinstance(outcome, Appended)
    say("counted", won, longest)


async def main(path: Path, what: str, *how: str) -> None:
    async with SqliteEventStore(path) as store:
        if "unsafe" in how:
            store._writing()._connection.execute("pragma synchronous = normal")
        if what == "steps":
            await steps(store, int(how[0]))
        elif what == "flood":
            await flood(store)
        elif what == "count":
            await count(store, float(how[0]))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
