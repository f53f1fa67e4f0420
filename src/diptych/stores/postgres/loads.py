"""Loads: the histories that concurrent commands ask for, read together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from diptych.model.criteria import Clause
from diptych.ports import BareSlice, Slice
from diptych.stores.postgres.connection import Connection
from diptych.stores.postgres.pages import (
    BARE,
    FOREVER,
    FULL,
    LogPages,
    Rows,
    merged,
    sliced,
)
from diptych.stores.postgres.readers import Readers, ended_soon, refuse_other_loop

S = TypeVar("S")

_TOGETHER = 64


class Load(NamedTuple):
    """What one command asks for: the events of any of these clauses, all of which have tags; and who waits for them."""

    clauses: tuple[Clause, ...]
    after: int
    limit: int
    known: int
    future: asyncio.Future[Any]


class Loads(Generic[S]):
    """Read histories: one alone by the shortest statement, several that wait at once by one for all.

    `make` is what rows become, which were read on one snapshot; `columns` what is read of each event.
    """

    def __init__(
        self,
        readers: Readers,
        pages: LogPages,
        columns: str,
        make: Callable[[Load, Rows], S],
        *,
        most: int,
    ) -> None:
        self._readers, self._pages, self._columns, self._make = readers, pages, columns, make
        self._waiting: deque[Load] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._free, self._loop = most, asyncio.get_running_loop()
        self._is_starting = False

    def load(self, clauses: tuple[Clause, ...], after: int, limit: int, known: int) -> asyncio.Future[S]:
        """Return the future of a slice; `known` is a head that was on disk before."""
        refuse_other_loop(self._loop)
        future: asyncio.Future[S] = self._loop.create_future()
        self._waiting.append(Load(clauses, after, limit, known, future))
        if self._free and not self._is_starting:
            self._is_starting = True
            self._start()  # a task begins in the next turn: what else is asked for in this one goes with it
        return future

    async def close(self) -> None:
        """Wait for the loads that are under way, as far as they end soon."""
        await ended_soon(self._running)

    def _start(self) -> None:
        self._free -= 1
        task = asyncio.get_running_loop().create_task(self._run())
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _run(self) -> None:
        self._is_starting = False
        try:
            while self._waiting:
                limit = self._waiting[0].limit
                loads: list[Load] = []
                while self._waiting and len(loads) < _TOGETHER and self._waiting[0].limit == limit:
                    loads.append(self._waiting.popleft())
                await self._serve([load for load in loads if not load.future.done()])
        finally:
            # In the turn of the last look, not when the task is found done: who asks in between would wait for ever.
            self._free += 1

    async def _serve(self, loads: Sequence[Load]) -> None:
        if not loads:
            return
        alone = len(loads) == 1 and len(loads[0].clauses) == 1
        try:
            slices = await self._readers.read(self._one(loads[0]) if alone else self._many(loads))
        except Exception as wrong:  # noqa: BLE001 (whoever waits must hear of it)
            for load in loads:
                if not load.future.done():
                    load.future.set_exception(wrong)
            return
        for load, found in zip(loads, slices, strict=True):
            if not load.future.done():
                load.future.set_result(found)

    def _one(self, load: Load) -> Callable[[Connection], Awaitable[list[S]]]:
        bounds = load.after, FOREVER, load.limit + 1

        async def read(connection: Connection) -> list[S]:
            rows = await self._pages.of_tag(connection, load.clauses[0], bounds, columns=self._columns)
            return [self._make(load, rows)]

        return read

    def _many(self, loads: Sequence[Load]) -> Callable[[Connection], Awaitable[list[S]]]:
        asked = [(number, clause, load.after) for number, load in enumerate(loads) for clause in load.clauses]
        clauses, most = [(clause, after) for _, clause, after in asked], loads[0].limit + 1

        async def read(connection: Connection) -> list[S]:
            found: list[list[Any]] = [[] for _ in loads]
            for row in await self._pages.of_tags(connection, clauses, most, columns=self._columns):
                found[asked[row[-1] - 1][0]].append(row[:-1])
            return [self._make(load, rows) for load, rows in zip(loads, found, strict=True)]

        return read


def bare_loads(readers: Readers, pages: LogPages, *, most: int) -> Loads[BareSlice]:
    """Return the loads of one entity each, for folds that ask for no Meta."""
    kinds = pages.kinds

    def make(load: Load, rows: Rows) -> BareSlice:
        events = [(position, (kind, version), data) for position, kind, version, data in rows]
        complete = len(events) <= load.limit
        if not complete:
            del events[load.limit :]
        last = events[-1][0] if events else 0
        return BareSlice(events, kinds, max(load.known, last) if complete else last, complete)

    return Loads(readers, pages, BARE, make, most=most)


def full_loads(readers: Readers, pages: LogPages, *, most: int) -> Loads[Slice]:
    """Return the loads of one entity or several, with all that is stored of their events."""

    def make(load: Load, rows: Rows) -> Slice:
        events = merged([pages.events(rows)], order="asc")
        return sliced(events, load.limit, max(load.known, events[-1].position if events else 0), order="asc")

    return Loads(readers, pages, FULL, make, most=most)
