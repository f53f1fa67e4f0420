"""A process of senders: `python -m benchmarks.sending URL raw|cold|warm NUMBER OF COUNT` waits for a line, then sends.

It says `ready` before that, and in the end when it began and when it ended.
"""

from __future__ import annotations

import asyncio
import sys
from time import time

from benchmarks import raw_postgres as raw
from benchmarks.commands import send_all
from benchmarks.orders import orders
from diptych import Application

_WARM = 64 * 1024 * 1024
_TASKS = 64


async def send(url: str, side: str, mine: range) -> None:
    """Send commands to some orders, or insert as many rows."""
    if side == "raw":
        await _told()
        began = time()
        await raw.commits_per_second(url, len(mine))
        print(began, time())
        return
    async with Application(orders, events=url, reads="memory://", state_bytes=_WARM if side == "warm" else 0) as app:
        if side == "warm":
            await send_all(app, mine, _TASKS)
        await _told()
        began = time()
        await send_all(app, mine, _TASKS)
        print(began, time())


async def _told() -> None:
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    number, of, count = map(int, sys.argv[3:6])
    asyncio.run(send(sys.argv[1], sys.argv[2], range(number * count // of, (number + 1) * count // of)))
