"""What may be asked about sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.values import Money, Payment
from retail.views.customers import Purchase
from retail.views.sales import SaleSummary, SoldLine

sale_queries = Module("sale_queries")


@dataclass(frozen=True, slots=True)
class GetSale(Query[SaleSummary | None]):
    """Ask for a sale by its number."""

    sale: str


@dataclass(frozen=True, slots=True)
class SaleDetail:
    """A sale with its lines, in the order in which they were scanned."""

    sale: SaleSummary
    lines: tuple[SoldLine, ...]


@dataclass(frozen=True, slots=True)
class GetSaleDetail(Query[SaleDetail | None]):
    """Ask for a sale with its lines, by its number."""

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
class GetCustomerHistory(Query[Page[Purchase]]):
    """Ask for what a customer bought, cancelled and brought back, the newest entry first."""

    customer: str
    limit: Limit = 50
    offset: Offset = 0


@sale_queries.query
async def get_sale(query: GetSale, sales: Rows[SaleSummary]) -> SaleSummary | None:
    """Return the sale of that number."""
    return await sales.get(query.sale)


@sale_queries.query
async def get_sale_detail(query: GetSaleDetail, sales: Rows[SaleSummary], lines: Rows[SoldLine]) -> SaleDetail | None:
    """Return the sale of that number with its lines."""
    sale = await sales.get(query.sale)
    if sale is None:
        return None
    scanned = await lines.find(sale=query.sale, order=["position"], limit=sale.lines)
    return SaleDetail(sale, scanned.items)


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
async def get_customer_history(query: GetCustomerHistory, purchases: Rows[Purchase]) -> Page[Purchase]:
    """Return the page of that customer's history."""
    order = ["-at", "-position"]
    return await purchases.find(customer=query.customer, order=order, limit=query.limit, offset=query.offset)


def _between(column: Any, first: date | None, last: date | None) -> list[Any]:  # Any: SQLAlchemy expressions
    lower = [] if first is None else [column >= first]
    upper = [] if last is None else [column <= last]
    return lower + upper
