"""Views in PostgreSQL are materialised views, refreshed beside readers and writers, each from one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa

from diptych import Application, FullText, OnDemand, Projection, Rows, Scale, Unique, computed
from diptych.errors import RefreshError, StoreError
from diptych.model.projections import ReadModel
from diptych.model.views import view_of
from diptych.ports import Below, Changes, Judge, Materialised
from diptych.read.rows import Shelf
from diptych.stores.postgres import rows_views, view_forms
from diptych.stores.postgres.address import ROWS_SCHEMA, Address
from diptych.stores.postgres.rows import PostgresRowStore
from diptych.stores.postgres.rows_views import PostgresViews
from tests.read.sales import Completed, ListDays, SalesByDay, SaleSummary, reports, sales, sales_by_day, shop
from tests.read.shop import record
from tests.row_stores import POSTGRES, rows_url
from tests.sizes import size
from tests.stores.test_rows import Kind, Part, install

MONDAY = date(2026, 1, 5)


@pytest.fixture(params=POSTGRES)
def url(request: pytest.FixtureRequest) -> str:
    return rows_url(request, request.param)


@pytest.fixture
async def app(url: str) -> AsyncIterator[Application]:
    async with shop(url) as opened:
        yield opened


@pytest.fixture
async def sql(app: Application) -> AsyncIterator[Any]:
    async with pool_of(store_of(app)) as opened:
        yield opened


def pool_of(rows: PostgresRowStore) -> Any:
    """Return connections on which read models have their names."""
    address = rows._address
    found = {"search_path": address.schema}
    return asyncpg.create_pool(address.dsn, min_size=1, max_size=4, server_settings=found)


def store_of(app: Application) -> PostgresRowStore:
    assert isinstance(app.rows, PostgresRowStore)
    return app.rows


async def sell(app: Application, *numbers: int, day: date = MONDAY) -> None:
    await record(app.store, *(Completed(number, day, Decimal(1)) for number in numbers))


async def refresh(app: Application, views: PostgresViews, code: str = "f") -> Materialised:
    bound = app._read.views.bound["sales_by_day"]

    def judge(below: Below) -> Materialised:
        position = min(each.position for each in below.checkpoints.values())
        return Materialised(bound.name, position, below.seen, code, app.store.log_id, 0)

    return await views.refresh(bound.view, bound.statement(), bound.models, judge)


async def test_a_view_is_a_materialised_view_with_an_index_on_its_key(app: Application, sql: Any) -> None:
    await sell(app, 1)
    await app.caught_up()
    await app.refresh("sales_by_day")

    assert await sql.fetchval("select relkind::text from pg_class where oid = 'sales_by_day'::regclass") == "m"
    columns = await sql.fetch("select attname, format_type(atttypid, atttypmod) from pg_attribute "
                              "where attrelid = 'sales_by_day'::regclass and attnum > 0 order by attnum")  # fmt: skip
    assert [tuple(each) for each in columns] == [("day", "date"), ("count", "bigint"), ("total", "numeric(19,4)")]
    own = "select indexdef from pg_indexes where tablename = 'sales_by_day' and schemaname = current_schema()"
    indexes = await sql.fetch(own)
    assert ["UNIQUE" in each["indexdef"] for each in indexes] == [True]


async def test_a_refresh_writes_only_the_rows_that_changed(app: Application, sql: Any) -> None:
    await sell(app, 1)
    await sell(app, 2, day=MONDAY + timedelta(days=1))
    await app.caught_up()
    await app.refresh("sales_by_day")
    before = dict(await sql.fetch("select day, ctid::text from sales_by_day"))

    await sell(app, 3)
    await app.caught_up()
    await app.refresh("sales_by_day")

    after = dict(await sql.fetch("select day, ctid::text from sales_by_day"))
    assert [day for day in before if before[day] == after[day]] == [MONDAY + timedelta(days=1)]


async def test_readers_wait_for_nothing_while_a_view_is_refreshed(app: Application, sql: Any) -> None:
    await sell(app, 1)
    await app.caught_up()
    await app.refresh("sales_by_day")
    await sell(app, 2)
    await app.caught_up()

    async with sql.acquire() as reading, reading.transaction():
        before = await reading.fetchval("select count from sales_by_day")  # and holds on to it
        await asyncio.wait_for(app.refresh("sales_by_day"), 10)
        assert await sql.fetchval("select count from sales_by_day") == 2

    assert before == 1


async def test_a_view_stays_while_the_rows_below_are_built_anew(url: str) -> None:
    async with shop(url) as app:
        await sell(app, 1)
        await app.caught_up()
        await app.refresh("sales_by_day")
    async with shop(url, version=2) as app:
        await app.caught_up()
        assert (await app.ask(ListDays(), after=1)).items == (SalesByDay(MONDAY, 1, Decimal(1)),)


async def test_rows_below_are_not_replaced_between_a_look_at_their_checkpoint_and_at_them(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, replacing = asyncio.Event(), asyncio.Event()
    whole = rows_views._Refreshing._fill

    async def later(self: Any, *args: Any, **options: Any) -> None:
        looked.set()
        await replacing.wait()
        await whole(self, *args, **options)

    monkeypatch.setattr(rows_views._Refreshing, "_fill", later)
    projection = sales()
    model, view = projection.models[0], view_of(sales_by_day, SalesByDay, key="day", refresh=OnDemand())
    rows = PostgresRowStore(Address.of(url, schema=ROWS_SCHEMA))
    async with rows, rows.writer() as writer, rows.views() as views, pool_of(rows) as sql:
        await writer.save(await install(writer, projection), 1, [changed(model, SaleSummary(1, MONDAY, Decimal(1)))])
        statement = sales_by_day(Rows(model, Shelf(rows)))
        refreshing = asyncio.create_task(views.refresh(view, statement, [model], judged(view.name)))
        await looked.wait()

        replaced = asyncio.create_task(install(writer, sales(version=2), head=1))
        while not replaced.done() and not await sql.fetchval(WAITING):  # noqa: ASYNC110 (it is in the database)
            await asyncio.sleep(0.02)
        replacing.set()

        assert (await refreshing).rows == 1
        assert (await replaced).generation == 2


WAITING = (
    "select count(*) from pg_stat_activity where application_name = 'diptych projections' and wait_event_type = 'Lock' "
    "and datname = current_database()"
)


async def test_a_refresh_sees_rows_and_checkpoints_of_one_moment(app: Application, sql: Any) -> None:
    """Every event is a sale: the sales of the view are as many as the position that is stored with it."""
    await told_alike(app, sql, refreshes=size(20, full=400))


@pytest.mark.fault
async def test_a_refresh_that_looks_twice_would_be_noticed(
    app: Application, sql: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows_views._Refreshing._once

    async def torn(self: Any, connection: Any) -> Any:
        await connection.execute("commit; begin")
        return await whole(self, connection)

    monkeypatch.setattr(rows_views._Refreshing, "_once", torn)

    with pytest.raises(AssertionError, match="sales at"):
        async with asyncio.timeout(60):
            await told_alike(app, sql, refreshes=10_000)


async def told_alike(app: Application, sql: Any, *, refreshes: int) -> None:
    stopped = asyncio.Event()

    async def selling() -> None:
        number = 0
        while not stopped.is_set():
            await sell(app, number, day=MONDAY + timedelta(days=number % 50))
            number += 1

    asked = "select position, (select coalesce(sum(count), 0) from sales_by_day) from diptych_view"
    task = asyncio.create_task(selling())
    try:
        async with store_of(app).views() as views:
            for _ in range(refreshes):
                await refresh(app, views)
                ((position, count),) = await sql.fetch(asked)
                assert position == count, f"{count} sales at {position}"
    finally:
        stopped.set()
        await task


WIDTH = 40


@pytest.mark.fault
@pytest.mark.parametrize("codes", ["f", "fg"], ids=["refreshed", "replaced"])
async def test_readers_see_whole_views_while_they_are_refreshed_and_replaced(
    app: Application, codes: str, record_property: Callable[[str, object], None]
) -> None:
    async with Readers(app) as readers:
        for turn in range(size(20, full=200)):
            await readers.turn(turn, codes[turn % len(codes)])
    record_property("reads", readers.reads)
    assert not readers.wrong, readers.wrong[:5]
    assert readers.reads


@pytest.mark.fault
async def test_readers_would_see_a_view_that_is_replaced_in_two_transactions(
    app: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = view_forms.replace
    async with Readers(app) as readers:

        async def torn(connection: Any, form: Any, name: str, *rest: Any) -> None:
            if readers.reads:
                await connection.execute(f"drop materialized view {name}; commit; begin")
                async with asyncio.timeout(30):
                    await readers.missed.wait()
            await whole(connection, form, name, *rest)

        monkeypatch.setattr(rows_views, "replace", torn)
        await readers.turn(0, "f")
        async with asyncio.timeout(30):
            while not readers.reads:  # noqa: ASYNC110 (readers that count have no event for each)
                await asyncio.sleep(0.01)
        await readers.turn(1, "g")

    assert readers.wrong


class Readers:
    """Read the view over and over, once it is there; each refresh stores 40 rows of one count.

    Who sees two counts, or other than 40 rows, sees half a view.
    """

    def __init__(self, app: Application) -> None:
        self._app, self._tasks = app, list[asyncio.Task[None]]()
        self.reads, self.wrong, self.missed = 0, list[Any](), asyncio.Event()
        table = app.rows.table(app._read.views.bound["sales_by_day"].view.model)
        counted = sa.func.count(), sa.func.min(table.c.count), sa.func.max(table.c.count)
        self._asked = sa.select(*counted).select_from(table)

    async def __aenter__(self) -> Self:
        self._reader, self._views = store_of(self._app).reader(), store_of(self._app).views()
        await self._reader.__aenter__()
        await self._views.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._views.__aexit__(None, None, None)
        await self._reader.__aexit__(None, None, None)

    async def turn(self, turn: int, code: str) -> None:
        days = [(turn * WIDTH + each, MONDAY + timedelta(days=each)) for each in range(WIDTH)]
        await record(self._app.store, *(Completed(number, day, Decimal(1)) for number, day in days))
        await self._app.caught_up()
        await refresh(self._app, self._views, code=code)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._read()) for _ in range(3)]

    async def _read(self) -> None:
        while True:
            try:
                seen = (await self._reader.select([self._asked]))[0][0]
            except Exception as wrong:  # noqa: BLE001 (whatever it is, it is no view)
                self.wrong.append(wrong)
                self.missed.set()
                return
            self.reads += 1
            if seen[0] != WIDTH or seen[1] != seen[2]:
                self.wrong.append(seen)


async def test_many_sessions_that_ask_at_once_share_what_begins_after_them(app: Application) -> None:
    await sell(app, 1)
    await app.caught_up()
    stores = [store_of(app).views() for _ in range(8)]
    for each in stores:
        await each.__aenter__()
    first = await refresh(app, stores[0])

    found = await asyncio.gather(*(refresh(app, each) for each in stores))

    for each in stores:
        await each.__aexit__(None, None, None)
    assert max(each.generation for each in found) <= first.generation + 3
    assert min(each.generation for each in found) > first.generation


async def test_the_end_of_a_session_in_the_middle_leaves_the_rows_and_no_lock(app: Application, sql: Any) -> None:
    await sell(app, 1)
    await app.caught_up()
    await app.refresh("sales_by_day")
    await sell(app, 2)
    await app.caught_up()
    bound = app._read.views.bound["sales_by_day"]

    async with store_of(app).views() as views:
        slow = bound.statement().where(sa.func.pg_sleep(3600).is_not(None))
        task = asyncio.create_task(views.refresh(bound.view, slow, bound.models, judged(bound.name)))
        while not await sql.fetchval(KILLED):  # noqa: ASYNC110 (what it looks at is in the database)
            await asyncio.sleep(0.02)
        with pytest.raises(StoreError):
            await task

        assert await sql.fetchval("select count from sales_by_day") == 1
        await refresh(app, views)
    assert await sql.fetchval("select count from sales_by_day") == 2


KILLED = (
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'diptych views' "
    "and state = 'active' and wait_event = 'PgSleep' and datname = current_database()"
)


async def test_a_select_that_looks_at_the_time_is_another_one_at_every_refresh(url: str) -> None:
    today = [MONDAY]

    def since(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        chosen = sa.select(c.day, sa.func.count().label("count"), sa.func.sum(c.total).label("total"))
        return chosen.where(c.day >= today[0]).group_by(c.day)

    async with shop(url, module=reports(function=since)) as app:
        await sell(app, 1)
        await sell(app, 2, day=MONDAY + timedelta(days=1))
        assert len((await app.ask(ListDays(), after=2)).items) == 2
        today[0] = MONDAY + timedelta(days=1)

        await app.refresh("sales_by_day")

        assert [each.day for each in (await app.ask(ListDays())).items] == today


async def test_an_empty_value_where_there_must_be_one_is_refused(url: str) -> None:
    def gap(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        nothing = sa.func.sum(c.total).filter(c.status == "voided").label("total")
        return sa.select(c.day, sa.func.count().label("count"), nothing).group_by(c.day)

    async with shop(url, module=reports(function=gap)) as app:
        await sell(app, 1)
        await app.caught_up()

        with pytest.raises(RefreshError, match="a row without a value"):
            await app.refresh("sales_by_day")


Money = Annotated[Decimal, Scale(4)]


@dataclass(frozen=True, kw_only=True)
class Kinds:
    id: UUID
    name: str
    label: str | None
    price: Money
    at: datetime
    day: date
    hour: time
    kind: Kind
    ok: bool
    ratio: float
    raw: bytes
    parts: tuple[Part, ...]
    exact: Decimal
    count: int


def kinds(number: int, **changed: Any) -> Kinds:
    made = Kinds(
        id=UUID(int=number),
        name="it's \\ 50 % :x $1 \0 \1",
        label=None,
        price=Decimal("12.5000"),
        at=datetime(2011, 10, 6, 12, 30, 0, 5, tzinfo=UTC),
        day=MONDAY,
        hour=time(12, 30),
        kind=Kind.PEN,
        ok=True,
        ratio=0.1,
        raw=b"\0\xff'",
        parts=(Part("a'", Decimal("1.50")),),
        exact=Decimal("1.10"),
        count=1 << 40,
    )
    return replace(made, **changed)


def kept(rows: Rows[Kinds]) -> sa.Select[Any]: ...  # type: ignore[empty-body]  # the tests hand the select over


COMPARED = ("id", "name", "price", "at", "day", "hour", "kind", "ok", "ratio", "raw", "count")


async def test_every_kind_of_column_is_kept_and_compared(url: str) -> None:
    projection = Projection("kinds")
    model, view = (
        projection.read_model(Kinds, key="id"),
        view_of(kept, Kinds, key="id", refresh=OnDemand(), name="kept"),
    )
    first, second = kinds(1), kinds(2, name="other", label="x")
    rows = PostgresRowStore(Address.of(url, schema=ROWS_SCHEMA))
    async with rows, rows.writer() as writer, rows.reader() as reader, rows.views() as views:
        table = rows.table(model).c
        await writer.save(await install(writer, projection), 1, [changed(model, first, second)])
        every = sa.select(*table)
        alike = every.where(*(table[name] == getattr(first, name) for name in COMPARED), table.label.is_(None))

        for statement, found in ((every, [first, second]), (alike, [first])):
            await views.refresh(view, statement, [model], judged(view.name))

            keys = [(UUID(int=1),), (UUID(int=2),)]
            assert await reader.get(view.model, keys) == {(each.id,): each for each in found}


ENDS = ((date.min, datetime.min.replace(tzinfo=UTC)), (date.max, datetime.max.replace(tzinfo=UTC)))


@pytest.mark.parametrize(("day", "at"), ENDS)
async def test_the_ends_of_time_are_found_by_a_view(url: str, day: date, at: datetime) -> None:
    projection = Projection("kinds")
    model, view = (
        projection.read_model(Kinds, key="id"),
        view_of(kept, Kinds, key="id", refresh=OnDemand(), name="kept"),
    )
    endless = kinds(1, day=day, at=at)
    rows = PostgresRowStore(Address.of(url, schema=ROWS_SCHEMA))
    async with rows, rows.writer() as writer, rows.reader() as reader, rows.views() as views:
        table = rows.table(model).c
        await writer.save(await install(writer, projection), 1, [changed(model, endless, kinds(2))])
        open_ended = sa.select(*table).where(table.day == endless.day, table.at == endless.at)

        await views.refresh(view, open_ended, [model], judged(view.name))

        assert await reader.get(view.model, [(UUID(int=1),), (UUID(int=2),)]) == {(UUID(int=1),): endless}


def changed(model: ReadModel[Any], *rows: Any) -> Changes:
    keyed = {model.key_of(each): each for each in rows}
    return Changes(model, keyed, dict.fromkeys(keyed, 1))


@dataclass(frozen=True)
class Place:
    code: str
    name: str
    rank: int


@dataclass(frozen=True)
class Ranked:
    code: str
    name: Annotated[str, FullText()]
    place: Annotated[int, Unique()]

    @computed
    def title(self) -> str:
        return f"{self.place}. {self.name}"


def ranked(places: Rows[Place]) -> sa.Select[Any]: ...  # type: ignore[empty-body]  # the same


async def test_a_view_that_is_computed_in_python_is_a_table_and_merged(url: str) -> None:
    projection = Projection("places")
    model, view = projection.read_model(Place, key="code"), view_of(ranked, Ranked, key="code", refresh=OnDemand())
    rows = PostgresRowStore(Address.of(url, schema=ROWS_SCHEMA))
    async with rows, rows.writer() as writer, rows.reader() as reader, rows.views() as views:
        place, own = rows.table(model).c, rows.table(view.model).c
        asked = sa.select(place.code, place.name, place.rank.label("place"))
        checkpoint = await install(writer, projection)
        found: list[list[str]] = []
        for each in (
            (("a", "red lamp", 1), ("b", "chair", 2), ("c", "table", 3)),
            (("a", "red lamp", 2), ("b", "stool", 1)),
        ):
            change = changed(model, *(Place(*values) for values in each))
            gone = {("c",): None} if found else {}
            change = change._replace(rows={**change.rows, **gone})
            checkpoint = await writer.save(checkpoint, checkpoint.position + 1, [change])
            await views.refresh(view, asked, [model], judged(view.name))
            titles = sa.select(own.title).order_by(own.title)
            found.append([title for (title,) in (await reader.select([titles]))[0]])

        words = sa.select(own.code).where(rows.text(view.model).matching("red la"))
        assert found == [["1. red lamp", "2. chair", "3. table"], ["1. stool", "2. red lamp"]]
        assert [tuple(each) for each in (await reader.select([words]))[0]] == [("a",)]


async def test_a_view_of_another_form_takes_the_name(url: str) -> None:
    projection = Projection("places")
    model, merged = projection.read_model(Place, key="code"), view_of(ranked, Ranked, key="code", refresh=OnDemand())
    selected = view_of(ranked, Place, key="code", refresh=OnDemand(), name=merged.name)
    rows = PostgresRowStore(Address.of(url, schema=ROWS_SCHEMA))
    async with rows, rows.writer() as writer, rows.reader() as reader, rows.views() as views:
        place = rows.table(model).c
        renamed = sa.select(place.code, place.name, place.rank.label("place"))
        await writer.save(await install(writer, projection), 1, [changed(model, Place("a", "lamp", 1))])

        for view, statement, code in (
            (merged, renamed, "f"),
            (selected, sa.select(*place), "g"),
            (merged, renamed, "h"),
        ):
            stored = await views.refresh(view, statement, [model], judged(view.name, code))
            counted = sa.select(sa.func.count()).select_from(rows.table(view.model))
            assert (await reader.select([counted]))[0][0][0] == stored.rows == 1


def judged(name: str, code: str = "f") -> Judge:
    return lambda below: Materialised(name, 1, below.seen, code, UUID(int=1), 0)
