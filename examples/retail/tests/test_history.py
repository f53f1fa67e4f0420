"""The past of the imported year: as of any position it is what a cold fold makes, and blame names what set a field."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import sqlalchemy as sa

from diptych import Application, Criteria
from diptych.history.blame import Blame
from diptych.history.folder import SequentialFolder
from diptych.history.refold import Refold
from diptych.ports import Version
from diptych.recorded import meta_of
from diptych.stores.postgres.rows import PostgresRowStore
from retail.app import build
from retail.importing.run import import_file
from retail.queries.products import GetProduct
from retail.settings import ShopSettings
from retail.views.departments import assortment
from retail.views.products import ProductView, products
from tests.clusters import NEWEST, Cluster
from tests.sizes import size

pytestmark = [pytest.mark.fault, pytest.mark.real_data, pytest.mark.timeout(size(240, full=6_000))]

LINES = size(3_000, full=541_909)
POSITIONS = size(40, full=1_000)
ROWS = size(40, full=1_000)
FIELDS = [column.name for column in products.columns]
SLOWEST = 0.100
SHARES = {"p50": 0.5, "p99": 0.99, "max": 1.0}
Record = Callable[[str, object], None]


def slowest(shop: Application) -> float:
    """Return the bound in seconds; at a small size a server may wait for its turn on a busy machine."""
    is_bound = not isinstance(shop.rows, PostgresRowStore) or size(0, full=1)
    return SLOWEST if is_bound else 1


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["folder", "postgres"])
async def shop(
    request: pytest.FixtureRequest,
    first_lines: Callable[[int], Path],
    tmp_path_factory: pytest.TempPathFactory,
    cluster_of: Callable[[str], Cluster],
) -> AsyncIterator[Application]:
    folder, settings = tmp_path_factory.mktemp("shop"), ShopSettings(negative_stock=True)
    home = folder if request.param == "folder" else cluster_of(NEWEST).database().url
    async with build(home, settings) as app:
        await import_file(app, first_lines(LINES), folder / "rejects.csv", settings, lambda *_: None)
        await app.caught_up(timeout=3_000)
        yield app


async def cold_folds(app: Application, positions: Sequence[int]) -> AsyncIterator[tuple[int, dict[Any, ProductView]]]:
    """Yield the products at each of these positions, as the independent folder makes them from nothing."""
    folder, after = SequentialFolder(assortment), 0
    for position in positions:
        while after < position:
            page = await app.store.read(Criteria.typed(*assortment.types), after=after, until=position)
            for stored in page.events:
                for event in app.codec.read(stored.name, stored.version, stored.data):
                    folder.fold(event, meta_of(stored))
            after = position if page.complete else page.through
        yield position, folder.tables[products.name]


def percentiles(record: Record, name: str, seconds: list[float]) -> float:
    """Record how long something took; return what 99 of 100 took at most."""
    ordered = sorted(seconds)
    found = {title: ordered[int(share * (len(ordered) - 1))] for title, share in SHARES.items()}
    for title, taken in found.items():
        record(f"{name} {title} in ms", round(taken * 1000, 2))
    return found["p99"]


@pytest.mark.asyncio(loop_scope="module")
async def test_as_of_any_position_keys_and_lists_are_those_of_a_cold_fold(
    shop: Application, record_property: Record
) -> None:
    drawn, head, by_key, by_list = random.Random(1), await shop.head(), list[float](), list[float]()
    positions = sorted(drawn.randint(0, head) for _ in range(POSITIONS))
    table = shop.rows.table(products)
    every = sa.select(*(table.c[name] for name in ProductView.__struct_fields__))
    record_property("events", head)

    async with shop.rows.reader() as reader:
        async for position, expected in cold_folds(shop, positions):
            started = time.perf_counter()
            found = (await reader.select([every], as_of=position))[0]
            by_list.append(time.perf_counter() - started)
            assert {(row[0],): ProductView(*row) for row in found} == expected
            for code in [*drawn.sample(sorted(expected), min(3, len(expected))), ("nothing",)]:
                started = time.perf_counter()
                row = await shop.ask(GetProduct(code[0]), as_of=position)
                by_key.append(time.perf_counter() - started)
                assert row == expected.get(code)

    percentiles(record_property, "as of all products", by_list)
    assert percentiles(record_property, "as of by key", by_key) <= slowest(shop)


def blamed(versions: Sequence[Version], field: str) -> int:
    """The position of the last version that differs from the one before it in a field."""
    pairs = zip([Version(0, None), *versions], versions, strict=False)
    return max(new.position for old, new in pairs if _value(old.row, field) != _value(new.row, field) or not old.row)


def _value(row: Any, field: str) -> Any:
    return None if row is None else getattr(row, field)


@pytest.mark.asyncio(loop_scope="module")
async def test_blame_names_the_event_that_last_changed_each_field(shop: Application, record_property: Record) -> None:
    drawn, head = random.Random(2), await shop.head()
    codes = [each.product for each in (await shop_rows(shop, head)).values()]
    asked, refolded, versions_of = list[float](), list[float](), list[int]()
    gc.collect()
    gc.freeze()  # what the import left in memory is gone through by no collection: no shop imports while it is asked

    for code in drawn.choices(codes, k=ROWS):
        started = time.perf_counter()
        blame = await shop.history.blame(products.name, code)
        asked.append(time.perf_counter() - started)
        started = time.perf_counter()
        versions = await Refold(assortment, shop.store, shop.codec, until=head).versions(products, (code,))
        refolded.append(time.perf_counter() - started)
        versions_of.append(len(versions))
        assert {each.field: each.cause.position for each in blame.fields} == {n: blamed(versions, n) for n in FIELDS}
        await differs(shop, code, blame)

    gc.unfreeze()
    record_property("versions of a row at most", max(versions_of))
    assert percentiles(record_property, "blame", asked) <= slowest(shop)
    assert percentiles(record_property, "refold by tags", refolded) <= slowest(shop)


async def differs(shop: Application, code: str, blame: Blame) -> None:
    """The row before the blamed event and the row after it differ in the field, and the row after has its value."""
    rows = {
        at: await shop.ask(GetProduct(code), as_of=at)
        for at in {position for each in blame.fields for position in (each.cause.position - 1, each.cause.position)}
    }
    for each in blame.fields:
        before, after = rows[each.cause.position - 1], rows[each.cause.position]
        assert before is None or _value(before, each.field) != each.value
        assert _value(after, each.field) == each.value


async def shop_rows(shop: Application, position: int) -> dict[Any, ProductView]:
    return {key: row async for _, rows in cold_folds(shop, [position]) for key, row in rows.items()}
