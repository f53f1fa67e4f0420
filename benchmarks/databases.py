"""PostgreSQL to measure on: one cluster of our own, whose logs are made once and then copied."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from benchmarks.logs import append_of, history
from benchmarks.orders import EVENTS
from diptych import Application
from diptych.stores.system import RandomIds
from tests.clusters import NEWEST, Cluster

_BATCH = 1_000
_SETTINGS = {"shared_buffers": "1GB", "wal_compression": "off", "checkpoint_timeout": "30min", "max_wal_size": "16GB"}


class Databases:
    """Make databases with logs of orders, and hand out copies of them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._made: dict[tuple[int, int], str] = {}
        self._copies = 0

    def empty(self) -> str:
        """Return the URL of an empty database."""
        return self._cluster.database().url

    async def copy(self, events: int, *, each: int = EVENTS) -> str:
        """Return the URL of a fresh copy of a log of so many events, `each` of them to an order."""
        return await self.copy_of(self._made.get((events, each)) or await self._make(events, each))

    async def copy_of(self, url: str) -> str:
        """Return the URL of a fresh copy of a database to which nobody is connected."""
        self._copies += 1
        name, template = f"copy{self._copies}", _name(url)
        await asyncio.to_thread(self._cluster.sql, f'create database {name} template "{template}" strategy file_copy')
        return self._cluster.url(name)

    async def settle(self, url: str) -> None:
        """Let a database that was filled be as autovacuum leaves it, before it is copied."""
        await asyncio.to_thread(self._cluster.sql, "vacuum (analyze, freeze)", database=_name(url))

    async def drop(self, url: str) -> None:
        """Drop a database."""
        await asyncio.to_thread(self._cluster.sql, f'drop database "{_name(url)}" with (force)')

    async def _make(self, events: int, each: int) -> str:
        url = self.empty()
        async with Application(events=url, reads="memory://") as app:
            ids, source = RandomIds(), history(events // each, each)
            while batch := [append_of(event, ids.new()) for event in islice(source, _BATCH)]:
                await asyncio.gather(*[app.store.append(append) for append in batch])
            assert await app.head() == events // each * each
        await self.settle(url)
        self._made[events, each] = url
        return url


def _name(url: str) -> str:
    return url.rsplit("/", 1)[1]


@contextmanager
def databases() -> Iterator[Databases]:
    """Start a cluster in the folder for temporary files, which must lie on a disk; remove it at the end."""
    cluster = Cluster(NEWEST, settings=_SETTINGS)
    try:
        yield Databases(cluster)
    finally:
        cluster.remove()
