"""A process that only folds: `python -m benchmarks.folding URL` says `ready`, and ends when its stdin closes."""

from __future__ import annotations

import asyncio
import sys

from benchmarks.orders import SEEN, orders
from diptych import Application


async def fold(url: str) -> None:
    """Run the projections of a log until stdin closes."""
    async with Application(orders, *SEEN, events=url) as app:
        await app.caught_up()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(fold(sys.argv[1]))
