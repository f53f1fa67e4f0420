"""What may be asked about sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.values import ZERO, Money, Payment, average
from retail.views.sales import SalesDay, SaleSummary

sale_queries = Module("sale_queries")


@dataclass(frozen=True, slots=True)
class GetSale(Query[SaleSummary | None]):
    """Ask for a sale by its number."""

    sale: str


@dataclass(frozen=True, slots=True)
class FindSales(Query[Page[SaleSummary]]):
    """Search sales, the newest first; what is not said does not matter."""

    customer: str | None = None
    payment: Payment | None = None
    status: Literal["completed", "cancelled"] | None = None
    minimum: Money | None = None
    first: date | None = None
    last: date | None = None
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class GetCustomerHistory(Query[Page[SaleSummary]]):
    """Ask for what a customer bought, the newest sale first."""

    customer: str
    limit: Limit = 50
    offset: Offset = 0


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


@sale_queries.query
async def get_sale(query: GetSale, sales: Rows[SaleSummary]) -> SaleSummary | None:
    """Return the sale of that number."""
    return await sales.get(query.sale)


@sale_queries.query
async def find_sales(query: FindSales, sales: Rows[SaleSummary]) -> Page[SaleSummary]:
    """Return the page of sales that match."""
    column = sales.table.c
    equals = {"customer": query.customer, "payment": query.payment, "status": query.status}
    where = [column[name] == value for name, value in equals.items() if value is not None]
    if query.minimum is not None:
        where.append(column.total >= query.minimum)
    where += _between(column.day, query.first, query.last)
    return await sales.find(*where, order=["-sold_at", "sale"], limit=query.limit, offset=query.offset)


@sale_queries.query
async def get_customer_history(query: GetCustomerHistory, sales: Rows[SaleSummary]) -> Page[SaleSummary]:
    """Return the page of that customer's sales."""
    return await sales.find(customer=query.customer, order=["-sold_at", "sale"], limit=query.limit, offset=query.offset)


@sale_queries.query
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


_ALL_DAYS = 100_000


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
