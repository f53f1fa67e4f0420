"""The first 20,000 lines of a real year: every figure of the report, computed a second time from the raw rows."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from retail.app import build
from retail.importing.run import import_file
from retail.place import Place
from retail.report import figures_of, plain, report_of
from retail.settings import ShopSettings

pytestmark = pytest.mark.real_data

Row = dict[str, str]


def rows_of(file: Path) -> list[Row]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def amount(row: Row) -> Decimal:
    return int(row["Quantity"]) * Decimal(row["UnitPrice"])


def is_sold(row: Row) -> bool:
    return row["InvoiceNo"].isdigit() and int(row["Quantity"]) > 0 and Decimal(row["UnitPrice"]) > 0


def stock_delta(row: Row) -> int:
    if row["InvoiceNo"].startswith("A"):
        return 0
    return int(row["Quantity"]) * (1 if Decimal(row["UnitPrice"]) == 0 else -1)


def best(counted: Counter[str]) -> tuple[str, int]:
    return min(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def figures_from(rows: list[Row]) -> dict[str, object]:
    sold = [row for row in rows if is_sold(row)]
    documents = Counter({row["InvoiceNo"]: row["InvoiceDate"][:10] for row in rows}.values())
    sales = Counter({row["InvoiceNo"]: row["InvoiceDate"][:10] for row in sold}.values())
    worth: dict[str, Decimal] = defaultdict(Decimal)
    months: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        months[row["InvoiceDate"][:7]] += amount(row)
        if row["CustomerID"]:
            worth[row["CustomerID"]] += amount(row)
    customer = max(worth, key=lambda each: worth[each])
    return {
        "products": len({row["StockCode"] for row in rows}),
        "customers": len(worth),
        "sales": len({row["InvoiceNo"] for row in sold}),
        "sale_lines": len(sold),
        "gross_sales": plain(sum((amount(row) for row in sold), Decimal())),
        "net_revenue": plain(sum((amount(row) for row in rows), Decimal())),
        "net_units": sum(int(row["Quantity"]) for row in rows),
        "net_units_without_ledger": sum(int(r["Quantity"]) for r in rows if not r["InvoiceNo"].startswith("A")),
        "total_stock": sum(stock_delta(row) for row in rows),
        "documents": len({row["InvoiceNo"] for row in rows}),
        "most_documents": dict(zip(("day", "documents"), best(documents), strict=True)),
        "most_sales": dict(zip(("day", "sales"), best(sales), strict=True)),
        "top_customer": {"customer": customer, "net_revenue": plain(worth[customer])},
        "net_revenue_by_month": {month: plain(total) for month, total in sorted(months.items())},
    }


async def test_every_figure_of_the_first_20_000_lines_is_that_of_the_raw_rows(
    first_lines: Callable[[int], Path], tmp_path: Path, home: Place
) -> None:
    file, settings = first_lines(20_000), ShopSettings(negative_stock=True)
    async with build(home, settings) as app:
        done = await import_file(app, file, tmp_path / "rejects.csv", settings, lambda *_: None)
        await app.caught_up()

        figures = figures_of(await report_of(app))
        checks = [await app.check(name) for name in app.projections]

    assert (done.lines, done.is_clean) == (20_000, True)
    assert figures == figures_from(rows_of(file))
    assert [report.differences for report in checks] == [()] * len(checks)
