"""A real grocer: 92,331 products are searched in milliseconds, also while a department of thousands is renamed."""

from __future__ import annotations

import asyncio
import csv
import gzip
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

import pytest

from diptych import Application
from retail.app import build
from retail.departments import RenameDepartment
from retail.importing.run import import_file
from retail.queries.products import FindProducts, ListProducts
from retail.sales import ProcessSale, SaleLine
from retail.settings import ShopSettings
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.real_data, pytest.mark.timeout(size(120, full=900))]

LINES = size(4_000, full=92_331)
SEARCHES = size(60, full=1_000)
SLOWEST = 0.020
Record = Callable[[str, object], None]


def goods(catalogue: Path, folder: Path) -> tuple[Path, list[dict[str, str]]]:
    """Return the first lines of the catalogue in a file of their own, and as rows."""
    file = folder / "products.csv"
    with gzip.open(catalogue, "rt", encoding="utf-8", newline="") as text:
        file.write_text("".join(islice(text, LINES + 1)), encoding="utf-8", newline="")
    with file.open(encoding="utf-8", newline="") as text:
        return file, list(csv.DictReader(text))


def asked(rows: Sequence[dict[str, str]], count: int) -> list[FindProducts]:
    """Return searches as people type them: a word, the beginning of one, a word and the beginning of another."""
    draw = random.Random(1)
    found: list[FindProducts] = []
    while len(found) < count:
        row = draw.choice(rows)
        words = [word for word in row["product_type"].replace("/", " ").split() if word.isalpha()]
        if len(words) > 1:
            text = draw.choice([words[0], words[0][:3], f"{words[0]} {words[1][:2]}"])
            department = row["department"] if draw.random() < 0.3 else None
            found.append(FindProducts(text=text, department=department, limit=20))
    return found


async def searched(shop: Application, queries: Sequence[FindProducts]) -> list[float]:
    """Ask one after the other; return how long each took."""
    taken = []
    for query in queries:
        started = time.perf_counter()
        page = await shop.ask(query)
        taken.append(time.perf_counter() - started)
        assert page.total >= 1
    return sorted(taken)


def percentile(taken: Sequence[float], share: float) -> float:
    return taken[int(share * (len(taken) - 1))]


async def test_searches_take_milliseconds_also_while_a_department_is_renamed_and_sales_go_on(
    real_catalogue: Path, tmp_path: Path, record_property: Record
) -> None:
    file, rows = goods(real_catalogue, tmp_path)
    settings = ShopSettings(negative_stock=True)
    code, count = Counter(row["department"] for row in rows).most_common(1)[0]
    async with build(tmp_path, settings) as shop:
        await import_file(shop, file, tmp_path / "rejects.csv", settings, lambda *_: None)
        await shop.caught_up(timeout=600)
        quiet = await searched(shop, asked(rows, SEARCHES))
        renaming = asyncio.create_task(renamed(shop, code))
        sales = asyncio.create_task(sold(shop, [row["product_id"] for row in rows], renaming))
        beside = await searched(shop, asked(rows, SEARCHES))
        position = await renaming
        await sales
        listed = await shop.ask(ListProducts(department=code, limit=500), after=position)
        report = await shop.check("assortment")

    record_property("products", len(rows))
    record_property("renamed", count)
    for name, taken in (("search", quiet), ("search beside renaming and sales", beside)):
        for share in (0.5, 0.99):
            record_property(f"{name} p{share * 100:g} in ms", round(percentile(taken, share) * 1000, 2))
    assert (listed.total, {item.department_name for item in listed}) == (count, {"renamed"})
    assert report.differences == ()
    assert percentile(quiet, 0.99) <= (SLOWEST if size(0, full=1) else 1)


async def renamed(shop: Application, code: str) -> int:
    """Rename a department a few times; return when every row has its last name."""
    results = [await shop.send(RenameDepartment(code, name)) for name in ("renamed once", "renamed twice", "renamed")]
    await shop.ask(ListProducts(limit=1), after=results[-1], wait=300)
    position = results[-1].position
    assert position is not None
    return position


async def sold(shop: Application, products: Sequence[str], until: asyncio.Task[int]) -> None:
    """Sell one thing after the other until then."""
    draw = random.Random(2)
    while not until.done():
        line = SaleLine(draw.choice(products), 1)
        (await shop.send(ProcessSale(lines=(line,), payment="cash", till="T1"))).unwrap()
