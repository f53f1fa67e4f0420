"""A process that projects the shop until it is killed: `python -m tests.read.projecting LOG ROWS`; prints its role."""

import asyncio
import sys
from pathlib import Path

from diptych.read import runtime
from diptych.stores.sqlite.events import SqliteEventStore
from tests.read.shop import opened, shop
from tests.read.stalls import stalls

SMALL_BATCH = 20


async def project(log: Path, rows: Path) -> None:
    runtime.BATCH = SMALL_BATCH  # many saves: more moments to be killed at
    async with SqliteEventStore(log) as store, opened(store, [shop(), stalls()], path=rows):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(project(Path(sys.argv[1]), Path(sys.argv[2])))
