"""The import: one command for each act, once, however often it runs; what it cannot take stands in the rejects file."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from diptych import Application, Criteria
from retail.app import build
from retail.importing.lines import HEADER
from retail.importing.run import Imported, import_file
from retail.place import Place
from retail.queries.customers import FindCustomers
from retail.queries.documents import GetDocument
from retail.queries.products import FindProducts, GetProduct
from retail.queries.sales import GetSale
from retail.report import figures_of, report_of
from retail.settings import ShopSettings

BELOW_ZERO = ShopSettings(negative_stock=True)

GOOD = """\
536365,85123A,,6,2010-12-01 08:26:00,2.55,17850,United Kingdom
536365,85123a, LANTERN ,6,2010-12-01 08:26:00,3.39,17850,United Kingdom
536414,22139,,56,2010-12-01 11:52:00,0.0,,United Kingdom
536366,85123A,HOLDER,2,2010-12-01 08:28:00,2.95,,United Kingdom
536365,85123A,OTHER,1,2010-12-01 08:27:00,2.55,17850,United Kingdom
C536379,85123A,HOLDER,-1,2010-12-01 09:41:00,2.55,17850,United Kingdom
536366,85123A,damaged,-9,2010-12-01 08:30:00,0.0,,United Kingdom
536366,85123A,damaged,-9,2010-12-01 08:30:00,0.0,,United Kingdom
A563186,B,Adjust bad debt,1,2011-08-12 14:51:00,-11062.06,,United Kingdom
""".splitlines()

BAD = """\
1,A,sold,1,2010-12-01 08:26:00,1.00,,United Kingdom
2,A,sold,1,2010-12-01 08:26:00,1.00,,United Kingdom
1,A,sold,many,2010-12-01 08:26:00,1.00,,United Kingdom
1,A,moved,1,2010-12-01 08:26:00,0,,United Kingdom
3,A,sold,-1,2010-12-01 08:26:00,1.00,,United Kingdom
4,A,sold,1,2010-12-01 08:26:00,1.00,7,United Kingdom
4,A,sold,1,2010-12-01 08:26:00,1.00,8,United Kingdom
nothing of use
,,,
5,A,sold,1,2010-12-01 08:26:00,1.00,,United Kingdom
""".splitlines()


def written(folder: Path, lines: Sequence[str], name: str = "sales.csv") -> Path:
    file = folder / name
    text = "\n".join((HEADER, *lines)) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


async def imported(app: Application, file: Path) -> Imported:
    done = await import_file(app, file, file.with_name("rejects.csv"), BELOW_ZERO, lambda *_: None)
    await app.caught_up()
    return done


async def test_each_rule_makes_its_commands(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        done = await imported(app, written(tmp_path, GOOD))

        assert done == Imported(lines=9, accepted=4 + 1 + 2 + 1 + 3 + 1)
        assert figures_of(await report_of(app)) == {
            "products": 4,
            "customers": 1,
            "sales": 2,
            "sale_lines": 4,
            "gross_sales": "44.09",
            "net_revenue": "-11020.52",
            "net_units": 53,
            "net_units_without_ledger": 52,
            "total_stock": 24,
            "documents": 5,
            "most_documents": {"day": "2010-12-01", "documents": 4},
            "most_sales": {"day": "2010-12-01", "sales": 2},
            "top_customer": {"customer": "17850", "net_revenue": "35.64"},
            "net_revenue_by_month": {"2010-12": "41.54", "2011-08": "-11062.06"},
        }
        assert not (tmp_path / "rejects.csv").exists()


async def test_products_have_their_first_description_and_their_first_price(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, GOOD))

        found = {item.product: (item.description, item.price) for item in await app.ask(FindProducts())}

    assert found == {
        "85123A": ("HOLDER", Decimal("2.55")),
        "85123a": ("LANTERN", Decimal("3.39")),
        "22139": ("22139", Decimal(0)),
        "B": ("Adjust bad debt", Decimal(0)),
    }


async def test_a_scattered_document_is_one_sale_of_its_first_lines_time(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, GOOD))

        sale = await app.ask(GetSale("536365"))

    assert sale is not None
    assert (sale.lines, sale.units, sale.total, sale.customer) == (3, 13, Decimal("38.19"), "17850")
    assert (sale.sold_at, sale.payment, sale.seller) == (datetime(2010, 12, 1, 8, 26, tzinfo=UTC), "cash", "import")


async def test_equal_lines_without_a_price_are_two_movements_on_one_paper_with_a_sale(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, GOOD))

        paper = await app.ask(GetDocument("536366"))

    assert paper is not None
    assert (paper.kind, paper.lines, paper.units, paper.total) == ("sale", 3, -16, Decimal("5.90"))


async def test_a_second_run_changes_nothing(tmp_path: Path, home: Place) -> None:
    file = written(tmp_path, GOOD, "sales.csv.gz")
    async with build(home, BELOW_ZERO) as app:
        first = await imported(app, file)
        head = await app.head()

    async with build(home, BELOW_ZERO) as app:
        again = await imported(app, file)

        assert again == Imported(lines=9, accepted=0, replayed=first.accepted)
        assert await app.head() == head


async def test_what_cannot_be_taken_is_rejected_whole_with_line_and_reason(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        done = await imported(app, written(tmp_path, BAD))

        assert not done.is_clean
        assert (done.rejected_lines, done.rejected_documents) == (8, 5)
        assert await app.ask(GetSale("1")) is None
        assert (await app.ask(GetSale("2"))) is not None
        assert (await app.ask(GetSale("5"))) is not None
        stock = await app.ask(GetProduct("A"))
        assert stock is not None
        assert stock.in_stock == -2

    with (tmp_path / "rejects.csv").open(newline="") as rejects:
        found = [(row["line"], row["number"], row["reason"]) for row in csv.DictReader(rejects)]
    broken = "line 4 of this document: quantity: expected a whole number, found 'many'"
    assert found == [
        ("2", "1", broken),
        ("4", "1", "quantity: expected a whole number, found 'many'"),
        ("5", "1", broken),
        ("6", "3", "no rule takes quantity -1 at price 1.00 on invoice 3"),
        ("7", "4", "line 8 of this document: names another customer"),
        ("8", "4", "line 8 of this document: names another customer"),
        ("9", "nothing of use", "expected 8 fields, found 1"),
        ("10", "", "expected 8 fields, found 4"),
    ]


async def test_the_import_goes_on_where_the_file_was_mended(tmp_path: Path) -> None:
    mended = [line.replace("many", "2") for line in BAD]
    async with build(None, BELOW_ZERO) as app:
        first = await imported(app, written(tmp_path, BAD))

        second = await imported(app, written(tmp_path, mended))

        assert second.replayed == first.accepted
        sale = await app.ask(GetSale("1"))
        assert sale is not None
        assert sale.total == Decimal("3.00")
        assert second.rejected_documents == 4


async def test_what_the_shop_refuses_is_rejected_with_its_reason(tmp_path: Path) -> None:
    sale = "1,A,sold,1,2010-12-01 08:26:00,{},,United Kingdom"
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, [sale.format("1.00")]))

        again = await imported(app, written(tmp_path, [sale.format("1.50")]))

        assert (again.replayed, again.rejected_lines) == (1, 1)
        assert "sale:1 was imported before, with other content" in (tmp_path / "rejects.csv").read_text()


async def test_without_negative_stock_a_sale_of_what_is_not_there_is_rejected(tmp_path: Path) -> None:
    async with build(None, ShopSettings()) as app:
        done = await imported(app, written(tmp_path, GOOD[:2]))

        assert done.rejected_documents == 1
        assert "refused: 0 of 85123A in stock, 6 asked for" in (tmp_path / "rejects.csv").read_text()


async def test_a_clean_run_takes_an_old_rejects_file_away(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, BAD))
        assert (tmp_path / "rejects.csv").exists()

        await imported(app, written(tmp_path, GOOD))

    assert not (tmp_path / "rejects.csv").exists()


async def test_every_event_says_that_the_import_caused_it(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, GOOD))

        events = (await app.store.read(Criteria.all())).events

    assert {b'"actor":"import"' in event.metadata for event in events} == {True}


async def test_customers_come_from_the_file(tmp_path: Path) -> None:
    async with build(None, BELOW_ZERO) as app:
        await imported(app, written(tmp_path, GOOD))

        assert [row.customer for row in await app.ask(FindCustomers())] == ["17850"]
