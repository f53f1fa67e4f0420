"""A right panel whose queries are cached, over the small shop, with loads that a test counts and holds up."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from diptych.dispatch import Middleware
from diptych.injection import Injector
from diptych.model.caching import Cached
from diptych.model.messages import Query
from diptych.model.meta import Context
from diptych.model.projections import Projection
from diptych.module import Module
from diptych.ports import EventStore
from diptych.read.panel import ReadPanel
from diptych.read.rows import Rows
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.testing import FixedClock
from tests.read.shop import Product, closings, codec, shop

UNTIL_CHANGE = Cached(until_change=True)


@dataclass(frozen=True)
class Name(Query[str | None]):
    code: str


@dataclass(frozen=True)
class Open(Query[int]):
    """Counts closings by a raw select that its handler does not name them for."""


@dataclass(frozen=True)
class Mine(Query[tuple[str | None, str | None]]):
    code: str


class Loads:
    """Count the loads, and hold them up at a gate until a test opens it."""

    def __init__(self) -> None:
        self.begun = 0
        self._another = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def through(self) -> None:
        self.begun += 1
        self._another.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error

    async def reach(self, count: int) -> None:
        """Return once so many loads have begun."""
        async with asyncio.timeout(10):
            while self.begun < count:
                self._another.clear()
                await self._another.wait()


async def get_name(query: Name, products: Rows[Product], loads: Loads) -> str | None:
    found = await products.get(query.code)
    await loads.through()
    return found.name if found else None


async def count_closings(query: Open, products: Rows[Product], loads: Loads) -> int:
    closing = sa.table("closing", sa.column("shop"))
    rows = await products.select(sa.select(sa.func.count()).select_from(closing))
    await loads.through()
    return int(rows[0][0])


async def get_mine(
    query: Mine, products: Rows[Product], context: Context, loads: Loads
) -> tuple[str | None, str | None]:
    found = await products.get(query.code)
    await loads.through()
    return context.principal, found.name if found else None


@contextlib.asynccontextmanager
async def caching(
    store: EventStore,
    loads: Loads,
    policy: Cached = UNTIL_CHANGE,
    *,
    handler: Callable[..., Any] = get_name,
    projections: Sequence[Projection] = (),
    path: Path | None = None,
    middleware: Iterable[Middleware] = (),
    clock: FixedClock | None = None,
    cache_bytes: int = 1_000_000,
    runs: Any = "run",
) -> AsyncIterator[ReadPanel]:
    module = Module("shop")
    module.query(cache=policy)(handler)
    panel = ReadPanel(
        [module],
        projections or [shop(), closings()],
        store=store,
        rows=SqliteRowStore(path),
        codec=codec(),
        injector=Injector([loads]),
        middleware=middleware,
        clock=clock or FixedClock(),
        folds=None if runs == "run" else (),
        cache_bytes=cache_bytes,
    )
    async with panel:
        yield panel


def outcomes(panel: ReadPanel) -> dict[str, int]:
    return {outcome: count for (_, outcome), count in panel.cache.figures.asked.items()}
