"""Loads: the histories that concurrent commands ask for, read together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from diptych.model.criteria import Clause
from diptych.ports import BareSlice
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.pages import BARE, FOREVER, LogPages, columns_of, statement, tagged_of
from diptych.stores.postgres.readers import Readers

_TOGETHER = 64


class Load(NamedTuple):
    """What one command asks for, and who waits for it."""

    clause: Clause
    after: int
    limit: int
    known: int
    future: asyncio.Future[BareSlice]


class Loads:
    """Read histories: one alone by the shortest statement, several that wait at once by one for all."""

    def __init__(self, readers: Readers, pages: LogPages, schema: str, *, most: int) -> None:
        self._readers, self._pages, self._schema = readers, pages, schema
        self._waiting: deque[Load] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._most = most
        self._is_starting = False

    def load(self, clause: Clause, after: int, limit: int, known: int) -> asyncio.Future[BareSlice]:
        """Return the future of a slice; `known` is a head that was on disk before."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[BareSlice] = loop.create_future()
        self._waiting.append(Load(clause, after, limit, known, future))
        if not self._is_starting and len(self._running) < self._most:
            self._is_starting = True
            self._start()  # a task begins in the next turn: what else is asked for in this one goes with it
        return future

    async def close(self) -> None:
        """Wait for the loads that are under way."""
        while self._running:
            await asyncio.wait(self._running)

    def _start(self) -> None:
        task = asyncio.get_running_loop().create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        self._is_starting = False
        while self._waiting:
            limit = self._waiting[0].limit
            loads: list[Load] = []
            while self._waiting and len(loads) < _TOGETHER and self._waiting[0].limit == limit:
                loads.append(self._waiting.popleft())
            await self._serve([load for load in loads if not load.future.done()])

    async def _serve(self, loads: Sequence[Load]) -> None:
        if not loads:
            return
        try:
            slices = await self._readers.read(self._one(loads[0]) if len(loads) == 1 else self._many(loads))
        except Exception as wrong:  # noqa: BLE001 (whoever waits must hear of it)
            for load in loads:
                if not load.future.done():
                    load.future.set_exception(wrong)
            return
        for load, found in zip(loads, slices, strict=True):
            if not load.future.done():
                load.future.set_result(found)

    def _one(self, load: Load) -> Callable[[Connection], Any]:
        text = statement("read_tagged", self._schema, BARE)
        tag, types, first, tags = tagged_of(load.clause)

        async def read(connection: Connection) -> list[BareSlice]:
            rows = await connection.fetch(text, tag, load.after, FOREVER, types, first, tags, load.limit + 1)
            return [await self._slice(connection, load, rows)]

        return read

    def _many(self, loads: Sequence[Load]) -> Callable[[Connection], Any]:
        text = statement("read_many_tagged", self._schema, BARE)
        columns = columns_of((load.clause, load.after) for load in loads)

        async def read(connection: Connection) -> list[BareSlice]:
            found: list[list[Any]] = [[] for _ in loads]
            for at, *row in await connection.fetch(text, *columns, FOREVER, loads[0].limit + 1):
                found[at - 1].append(row)
            return [await self._slice(connection, load, rows) for load, rows in zip(loads, found, strict=True)]

        return read

    async def _slice(self, connection: Connection, load: Load, rows: Sequence[Any]) -> BareSlice:
        events = await self._pages.bare(connection, rows)
        complete = len(events) <= load.limit
        if not complete:
            del events[load.limit :]
        last = events[-1][0] if events else 0
        return BareSlice(events, self._pages.kinds, max(load.known, last) if complete else last, complete)
