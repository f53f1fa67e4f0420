"""The sales report: what was sold on the days of a range."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from diptych import Module, Query, Rows
from retail.values import ZERO, Money, Payment, average
from retail.views.sales import SalesDay

report_queries = Module("report_queries")
_ALL_DAYS = 100_000


@dataclass(frozen=True, slots=True)
class SalesReport:
    """The days of a range with their totals; the average has four places, halves to even."""

    days: tuple[SalesDay, ...]
    count: int
    lines: int
    units: int
    total: Money
    average: Money


@dataclass(frozen=True, slots=True)
class GetSalesReport(Query[SalesReport]):
    """Ask for the sales of a range of days, both ends included, of all time by default.

    With a payment, counts and totals are of the sales paid that way; lines and units are then not known and 0.
    """

    first: date | None = None
    last: date | None = None
    payment: Payment | None = None


@report_queries.query
async def get_sales_report(query: GetSalesReport, days: Rows[SalesDay]) -> SalesReport:
    """Return the days of the range, in order."""
    where = _between(days.table.c.day, query.first, query.last)
    page = await days.find(*where, order=["day"], limit=_ALL_DAYS)
    shown = tuple(_of(day, query.payment) for day in page)
    count, total = sum(day.count for day in shown), sum((day.total for day in shown), ZERO)
    return SalesReport(
        shown,
        count,
        sum(day.lines for day in shown),
        sum(day.units for day in shown),
        total,
        average(total, count),
    )


def _of(day: SalesDay, payment: Payment | None) -> SalesDay:
    match payment:
        case None:
            return day
        case "cash":
            return SalesDay(day.day, day.cash_count, total=day.cash, cash_count=day.cash_count, cash=day.cash)
        case "credit":
            return SalesDay(
                day.day, day.credit_count, total=day.credit, credit_count=day.credit_count, credit=day.credit
            )


def _between(column: Any, first: date | None, last: date | None) -> list[Any]:  # Any: SQLAlchemy expressions
    lower = [] if first is None else [column >= first]
    upper = [] if last is None else [column <= last]
    return lower + upper
