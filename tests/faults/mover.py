"""A process that copies a log in small pages, tells how far it is, and may be killed: `mover.py FROM TO`.

With PLANTED set it has a bug: events are on disk before it is known that they are.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from diptych.application.houses import copy_log
from diptych.moving import house
from diptych.ports import Copy, Record, StoredEvent
from diptych.stores.sqlite.events import SqliteEventStore

house.PAGE = 20


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def plant() -> None:
    """Commit a page in two halves, and wait between them."""
    receive = SqliteEventStore.receive

    async def torn(
        store: SqliteEventStore, events: Sequence[StoredEvent], records: Sequence[Record], **how: Any
    ) -> Copy:
        before, after = how["before"], how["after"]
        if events:
            before = await receive(store, events, (), before=before, after=replace(before))
            say("torn")
            sys.stdin.readline()
        return await receive(store, (), records, before=before, after=after)

    SqliteEventStore.receive = torn  # type: ignore[method-assign]


if __name__ == "__main__":
    if os.environ.get("PLANTED"):
        plant()
    asyncio.run(copy_log(sys.argv[1], sys.argv[2], say))
    say("done")
