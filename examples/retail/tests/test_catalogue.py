"""The catalogue: departments and units first, then a product for every line, once, however often it runs."""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych import Application, Criteria
from retail.app import build
from retail.departments import DepartmentOpened, OpenDepartment
from retail.importing.catalogue import HEADER, Entry, read
from retail.importing.run import Imported, import_file
from retail.importing.stages import Hear
from retail.place import Place
from retail.products import ChangeDescription, ProductCreated
from retail.settings import ShopSettings
from retail.units import UnitOpened

GOOD = """\
25671,2,GROCERY,National,FRZN ICE,ICE - CRUSHED/CUBED,22 LB
26081,2,MISCELLANEOUS,National,,,
26190,69,GROCERY,Private,FRUIT - SHELF STABLE,"APPLE SAUCE, SMOOTH",50 OZ
26355,69,GROCERY,Private,COOKIES/CONES,SPECIALTY COOKIES,22 LB
26370,69,,Private,COOKIES/CONES,SPECIALTY COOKIES,
""".splitlines()

BAD = """\
1,2,GROCERY,National,X,A THING,1 LB
,2,GROCERY,National,X,A THING,1 LB
2,2,GROCERY,National,X
3,2,{long},National,X,A THING,1 LB
1,2,GROCERY,National,X,ANOTHER THING,1 LB
4,2,GROCERY,National,X,A THING,1 LB
""".format(long="X" * 65).splitlines()


def written(folder: Path, lines: Sequence[str], name: str = "products.csv") -> Path:
    file = folder / name
    text = "\n".join((HEADER, *lines)) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return file


async def imported(app: Application, file: Path, hear: Hear = lambda *_: None) -> Imported:
    return await import_file(app, file, file.with_name("rejects.csv"), ShopSettings(), hear)


async def recorded(app: Application) -> list[Any]:
    found = (await app.store.read(Criteria.all())).events
    return [event for each in found for event in app.codec.read(each.name, each.version, each.data)]


def test_the_description_is_the_type_or_else_the_code_and_the_unit_is_the_size() -> None:
    assert read(2, GOOD[0]) == Entry(2, "25671", "ICE - CRUSHED/CUBED", "GROCERY", "22 LB", GOOD[0])
    assert read(3, GOOD[1]) == Entry(3, "26081", "26081", "MISCELLANEOUS", None, GOOD[1])


async def test_departments_and_units_are_opened_before_the_products(tmp_path: Path) -> None:
    async with build() as app:
        done = await imported(app, written(tmp_path, GOOD))
        events = await recorded(app)

    assert done == Imported(lines=5, accepted=2 + 2 + 5)
    assert {type(event) for event in events[:4]} == {DepartmentOpened, UnitOpened}
    assert sorted(events[4:], key=lambda event: event.product) == [
        ProductCreated("25671", "ICE - CRUSHED/CUBED", Decimal(0), Decimal(0), 0, "GROCERY", "22 LB"),
        ProductCreated("26081", "26081", Decimal(0), Decimal(0), 0, "MISCELLANEOUS", None),
        ProductCreated("26190", "APPLE SAUCE, SMOOTH", Decimal(0), Decimal(0), 0, "GROCERY", "50 OZ"),
        ProductCreated("26355", "SPECIALTY COOKIES", Decimal(0), Decimal(0), 0, "GROCERY", "22 LB"),
        ProductCreated("26370", "SPECIALTY COOKIES", Decimal(0), Decimal(0), 0, None, None),
    ]


async def test_a_second_run_changes_nothing_not_even_what_was_changed_in_between(tmp_path: Path, home: Place) -> None:
    file = written(tmp_path, GOOD, "products.csv.gz")
    async with build(home) as app:
        first = await imported(app, file)
        (await app.send(ChangeDescription("25671", "ice"))).unwrap()
        head = await app.head()

    async with build(home) as app:
        again = await imported(app, file)

        assert again == Imported(lines=5, replayed=first.accepted)
        assert await app.head() == head


async def test_an_import_that_was_cut_short_goes_on_where_it_was(tmp_path: Path, home: Place) -> None:
    lines = [f"{code},2,D{code % 7},National,X,THING {code},{code % 5} OZ" for code in range(1, 2001)]
    file = written(tmp_path, lines)
    halfway = asyncio.Event()
    async with build(home) as app:
        cut = asyncio.create_task(
            imported(app, file, lambda stage, done, _: halfway.set() if (stage, done) == ("products", 1000) else None)
        )
        await halfway.wait()
        cut.cancel()
        await asyncio.gather(cut, return_exceptions=True)
        before = await app.head()

    async with build(home) as app:
        done = await imported(app, file)

        assert 500 < before < 2012
        assert done.replayed >= before
        assert (done.accepted + done.replayed, await app.head()) == (2012, 2012)


async def test_a_line_that_is_no_product_is_rejected_with_place_and_reason(tmp_path: Path) -> None:
    async with build() as app:
        done = await imported(app, written(tmp_path, BAD))

    with (tmp_path / "rejects.csv").open(newline="") as rejects:
        found = {(row["line"], row["number"], row["reason"]) for row in csv.DictReader(rejects)}
    assert found == {
        ("3", "", "product_id: expected a code, found nothing"),
        ("4", "2", "expected 7 fields, found 5"),
        ("5", "3", "department: expected at most 64 characters, found 65"),
        ("6", "1", "product:1 was imported before, with other content"),
    }
    assert (done.accepted, done.rejected_lines, done.is_clean) == (1 + 1 + 2, 4, False)


async def test_a_department_that_was_open_already_keeps_its_name(tmp_path: Path) -> None:
    async with build() as app:
        (await app.send(OpenDepartment("GROCERY", "Groceries"))).unwrap()

        done = await imported(app, written(tmp_path, GOOD[:1]))

        assert (done.accepted, done.is_clean) == (2, True)
        assert [e.name for e in await recorded(app) if isinstance(e, DepartmentOpened)] == ["Groceries"]


@pytest.mark.real_data
@pytest.mark.timeout(300)
async def test_the_whole_catalogue_of_a_real_grocer_is_imported(real_catalogue: Path, tmp_path: Path) -> None:
    with gzip.open(real_catalogue, "rt", encoding="utf-8", newline="") as text:
        rows = list(csv.DictReader(text))

    async with build(tmp_path, projections="follow") as app:  # nobody asks for rows here: nobody folds them
        done = await imported(app, real_catalogue)

        sizes = {row["package_size"] for row in rows if row["package_size"]}
        departments = Counter(row["department"] for row in rows)
        assert (len(rows), len(departments)) == (92_331, 32)
        assert done == Imported(lines=92_331, accepted=92_331 + 32 + len(sizes))
