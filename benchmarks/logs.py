"""Logs to measure on: made once through the store, then copied for each measurement."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from time import time_ns
from uuid import UUID

from benchmarks.orders import EVENTS, LineAdded, OrderPlaced, line_for
from diptych import Application
from diptych.codec import content_hash, encode
from diptych.model.messages import event_type
from diptych.model.tags import tagger
from diptych.ports import Append, Metadata, NewEvent, Record
from diptych.stores.system import RandomIds

_BATCH = 1_000


class Logs:
    """Make logs of orders in a folder and hand out copies of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._made: dict[tuple[int, int], Path] = {}
        self._copies = 0

    async def copy(self, events: int, *, each: int = EVENTS) -> Path:
        """Return a fresh copy of a log of so many events, `each` of them to an order."""
        template = self._made.get((events, each)) or await self._make(events, each)
        self._copies += 1
        copy = self.folder / f"copy{self._copies}"
        shutil.copytree(template, copy)
        return copy / "log.db"

    def drop(self, log: Path) -> None:
        """Delete a copy."""
        shutil.rmtree(log.parent)

    async def _make(self, events: int, each: int) -> Path:
        folder = self.folder / f"log-{events}-{each}"
        folder.mkdir(parents=True)
        async with Application(events=url(folder / "log.db"), reads="memory://") as app:
            ids, source = RandomIds(), history(events // each, each)
            while batch := [append_of(event, ids.new()) for event in islice(source, _BATCH)]:
                await asyncio.gather(*[app.store.append(append) for append in batch])
            assert await app.head() == events // each * each
        self._made[events, each] = folder
        return folder


def append_of(event: OrderPlaced | LineAdded, command: UUID) -> Append:
    """Return the append of one event as a command makes it: with the command's record, and metadata of its own."""
    cls, now = type(event), time_ns() // 1000
    kind, tags, data, metadata = event_type(cls), tagger(cls)(event), encode(event), encode(Metadata(command))
    digest = content_hash(kind.name, kind.version, tags, data, metadata)
    new = NewEvent(kind.name, kind.version, tags, data, digest)
    return Append((new,), (), Record(command, "AddLine", b"", b"1", 0, now), metadata, now)


def history(orders: int, each: int) -> Iterator[OrderPlaced | LineAdded]:
    """Yield the events of so many orders, interleaved: every order is placed, then every order gets its next line."""
    for order in range(orders):
        yield OrderPlaced(order, f"customer {order % 1009}")
    for _ in range(each - 1):
        for order in range(orders):
            line = line_for(order)
            yield LineAdded(order, line.product, line.quantity, line.price)


def url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"
