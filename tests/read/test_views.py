"""Materialised views: equal to what a fold makes, refreshed when they are due, never older than they say."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
import sqlalchemy as sa

from diptych import AfterEvents, Application, Every, Module, OnDemand, Projection, Rows, change
from diptych.errors import (
    RebuildingError,
    RefreshError,
    StaleError,
    StoreError,
    UnknownMessageError,
    UnmaterialisedError,
)
from diptych.model.views import Refresh
from diptych.read.fingerprint import fingerprint_of
from diptych.read.refreshing import Refreshing
from diptych.testing.clock import FixedClock
from tests.read.sales import (
    Completed,
    ListDays,
    ListFolded,
    SalesByDay,
    SaleSummary,
    TillOpened,
    Voided,
    events_at,
    home_of,
    reports,
    sales,
    shop,
    until,
)
from tests.read.shop import record
from tests.row_stores import KINDS, POSTGRES
from tests.sizes import size

MONDAY = date(2026, 1, 5)


@pytest.fixture(params=KINDS)
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    async with shop(home_of(request, request.param, tmp_path)) as opened:
        yield opened


@pytest.fixture(params=("file", *POSTGRES))
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Return where several applications share a log and rows."""
    found = home_of(request, request.param, tmp_path)
    assert found is not None
    return found


async def days(app: Application, **options: Any) -> list[tuple[date, int, Decimal]]:
    page = await app.ask(ListDays(), **options)
    return [(each.day, each.count, each.total) for each in page.items]


async def generations(app: Application) -> int:
    """Return how often the view was stored; it is in memory or in a file that only this test writes."""
    async with app.rows.views() as views:
        return (await views.stored())["sales_by_day"].generation


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def refreshing(app: Application, time: Callable[[], float]) -> Refreshing:
    return Refreshing(app._read.views, monotonic=time)


async def test_a_view_equals_the_fold_of_the_same_events(app: Application) -> None:
    rng = random.Random(7)
    open_sales: list[Completed] = []
    for number in range(size(25, full=400)):
        for each in range(rng.randrange(12)):
            if open_sales and rng.random() < 0.3:
                gone = open_sales.pop(rng.randrange(len(open_sales)))
                await record(app.store, Voided(gone.sale, gone.day, gone.total))
            else:
                day = MONDAY + timedelta(days=rng.randrange(20))
                open_sales.append(Completed(number * 100 + each, day, Decimal(rng.randrange(10**9)) / 10_000))
                await record(app.store, open_sales[-1])

        folded = await app.ask(ListFolded(), after=await app.head())

        assert await days(app, after=await app.head()) == [(each.day, each.count, each.total) for each in folded.items]


async def test_the_first_answer_is_never_empty(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)))

    assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]


async def test_a_refresh_tells_what_it_stored(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)), Completed(2, MONDAY, Decimal(4)))
    await app.caught_up()

    done = await app.refresh("sales_by_day")

    assert (done.name, done.position, done.rows) == ("sales_by_day", 2, 1)
    assert 0 < done.seconds < 5
    standing = (await app.views())["sales_by_day"]
    assert (standing.state, standing.position, standing.rows) == ("ready", 2, 1)


async def test_a_view_on_demand_stands_still_until_it_is_asked(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)))
    await app.caught_up()
    await app.refresh("sales_by_day")
    await record(app.store, Completed(2, MONDAY, Decimal(4)))
    await app.caught_up()
    await refreshing(app, Time()).look()

    found = await app.answer(ListDays())

    assert [each.count for each in found.value.items] == [1]
    assert found.position == 1
    assert await days(app, after=2) == [(MONDAY, 2, Decimal(7))]


async def test_the_position_goes_on_while_nothing_below_changes(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)))
    await app.caught_up()
    await app.refresh("sales_by_day")
    made = await generations(app)

    await record(app.store, TillOpened(1), TillOpened(2))

    found = await app.answer(ListDays(), after=3)
    assert found.position == 3
    assert await generations(app) == made


async def test_an_answer_changes_its_etag_number_with_a_refresh(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)))
    await app.caught_up()
    await app.refresh("sales_by_day")
    before = (await app.answer(ListDays())).changed

    await app.refresh("sales_by_day")

    assert (await app.answer(ListDays())).changed > before


async def test_many_queries_that_need_one_refresh_share_it(app: Application) -> None:
    await days(app)
    made = await generations(app)
    await record(app.store, Completed(1, MONDAY, Decimal(3)))

    found = await asyncio.gather(*(days(app, after=1) for _ in range(100)))

    assert all(each == [(MONDAY, 1, Decimal(3))] for each in found)
    assert await generations(app) == made + 1


async def test_refreshes_that_are_asked_for_at_once_share_one_that_begins_after_them(app: Application) -> None:
    await days(app)
    made = await generations(app)

    await asyncio.gather(*(app.refresh("sales_by_day") for _ in range(50)))

    assert made < await generations(app) <= made + 2


