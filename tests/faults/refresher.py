"""A process that refreshes a view, again and again: `python -m tests.faults.refresher FOLDER [torn]`.

`torn` plants a bug: it swaps in two transactions, and dies between them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from pathlib import Path
from typing import Any

from diptych.model.views import MaterialisedView
from diptych.stores.sqlite import rows_views
from tests.read.sales import shop


async def main(folder: Path) -> None:
    async with shop(folder) as app:
        print("ready", flush=True)
        while True:
            print((await app.refresh("sales_by_day")).position, flush=True)


def tear() -> None:
    """Commit between the old rows and the new ones."""
    whole = rows_views._replace

    def torn(connection: sqlite3.Connection, view: MaterialisedView[Any], generation: int, rows: Any) -> None:
        whole(connection, view, generation, ())
        connection.execute("commit")
        os.kill(os.getpid(), signal.SIGKILL)

    rows_views._replace = torn


if __name__ == "__main__":
    if sys.argv[2:] == ["torn"]:
        tear()
    asyncio.run(main(Path(sys.argv[1])))
