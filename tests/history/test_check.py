"""Check compares every row with an independent fold, and names what differs."""

from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from diptych.errors import FoldError, RebuildingError, UnknownRowError
from diptych.history.check import Difference, check
from diptych.history.folder import SequentialFolder
from diptych.model.meta import Meta
from diptych.ports import Changes
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.system import SystemClock
from tests.read.shop import Created, Line, Name, Product, Renamed, Sold, codec, opened, record, shop

APPLE = Created("a", "Apple", Decimal("1.5"))


async def test_a_right_projection_has_no_differences() -> None:
    store = MemoryEventStore()
    async with opened(store, [shop()]) as panel:
        await panel.caught_up(await record(store, APPLE, Sold(1, (("a", 2), ("z", 1)))))

        report = await check(shop(), store, panel.rows, codec())

    assert report.is_right
    assert (report.projection, report.position, report.rows) == ("shop", 2, 4)


async def test_every_wrong_row_is_named_with_what_it_should_be(tmp_path: Path) -> None:
    store, path, projection = MemoryEventStore(), tmp_path / "rows.db", shop()
    async with opened(store, [projection], path=path) as panel:
        await panel.caught_up(await record(store, APPLE, Sold(1, (("a", 2),))))
    async with SqliteRowStore(path) as rows, rows.writer() as writer:
        await writer.lease({"shop": ""}, seconds=9)
        stored = await writer.install([projection], {"shop": ""}, log_id=store.log_id, head=2, mode="dev")
        wrong = {("a",): Product("a", "Apple", Decimal("1.6"), 2)}
        extra = {("Z",): Name("Z", 1)}
        products, names, _ = projection.models
        changes = [Changes(products, wrong, {("a",): 2}), Changes(names, extra, {("Z",): 2})]
        await writer.save(stored["shop"], 2, changes)

        report = await check(projection, store, rows, codec())

    found = {(each.model, each.key, each.field): (each.stored, each.expected) for each in report.differences}
    assert found["product", ("a",), "price"] == (Decimal("1.6"), Decimal("1.5"))
    assert found["name", ("Z",), ""] == (Name("Z", 1), None)
    assert found["line", (2, 0), ""] == (None, Line(1, "a", 2))
    assert str(Difference("m", (1,), "f", 2, 3)) == "m (1,) f: stored 2, expected 3"


async def test_a_rebuild_is_not_checked() -> None:
    store, projection = MemoryEventStore(), shop()
    await record(store, APPLE)
    async with SqliteRowStore(None) as rows, rows.writer() as writer:
        await writer.lease({"shop": ""}, seconds=9)
        await writer.install([projection], {"shop": ""}, log_id=UUID(int=1), head=1, mode="production")

        with pytest.raises(RebuildingError):
            await check(projection, store, rows, codec())


async def test_a_projection_that_has_not_begun_has_no_rows_to_check(tmp_path: Path) -> None:
    store = MemoryEventStore()
    await record(store, APPLE)
    async with SqliteRowStore(tmp_path / "rows.db") as rows:
        with pytest.raises(UnknownRowError, match=r"'shop' has not begun.*serve the application"):
            await check(shop(), store, rows, codec())


def test_the_folder_stops_at_a_row_that_must_exist() -> None:
    folder = SequentialFolder(shop())

    with pytest.raises(FoldError, match="no row"):
        folder.fold(Renamed("nobody", "x"), Meta(1, SystemClock().now()))
