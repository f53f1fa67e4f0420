"""The store of views: computed on one snapshot, swapped whole, never for something older, and refused where unfit."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from diptych import Application, Projection, Rows, Scale, WiringError
from diptych.model.views import MaterialisedView, OnDemand, view_of
from diptych.ports import Materialised
from diptych.stores.selects import refuse_unfit
from diptych.stores.sqlite import rows_views
from diptych.stores.sqlite.rows_statements import writing_of
from diptych.stores.sqlite.rows_views import Computed, SqliteViews
from diptych.stores.tables import table_of
from tests.read.sales import Completed, SaleSummary, shop
from tests.read.shop import record
from tests.sizes import size

MONDAY = date(2026, 1, 5)


@pytest.fixture(params=["memory", "file"])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    async with shop(None if request.param == "memory" else tmp_path) as opened:
        yield opened


@pytest.fixture
async def views(app: Application) -> AsyncIterator[SqliteViews]:
    async with views_of(app) as opened:
        yield opened


def views_of(app: Application) -> SqliteViews:
    views = app.rows.views()
    assert isinstance(views, SqliteViews)
    return views


async def computed(app: Application, views: SqliteViews) -> Computed:
    bound = app._read.views.bound["sales_by_day"]
    return await views.compute(bound.view, bound.statement(), bound.models)


async def swapped(
    app: Application, views: SqliteViews, found: Computed, *, code: str = "f", at: int = 0
) -> Materialised:
    view = app._read.views.bound["sales_by_day"].view
    position = min(each.position for each in found.below.checkpoints.values())
    new = Materialised(view.name, position, found.below.seen, code, app.store.log_id, at)
    return await views.swap(view, found, new)


async def sell(app: Application, *numbers: int) -> None:
    await record(app.store, *(Completed(number, MONDAY, Decimal(1)) for number in numbers))
    await app.caught_up()


async def test_an_older_snapshot_never_takes_the_place_of_a_newer_one(app: Application, views: SqliteViews) -> None:
    await sell(app, 1)
    older = await computed(app, views)
    await sell(app, 2, 3)
    newer = await computed(app, views)

    stored = await swapped(app, views, newer)
    kept = await swapped(app, views, older)

    assert kept == stored
    assert (await views.stored())["sales_by_day"] == stored
    assert (stored.position, stored.rows, stored.seen) == (3, 1, newer.below.seen)


async def test_other_code_replaces_whatever_is_there(app: Application, views: SqliteViews) -> None:
    await sell(app, 1)
    older = await computed(app, views)
    await sell(app, 2)
    await swapped(app, views, await computed(app, views))

    stored = await swapped(app, views, older, code="g")

    assert (stored.position, stored.fingerprint) == (1, "g")


async def test_what_is_stored_is_read_afresh_after_another_connection_swapped(
    app: Application, views: SqliteViews
) -> None:
    await sell(app, 1)
    before = (await views.stored()).get("sales_by_day")
    async with views_of(app) as other:
        stored = await swapped(app, other, await computed(app, other), at=7)

    assert before != stored
    assert (await views.stored())["sales_by_day"] == stored


async def test_one_table_of_a_view_is_left(tmp_path: Path) -> None:
    async with shop(tmp_path) as app, views_of(app) as views:
        for number in range(5):
            await sell(app, number)
            await swapped(app, views, await computed(app, views))
        last = (await views.stored())["sales_by_day"].generation

    with sqlite3.connect(tmp_path / "log-reads.db") as connection:
        tables = connection.execute("select name from sqlite_master where name like 'sales_by_day%' order by name")
        assert [name for (name,) in tables] == ["sales_by_day", f"sales_by_day__g{last}"]
    connection.close()


async def test_a_name_that_a_stored_read_model_has_is_refused(tmp_path: Path) -> None:
    async with shop(tmp_path) as app, views_of(app) as views:
        await sell(app, 1)
        bound = app._read.views.bound["sales_by_day"]
        found = await views.compute(bound.view, bound.statement(), bound.models)
        taken = view_of(bound.view.function, SaleSummary, key="sale", refresh=OnDemand())
        new = Materialised(taken.name, 1, found.below.seen, "f", app.store.log_id, 0)

        with pytest.raises(WiringError, match="belongs to a read model of projection 'sales'"):
            await views.swap(taken, found, new)


WIDTH = 40


class Readers:
    """Threads that read the view, over and over, each on a connection of its own.

    Every refresh stores rows of one count: who sees two counts, or other than 40 rows, sees half a view.
    """

    def __init__(self, file: Path, count: int) -> None:
        self._file, self._stop = file, threading.Event()
        self.reads, self.wrong = [0] * count, list[Any]()
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _read(self, number: int) -> None:
        with contextlib.closing(sqlite3.connect(self._file, timeout=10)) as connection:
            while not self._stop.is_set():
                seen = connection.execute('select count(*), min("count"), max("count") from sales_by_day').fetchone()
                self.reads[number] += 1
                if seen[0] != WIDTH or seen[1] != seen[2]:
                    self.wrong.append(seen)


async def sell_every_day(app: Application, turn: int) -> None:
    days = [(turn * WIDTH + each, MONDAY + timedelta(days=each)) for each in range(WIDTH)]
    await record(app.store, *(Completed(number, day, Decimal(1)) for number, day in days))
    await app.caught_up()
    await app.refresh("sales_by_day")


@pytest.mark.fault
@pytest.mark.timeout(300)
async def test_readers_see_whole_views_while_they_are_swapped(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    refreshes, reads = size(60, full=400), size(300, full=5_000)
    async with shop(tmp_path) as app:
        await sell_every_day(app, 0)

        with Readers(tmp_path / "log-reads.db", 3) as readers:
            for turn in range(1, refreshes):
                await sell_every_day(app, turn)
            async with asyncio.timeout(120):
                while min(readers.reads) < reads:
                    await app.refresh("sales_by_day")

    record_property("reads", sum(readers.reads))
    assert not readers.wrong, readers.wrong[:5]


@pytest.mark.fault
async def test_readers_would_see_a_swap_in_two_transactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_views._replace

    def torn(connection: sqlite3.Connection, view: MaterialisedView[Any], generation: int, rows: Any) -> None:
        whole(connection, view, generation, rows[:1])
        connection.execute("commit")
        connection.execute("begin immediate")
        connection.executemany(writing_of(view.model, generation).upsert, rows)

    async with shop(tmp_path) as app:
        await sell_every_day(app, 0)
        monkeypatch.setattr(rows_views, "_replace", torn)

        with Readers(tmp_path / "log-reads.db", 3) as readers:
            async with asyncio.timeout(60):
                while not readers.wrong:
                    await app.refresh("sales_by_day")


# What a select must return.

Money = Annotated[Decimal, Scale(4)]


class All(msgspec.Struct, frozen=True):
    day: date
    at: datetime
    id: UUID
    total: Money
    ratio: float
    sold: bool
    note: str | None
    exact: Decimal
    count: int


class Day(msgspec.Struct, frozen=True):
    day: date
    sold: bool
    ratio: float
    count: int


class Average(msgspec.Struct, frozen=True):
    day: date
    average: float


class Exact(msgspec.Struct, frozen=True):
    day: date
    exact: Decimal


ALL = table_of(Projection("all").read_model(All, key="day")).c


def view(row: type[Any]) -> MaterialisedView[Any]:
    def made(rows: Rows[All]) -> Any: ...

    return view_of(made, row, key="day", refresh=OnDemand(), name="made")


def test_columns_of_the_same_types_fit() -> None:
    refuse_unfit(view(All), sa.select(*ALL))
    refuse_unfit(view(All), sa.union_all(sa.select(*ALL), sa.select(*ALL)))
    day = sa.func.date(ALL.at, type_=sa.Date).label("day")
    count = sa.func.sum(ALL.count).label("count")
    refuse_unfit(view(Day), sa.select(day, (ALL.count > 1).label("sold"), ALL.count.label("ratio"), count))


@pytest.mark.parametrize(
    ("row", "columns", "told"),
    [
        (Day, [ALL.day, ALL.sold, ALL.ratio], "lacks count"),
        (Day, [ALL.day, ALL.sold, ALL.ratio, ALL.count, ALL.note], "has note, which Day has not"),
        (Day, [ALL.day, ALL.day.label("sold"), ALL.ratio, ALL.count], "'sold' .* is bool in Day, .* returns date"),
        (Day, [ALL.day, ALL.sold, ALL.total.label("ratio"), ALL.count], r"is float in Day, .* Decimal, Scale\(4\)"),
        (Day, [ALL.day, ALL.sold, ALL.ratio, ALL.note.label("count")], r"'count' .* is int in Day, .* Text\(\)"),
        (Day, [ALL.day, ALL.sold, ALL.ratio, sa.func.odd().label("count")], "no type that SQLAlchemy knows"),
        (Average, [ALL.day, sa.func.avg(ALL.total, type_=sa.Float).label("average")], "the avg of a Decimal"),
        (Average, [ALL.day, sa.cast(ALL.total, sa.Float).label("average")], "the cast of a Decimal"),
        (Exact, [ALL.day, sa.func.sum(ALL.exact).label("exact")], "the sum of a Decimal"),
        (Exact, [ALL.day, ALL.total.label("exact")], r"is Decimal in Exact, .* Decimal, Scale\(4\)"),
    ],
)
def test_columns_that_do_not_fit_are_refused(row: type[Any], columns: list[Any], told: str) -> None:
    with pytest.raises(WiringError, match=told) as refused:
        refuse_unfit(view(row), sa.select(*columns))

    assert "test_views.py" in refused.value.where
    assert refused.value.fix
