"""A process that folds the shop with a past until it is killed: `python -m tests.history.projecting LOG ROWS`."""

import asyncio
import sys

from diptych.read import runtime
from tests.history.shop import application

SMALL_BATCH = 20


async def project(log: str, rows: str) -> None:
    runtime.BATCH = SMALL_BATCH  # many saves: more moments to be killed at
    async with application(f"sqlite:///{log}", reads=f"sqlite:///{rows}"):
        print("ready", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(project(sys.argv[1], sys.argv[2]))
