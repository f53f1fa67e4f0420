"""The report: the shop's figures, all of them asked of read models."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from diptych import Application
from retail.queries.customers import FindCustomers
from retail.queries.documents import CountDocuments
from retail.queries.products import GetInventory
from retail.queries.reports import GetSalesReport
from retail.values import ZERO
from retail.views.documents import DocumentDay


@dataclass(frozen=True, slots=True)
class Best:
    """The best of something: its name and its figure."""

    name: str
    figure: Decimal


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of the shop; net is all documents together, gross is sales alone, a cancelled sale is none."""

    products: int
    customers: int
    sales: int
    sale_lines: int
    gross_sales: Decimal
    net_revenue: Decimal
    net_units: int
    net_units_without_ledger: int
    total_stock: int
    documents: int
    most_documents: Best | None
    most_sales: Best | None
    top_customer: Best | None
    net_revenue_by_month: dict[str, Decimal]


async def report_of(app: Application) -> Report:
    """Ask for the figures of all time."""
    inventory = await app.ask(GetInventory())
    sales = await app.ask(GetSalesReport())
    counts = await app.ask(CountDocuments())
    best = await app.ask(FindCustomers(order="-net", limit=1))
    return Report(
        products=inventory.products,
        customers=best.total,
        sales=sales.count,
        sale_lines=sales.lines,
        gross_sales=sales.total,
        net_revenue=sum((count.total for count in counts), ZERO),
        net_units=sum(count.units for count in counts),
        net_units_without_ledger=sum(count.units for count in counts if count.kind != "adjustment"),
        total_stock=inventory.units,
        documents=sum(count.documents for count in counts),
        most_documents=_most(_by_day(counts).items()),
        most_sales=_most((day.day, day.count) for day in sales.days),
        top_customer=next((Best(row.customer, row.net) for row in best), None),
        net_revenue_by_month=_by_month(counts),
    )


def figures_of(report: Report) -> dict[str, object]:
    """Return the figures as JSON has them: money as text, exactly and without idle zeros."""

    def of(best: Best | None, name: str, figure: str, shown: Callable[[Decimal], object]) -> object:
        return None if best is None else {name: best.name, figure: shown(best.figure)}

    return {
        "products": report.products,
        "customers": report.customers,
        "sales": report.sales,
        "sale_lines": report.sale_lines,
        "gross_sales": plain(report.gross_sales),
        "net_revenue": plain(report.net_revenue),
        "net_units": report.net_units,
        "net_units_without_ledger": report.net_units_without_ledger,
        "total_stock": report.total_stock,
        "documents": report.documents,
        "most_documents": of(report.most_documents, "day", "documents", int),
        "most_sales": of(report.most_sales, "day", "sales", int),
        "top_customer": of(report.top_customer, "customer", "net_revenue", plain),
        "net_revenue_by_month": {month: plain(total) for month, total in report.net_revenue_by_month.items()},
    }


def plain(money: Decimal) -> str:
    """Return money as text without idle zeros.

    >>> plain(Decimal("9747747.9340")), plain(Decimal("100.0000"))
    ('9747747.934', '100')
    """
    return f"{money.normalize():f}" if money else "0"


def _by_day(counts: Iterable[DocumentDay]) -> dict[date, int]:
    days: dict[date, int] = defaultdict(int)
    for count in counts:
        days[count.day] += count.documents
    return days


def _by_month(counts: Iterable[DocumentDay]) -> dict[str, Decimal]:
    months: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for count in counts:
        months[f"{count.day:%Y-%m}"] += count.total
    return dict(months)


def _most(days: Iterable[tuple[date, int]]) -> Best | None:
    found = max(days, key=lambda pair: pair[1], default=None)
    return None if found is None else Best(found[0].isoformat(), Decimal(found[1]))
