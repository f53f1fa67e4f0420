"""What may be asked about sales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from diptych import CursorPage, Module, Page, Query, Rows, Specification
from retail.queries.paging import Cursor, Limit, Offset
from retail.values import Money, Payment
from retail.views.customers import Purchase
from retail.views.sales import SaleSummary, SoldLine, at_least, of_customer, on_credit, since, undone, until

sale_queries = Module("sale_queries")
_NEWEST = ("-at", "-position", "-index")


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
class ScrollSales(Query[CursorPage[SaleSummary]]):
    """Search sales, page by page behind a cursor: sales that are made meanwhile move no page."""

    customer: str | None = None
    payment: Payment | None = None
    status: Literal["completed", "cancelled"] | None = None
    minimum: Money | None = None
    first: date | None = None
    last: date | None = None
    limit: Limit = 50
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class GetCustomerHistory(Query[Page[Purchase]]):
    """Ask for what a customer bought, cancelled and brought back, the newest entry first."""

    customer: str
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ScrollCustomerHistory(Query[CursorPage[Purchase]]):
    """Ask for the same, page by page behind a cursor."""

    customer: str
    limit: Limit = 50
    cursor: Cursor | None = None


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
    return await sales.find(*_wanted(query), order=["-sold_at", "sale"], limit=query.limit, offset=query.offset)


@sale_queries.query
async def scroll_sales(query: ScrollSales, sales: Rows[SaleSummary]) -> CursorPage[SaleSummary]:
    """Return the page of sales behind the cursor."""
    return await sales.scroll(*_wanted(query), order=["-sold_at", "sale"], limit=query.limit, cursor=query.cursor)


def _wanted(query: FindSales | ScrollSales) -> Iterator[Specification[SaleSummary]]:
    if query.customer is not None:
        yield of_customer.bind(customer=query.customer)
    if query.payment is not None:
        yield on_credit if query.payment == "credit" else ~on_credit
    if query.status is not None:
        yield undone if query.status == "cancelled" else ~undone
    if query.minimum is not None:
        yield at_least.bind(minimum=query.minimum)
    if query.first is not None:
        yield since.bind(first=query.first)
    if query.last is not None:
        yield until.bind(last=query.last)


@sale_queries.query
async def get_customer_history(query: GetCustomerHistory, purchases: Rows[Purchase]) -> Page[Purchase]:
    """Return the page of that customer's history."""
    return await purchases.find(customer=query.customer, order=_NEWEST, limit=query.limit, offset=query.offset)


@sale_queries.query
async def scroll_customer_history(query: ScrollCustomerHistory, purchases: Rows[Purchase]) -> CursorPage[Purchase]:
    """Return the page of that customer's history behind the cursor."""
    return await purchases.scroll(customer=query.customer, order=_NEWEST, limit=query.limit, cursor=query.cursor)
