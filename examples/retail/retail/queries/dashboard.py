"""What the office sees first in the morning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from diptych import Cached, Module, Query, Rows
from retail.settings import ShopSettings
from retail.values import ZERO, Money, average
from retail.views.sales import SalesDay, SaleSummary
from retail.views.stock import SHOP, StockTotals

dashboard_queries = Module("dashboard_queries")
_RECENT = 10


@dataclass(frozen=True, slots=True)
class Takings:
    """Sales of some days: how many, how much, and how much each on average (four places, halves to even)."""

    count: int
    total: Money
    average: Money


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of a day and of the seven days that end with it."""

    day: date
    today: Takings
    week: Takings
    inventory_value: Money
    low_stock: int
    recent: tuple[SaleSummary, ...]


@dataclass(frozen=True, slots=True)
class GetDashboard(Query[Dashboard]):
    """Ask for the figures of a day."""

    day: date


@dataclass(frozen=True, slots=True)
class Shop:
    """What a screen must know before it asks for figures: the zone of the shop's days, and the last day with sales."""

    timezone: str
    last_day: date | None


@dataclass(frozen=True, slots=True)
class GetShop(Query[Shop]):
    """Ask where the shop stands in time."""


@dashboard_queries.query(cache=Cached(until_change=True))
async def get_shop(query: GetShop, days: Rows[SalesDay], settings: ShopSettings) -> Shop:  # noqa: ARG001 (has no fields)
    """Return the shop's time zone and the newest of its days."""
    newest = await days.scroll(order=["-day"], limit=1)
    return Shop(settings.timezone, newest.items[0].day if newest.items else None)


@dashboard_queries.query(cache=Cached(until_change=True))
async def get_dashboard(
    query: GetDashboard, totals: Rows[StockTotals], days: Rows[SalesDay], sales: Rows[SaleSummary]
) -> Dashboard:
    """Return the figures from a few rows: those of the week, the newest sales, and the totals of stock."""
    day = days.table.c.day
    week = await days.find(day > query.day - timedelta(days=7), day <= query.day, order=["day"])
    stock = await totals.get(SHOP) or StockTotals(SHOP)
    recent = await sales.find(sales.table.c.day <= query.day, order=["-sold_at", "sale"], limit=_RECENT)
    return Dashboard(
        query.day,
        _takings(row for row in week if row.day == query.day),
        _takings(week),
        stock.value,
        stock.low_stock,
        recent.items,
    )


def _takings(days: Iterable[SalesDay]) -> Takings:
    rows = list(days)
    count, total = sum(row.count for row in rows), sum((row.total for row in rows), ZERO)
    return Takings(count, total, average(total, count))
