"""Processes that append to a log in PostgreSQL and read it: `python -m tests.faults.torture ROLE URL ...`."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable

from diptych.model.criteria import Criteria
from diptych.ports import Append, Appended
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.appends import append_one
from diptych.stores.postgres.connection import close, connect
from diptych.stores.postgres.events import PostgresEventReader, PostgresEventStore
from diptych.testing.contract.material import appending, event

LARGEST = 500
PAUSE = float(os.environ.get("PAUSE", "0.2"))
"""Seconds that an append may wait, in the middle of its transaction, before it takes its position."""
_PAUSED, _ROLLED_BACK = 0.02, 0.1


def drawn_append(drawn: random.Random, most: int, name: str) -> Append:
    """Return an append of one event up to `most`, small ones as often as large ones."""
    many = min(most, drawn.choice((1, 1, 2, 5, drawn.randrange(1, LARGEST + 1))))
    return appending(*[event("made", f"by:{name}") for _ in range(many)])


async def through_store(store: PostgresEventStore, name: str, quota: int) -> float:
    """Append so many events by the store; return the longest that one took."""
    drawn, longest = random.Random(name), 0.0
    while quota:
        if drawn.random() < _PAUSED:
            await asyncio.sleep(drawn.random() * PAUSE)
        append = drawn_append(drawn, quota, name)
        started = time.monotonic()
        outcome = await store.append(append)
        assert isinstance(outcome, Appended)
        longest = max(longest, time.monotonic() - started)
        quota -= len(append.events)
    return longest


async def by_itself(address: Address, name: str, quota: int) -> float:
    """Append so many events in transactions of its own that write other things first; some are rolled back."""
    drawn, longest = random.Random(name), 0.0
    connection = await connect(address, purpose="torture")
    while quota:
        append = drawn_append(drawn, quota, name)
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "insert into work (name) values ($1)", name
        )  # its number is drawn here, not at the end
        if drawn.random() < _PAUSED:
            await asyncio.sleep(drawn.random() * PAUSE)
        started = time.monotonic()
        outcome = await append_one(connection, append, schema=address.schema)
        assert isinstance(outcome, Appended)
        if drawn.random() < _ROLLED_BACK:
            await transaction.rollback()
        else:
            await transaction.commit()
            quota -= len(append.events)
        longest = max(longest, time.monotonic() - started)
    await close(connection)
    return longest


async def write(address: Address, name: str, writers: str, quota: str) -> None:
    """Be some writers, one half through the store, the other by themselves."""
    async with PostgresEventStore(address) as store:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        each = int(quota) // int(writers)
        longest = await asyncio.gather(
            *[through_store(store, f"{name}-{n}", each) for n in range(0, int(writers), 2)],
            *[by_itself(address, f"{name}-{n}", each) for n in range(1, int(writers), 2)],
        )
    print(json.dumps(max(longest)), flush=True)


async def read(address: Address, readers: str, total: str) -> None:
    """Be some readers that follow the log up to its end."""
    async with PostgresEventStore(address) as store:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        found = await asyncio.gather(*[followed(store.reader(), int(total)) for _ in range(int(readers))])
    print(json.dumps(found), flush=True)


async def followed(reader: PostgresEventReader, total: int) -> tuple[str, float]:
    """Read every position once and in order; return a hash of all and the longest silence."""
    digest, position, longest, heard = hashlib.blake2b(digest_size=16), 0, 0.0, time.monotonic()
    async with reader:
        while position < total:
            for each in (await reader.read(Criteria.all(), after=position)).events:
                assert each.position == position + 1, f"read {each.position} after {position}"
                position = each.position
                digest.update(b"%d" % position + each.hash)
                longest, heard = max(longest, time.monotonic() - heard), time.monotonic()
            await reader.wait(position, 1.0)
    return digest.hexdigest(), longest


ROLES: dict[str, Callable[..., Awaitable[None]]] = {"write": write, "read": read}

if __name__ == "__main__":
    role, url, *rest = sys.argv[1:]
    asyncio.run(ROLES[role](Address.of(url, schema="diptych"), *rest))  # type: ignore[arg-type]  # each is a coroutine function