async def test_a_view_that_is_due_while_it_is_refreshed_is_not_refreshed_twice(app: Application) -> None:
    await days(app)
    made = await generations(app)
    views = app._read.views

    await asyncio.gather(views.renew("sales_by_day"), views.renew("sales_by_day"), views.renew("sales_by_day"))

    assert await generations(app) == made + 1


async def test_a_view_is_refreshed_by_period(place: Path | str) -> None:
    clock = FixedClock()
    async with shop(place, module=reports(Every(minutes=5)), clock=clock) as timed:
        looking = refreshing(timed, Time())
        await days(timed)
        await record(timed.store, Completed(1, MONDAY, Decimal(3)))
        await timed.caught_up()

        clock.advance(seconds=299)
        await looking.look()
        assert await days(timed) == []
        clock.advance(seconds=1)
        await looking.look()
        assert await days(timed) == [(MONDAY, 1, Decimal(3))]


async def test_a_view_is_refreshed_at_once_after_the_clock_was_set_back() -> None:
    clock = FixedClock()
    async with shop(module=reports(Every(minutes=5)), clock=clock) as app:
        await days(app)
        made = await generations(app)
        clock.advance(hours=-3)

        await refreshing(app, Time()).look()

        assert await generations(app) > made


async def test_a_view_is_refreshed_after_so_many_events(place: Path | str) -> None:
    async with shop(place, module=reports(AfterEvents(10))) as app:
        looking = refreshing(app, Time())
        await days(app)
        await record(app.store, *(Completed(number, MONDAY, Decimal(1)) for number in range(9)))
        await app.caught_up()
        await looking.look()
        assert await days(app) == []

        await record(app.store, TillOpened(1))
        await app.caught_up()
        await looking.look()
        assert await days(app) == [(MONDAY, 9, Decimal(9))]

        made = await generations(app)
        await record(app.store, *(TillOpened(number) for number in range(20)))
        await app.caught_up()
        await looking.look()
        assert await generations(app) == made


@pytest.mark.parametrize("refresh", [Every(seconds=0.01), AfterEvents(1)], ids=str)
async def test_an_open_application_refreshes_by_itself(refresh: Refresh, place: Path | str) -> None:
    async with shop(place, module=reports(refresh)) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))

        async def shown() -> bool:
            return await days(app) == [(MONDAY, 1, Decimal(3))]

        await until(shown)


async def test_who_does_not_fold_does_not_refresh_by_itself(place: Path | str) -> None:
    async with shop(place, module=reports(OnDemand())) as folding:
        await record(folding.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(folding, after=1) == [(MONDAY, 1, Decimal(3))]
        await record(folding.store, Completed(2, MONDAY, Decimal(3)))
        await folding.caught_up()
        made = await generations(folding)

        async with shop(place, module=reports(AfterEvents(1)), projections="follow") as follower:
            await Refreshing(follower._read.views, monotonic=Time()).look()

        assert await generations(folding) == made


async def test_a_refresh_that_fails_leaves_the_rows_and_is_tried_again_ever_later(place: Path | str) -> None:
    def unfit(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        return sa.select(c.day, sa.literal(1).label("count"), c.total)  # two sales of a day: two rows of one key

    async with shop(place, module=reports(AfterEvents(1), unfit), projections="run") as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]
        await record(app.store, Completed(2, MONDAY, Decimal(4)))
        await app.caught_up()

        with pytest.raises(RefreshError, match=r"'sales_by_day' could not .* two rows with key .*: group by day"):
            await app.refresh("sales_by_day")
        with pytest.raises(RefreshError):
            await days(app, after=2)
        assert await days(app) == [(MONDAY, 1, Decimal(3))]

        time = Time()
        looking, pauses = refreshing(app, time), []
        for _ in range(8):
            await looking.look()
            pauses.append(looking._failures["sales_by_day"][1] - time.now)
            await looking.look()
            time.now += pauses[-1]
        assert pauses == [1, 2, 4, 8, 16, 32, 64, 64]


async def test_a_select_that_fails_is_told(place: Path | str) -> None:
    def failing(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        day = sa.func.nonsense(c.day, type_=c.day.type)
        return sa.select(day.label("day"), sa.func.count().label("count"), sa.func.sum(c.total).label("total"))

    async with shop(place, module=reports(function=failing)) as broken:
        with pytest.raises(RefreshError, match=r"no such function: nonsense|function nonsense.* does not exist"):
            await broken.refresh("sales_by_day")
        with pytest.raises(RefreshError):
            await days(broken)


async def test_an_unknown_view_is_told(app: Application) -> None:
    with pytest.raises(UnknownMessageError, match="there is no view 'sales'; there are: sales_by_day"):
        await app.refresh("sales")


async def test_a_view_is_not_refreshed_from_rows_that_are_being_rebuilt(place: Path | str) -> None:
    async with shop(place) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]
        log_id, head = app.store.log_id, await app.head()
    begun = sales(version=2)
    async with shop(place).rows as rows, rows.writer() as writer:
        await writer.lease({begun.name: ""}, seconds=0.001)
        await writer.install([begun], {begun.name: fingerprint_of(begun)}, log_id=log_id, head=head, mode="production")

    async with shop(place, version=2, projections="follow") as app:
        with pytest.raises(RebuildingError, match="'sales' is rebuilding: 0 of 1"):
            await app.refresh("sales_by_day")
    async with shop(place, version=2) as app:
        await app.caught_up()
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]


