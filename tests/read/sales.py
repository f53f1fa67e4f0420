"""Sales by day, twice: folded event by event, and materialised by a select; for the tests of views."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
import sqlalchemy as sa

from diptych import Application, Module, OnDemand, Page, Projection, Query, Rows, Scale, Tag, change, event
from diptych.model.views import Refresh
from tests.row_stores import SQLITE, rows_url

SaleId = Annotated[int, Tag("sale")]
Money = Annotated[Decimal, Scale(4)]


@event("sale.completed")
@dataclass(frozen=True)
class Completed:
    sale: SaleId
    day: date
    total: Money


@event("sale.voided")
@dataclass(frozen=True)
class Voided:
    sale: SaleId
    day: date
    total: Money


@event("till.opened")
@dataclass(frozen=True)
class TillOpened:
    till: int


class SaleSummary(msgspec.Struct, frozen=True):
    sale: int
    day: date
    total: Money
    status: str = "completed"


class FoldedDay(msgspec.Struct, frozen=True):
    day: date
    count: int = 0
    total: Money = Decimal(0)


class SalesByDay(msgspec.Struct, frozen=True):
    day: date
    count: int
    total: Money


class Till(msgspec.Struct, frozen=True):
    till: int


@dataclass(frozen=True)
class ListDays(Query[Page[SalesByDay]]):
    pass


@dataclass(frozen=True)
class ListFolded(Query[Page[FoldedDay]]):
    pass


def sales(version: int = 1) -> Projection:
    """Two read models: one row per sale, and one per day."""
    projection = Projection("sales", version=version)
    summaries = projection.read_model(SaleSummary, key="sale")
    days = projection.read_model(FoldedDay, key="day")

    @summaries.on
    def completed(row: SaleSummary | None, event: Completed) -> SaleSummary:
        return SaleSummary(event.sale, event.day, event.total)

    @summaries.on
    def voided(row: SaleSummary, event: Voided) -> SaleSummary:
        return change(row, status="voided")

    @days.on
    def counted(row: FoldedDay | None, event: Completed) -> FoldedDay:
        row = row or FoldedDay(event.day)
        return change(row, count=row.count + 1, total=row.total + event.total)

    @days.on
    def uncounted(row: FoldedDay, event: Voided) -> FoldedDay | None:
        left = change(row, count=row.count - 1, total=row.total - event.total)
        return left if left.count else None

    return projection


def tills() -> Projection:
    """A projection that no view reads."""
    projection = Projection("tills")

    @projection.read_model(Till, key="till").on
    def opened(row: Till | None, event: TillOpened) -> Till:
        return Till(event.till)

    return projection


def sales_by_day(sales: Rows[SaleSummary]) -> sa.Select[Any]:
    c = sales.table.c
    chosen = sa.select(c.day, sa.func.count().label("count"), sa.func.sum(c.total).label("total"))
    return chosen.where(c.status == "completed").group_by(c.day)


async def list_days(query: ListDays, days: Rows[SalesByDay]) -> Page[SalesByDay]:
    return await days.find(order="day", limit=1000)


async def list_folded(query: ListFolded, days: Rows[FoldedDay]) -> Page[FoldedDay]:
    return await days.find(order="day", limit=1000)


def reports(refresh: Refresh | None = None, function: Callable[..., Any] = sales_by_day) -> Module:
    module = Module("reports")
    module.materialised(SalesByDay, key="day", refresh=refresh or OnDemand())(function)
    module.query(list_days)
    module.query(list_folded)
    return module


def shop(
    place: Path | str | None = None, *, module: Module | None = None, version: int = 1, **options: Any
) -> Application:
    """Return an application over memory, files in a folder, or the database of a URL."""
    return Application(module or reports(), sales(version), tills(), events=events_at(place), **options)


def home_of(request: pytest.FixtureRequest, kind: str, folder: Path) -> Path | str | None:
    """Return where an application of a kind keeps log and rows: nowhere, a folder or the URL of an empty schema."""
    if kind in SQLITE:
        return None if kind == "memory" else folder
    return rows_url(request, kind)


def events_at(place: Path | str | None) -> str:
    """Return the URL of the log at a place."""
    if isinstance(place, Path):
        return f"sqlite:///{place}/log.db"
    return place or "memory://"


async def until(claim: Callable[[], Awaitable[bool]], *, seconds: float = 10) -> None:
    """Return as soon as the claim is true."""
    async with asyncio.timeout(seconds):
        while not await claim():  # noqa: ASYNC110 (what it looks at has no event of its own)
            await asyncio.sleep(0.005)