async def test_changed_code_is_computed_anew_by_the_process_that_folds_and_by_no_other(place: Path | str) -> None:
    def doubled(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        two = sa.func.count() * 2
        return sa.select(c.day, two.label("count"), sa.func.sum(c.total).label("total")).group_by(c.day)

    async with shop(place) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]

    async with shop(place, module=reports(function=doubled), projections="follow") as follower:
        with pytest.raises(UnmaterialisedError, match="has rows of other code"):
            await days(follower)
        assert (await follower.views())["sales_by_day"].state == "outdated"
    async with shop(place, module=reports(function=doubled)) as app:
        assert await days(app) == [(MONDAY, 2, Decimal(3))]

        async def ready() -> bool:
            return (await app.views())["sales_by_day"].state == "ready"

        await until(ready)


async def test_rows_of_a_raised_version_are_computed_anew_whatever_its_code_looks_like(place: Path | str) -> None:
    def times(factor: int) -> Projection:
        projection = sales(version=factor)

        @projection.models[0].on
        def multiplied(row: SaleSummary, event: Completed) -> SaleSummary:
            return change(row, total=event.total * factor)

        return projection

    def opened(factor: int) -> Application:
        return Application(reports(), times(factor), events=events_at(place))

    async with opened(1) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]

    async with opened(2) as app:
        await app.caught_up()
        assert await days(app) == [(MONDAY, 1, Decimal(6))]


async def test_a_process_that_only_follows_refreshes_on_demand(place: Path | str) -> None:
    async with shop(place) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        await app.caught_up()

        async with shop(place, projections="follow") as follower:
            assert await days(follower, after=1) == [(MONDAY, 1, Decimal(3))]
            last = await record(app.store, Completed(2, MONDAY, Decimal(4)), TillOpened(1))
            assert await days(follower, after=last) == [(MONDAY, 2, Decimal(7))]
            assert (await follower.answer(ListDays(), after=last)).position >= last


async def test_a_process_that_only_reads_waits_for_the_refresh_of_another(place: Path | str) -> None:
    async with shop(place, module=reports(AfterEvents(1))) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]

        async with shop(place, module=reports(AfterEvents(1)), only="queries") as reading:
            assert await days(reading) == [(MONDAY, 1, Decimal(3))]
            last = await record(app.store, Completed(2, MONDAY, Decimal(4)))
            assert await days(reading, after=last, wait=10) == [(MONDAY, 2, Decimal(7))]
            with pytest.raises(StoreError, match="only reads"):
                await reading.refresh("sales_by_day")


async def test_a_wait_that_is_too_short_says_so_and_the_refresh_goes_on(place: Path | str) -> None:
    async with shop(place) as app:
        await days(app)
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        await app.caught_up()

        with pytest.raises(StaleError, match="not yet at 1"):
            await app.ask(ListDays(), after=1, wait=0)

        assert await days(app, after=1) == [(MONDAY, 1, Decimal(3))]


async def test_rows_that_were_made_from_another_log_are_not_shown(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal(3)))
    await days(app, after=1)
    bound = app._read.views.bound["sales_by_day"]
    async with app.rows.views() as views:
        foreign = msgspec.structs.replace((await views.stored())["sales_by_day"], log_id=UUID(int=1), position=99)
        await views.refresh(bound.view, bound.statement().where(sa.false()), bound.models, lambda _: foreign)

    assert await days(app) == [(MONDAY, 1, Decimal(3))]


async def test_an_application_closes_in_the_middle_of_a_refresh(place: Path | str) -> None:
    def endless(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        count = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
        numbers = count.union_all(sa.select(count.c.n + 1).where(count.c.n < 10**12))
        total = sa.select(sa.func.max(numbers.c.n)).scalar_subquery()
        return sa.select(c.day, total.label("count"), sa.func.sum(c.total).label("total")).group_by(c.day)

    async with shop(place, module=Module("empty")) as app:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        await app.caught_up()

    async with asyncio.timeout(10), shop(place, module=reports(function=endless)) as app:
        with pytest.raises(UnmaterialisedError, match="is being computed; ask again"):
            await app.ask(ListDays(), after=1, wait=0.05)


async def test_rows_of_a_view_are_found_by_key_and_by_select(app: Application) -> None:
    await record(app.store, Completed(1, MONDAY, Decimal("3.1234")))
    await days(app, after=1)
    rows: Rows[SalesByDay] = Rows(app._read.views.bound["sales_by_day"].view.model, app._read._shelf)

    assert await rows.get(MONDAY) == SalesByDay(MONDAY, 1, Decimal("3.1234"))
    assert await rows.count(rows.table.c.total > Decimal(3)) == 1
