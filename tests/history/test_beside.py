"""As of a position beside what else a query may do: be cached, scroll, filter, join, read views, wait."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from diptych.application import Application
from diptych.errors import FoldError, NoHistoryError, StaleError
from diptych.model.caching import Cached
from diptych.model.messages import Query
from diptych.model.pages import CursorPage, Page
from diptych.model.projections import Projection
from diptych.model.specifications import fields
from diptych.model.views import OnDemand
from diptych.module import Module
from diptych.read.rows import Rows
from tests.history.shop import Price, Priced, Sale, Sell, Shelf, module, projections


@dataclass(frozen=True)
class CountCached(Query[int]):
    pass


@dataclass(frozen=True)
class Busy(Query[Page[Shelf]]):
    pass


@dataclass(frozen=True)
class Scroll(Query[CursorPage[Shelf]]):
    cursor: str | None = None


@dataclass(frozen=True)
class Joined(Query[list[tuple[str, int]]]):
    pass


@dataclass(frozen=True)
class Spread(Query[tuple[int, int]]):
    pass


@dataclass(frozen=True)
class ByView(Query[int]):
    how: str


@dataclass(frozen=True)
class Foreign(Query[int]):
    pass


@dataclass(frozen=True, slots=True)
class Pieces:
    product: str
    pieces: int


beside = Module("beside")


@beside.materialised(Pieces, key="product", refresh=OnDemand())
def pieces(sales: Rows[Sale]) -> Any:
    table = sales.table.c
    return sa.select(table.product, sa.func.sum(table.pieces).label("pieces")).group_by(table.product)


@beside.query(cache=Cached(ttl=300))
async def count_cached(query: CountCached, rows: Rows[Shelf]) -> int:
    return await rows.count()


@beside.query
async def busy(query: Busy, rows: Rows[Shelf]) -> Page[Shelf]:
    shelf = fields(Shelf)
    return await rows.find((shelf.sold > 0) & ~(shelf.product == "desk"))


@beside.query
async def scroll(query: Scroll, rows: Rows[Shelf]) -> CursorPage[Shelf]:
    return await rows.scroll(cursor=query.cursor, limit=1, order=("-product",))


@beside.query
async def joined(query: Joined, shelves: Rows[Shelf], sales: Rows[Sale]) -> list[tuple[str, int]]:
    shelf, sale = shelves.table.c, sales.table.c
    statement = (
        sa.select(shelf.product, sa.func.count(sale.pieces))
        .outerjoin_from(shelves.table, sales.table, sale.product == shelf.product)
        .group_by(shelf.product)
        .order_by(shelf.product)
    )
    return [tuple(row) for row in await shelves.select(statement)]


@beside.query
async def spread(query: Spread, shelves: Rows[Shelf], sales: Rows[Sale]) -> tuple[int, int]:
    found = await asyncio.gather(shelves.count(), asyncio.create_task(sales.count()))
    return found[0], found[1]


@beside.query
async def by_view(query: ByView, rows: Rows[Pieces]) -> int:
    return await rows.count() if query.how == "list" else (await rows.get("lamp") is not None)


@beside.query
async def foreign(query: Foreign, rows: Rows[Shelf]) -> int:
    catalog = sa.table("sqlite_master", sa.column("name"))
    return len(await rows.select(sa.select(catalog.c.name)))


@pytest.fixture
async def app() -> AsyncIterator[Application]:
    """Priced the lamp, sold it, priced the desk, sold it, sold the lamp."""
    async with Application(module(), beside, *projections()) as app:
        for command in (
            Price("lamp", Decimal(9)),
            Sell("lamp", 2),
            Price("desk", Decimal(90)),
            Sell("desk", 1),
            Sell("lamp", 3),
        ):
            await app.send(command)
        await app.caught_up()
        yield app


async def test_the_cache_is_passed_by(app: Application) -> None:
    assert await app.ask(CountCached()) == 2

    assert [await app.ask(CountCached(), as_of=at) for at in range(6)] == [0, 1, 1, 2, 2, 2]
    assert await app.ask(CountCached()) == 2


async def test_specifications_filter_the_rows_as_they_were(app: Application) -> None:
    assert [[row.sold for row in await app.ask(Busy(), as_of=at)] for at in range(6)] == [[], [], [2], [2], [2], [5]]


async def test_pages_by_cursor_are_of_the_moment_too(app: Application) -> None:
    first = await app.ask(Scroll(), as_of=4)
    rest = await app.ask(Scroll(first.next), as_of=4)

    assert [(row.product, row.sold) for row in (*first, *rest)] == [("lamp", 2), ("desk", 1)]
    assert rest.next is None


async def test_joins_read_every_table_as_of_the_moment(app: Application) -> None:
    found = [await app.ask(Joined(), as_of=at) for at in range(6)]

    assert found[1:] == [
        [("lamp", 0)],
        [("lamp", 1)],
        [("desk", 0), ("lamp", 1)],
        [("desk", 1), ("lamp", 1)],
        [("desk", 1), ("lamp", 2)],
    ]


async def test_reads_in_tasks_of_the_handler_are_of_the_moment(app: Application) -> None:
    assert await app.ask(Spread(), as_of=2) == (1, 1)


@pytest.mark.parametrize("how", ["list", "key"])
async def test_a_view_is_refused(app: Application, how: str) -> None:
    with pytest.raises(NoHistoryError, match=r"view 'pieces'.*refreshed as a whole"):
        await app.ask(ByView(how), as_of=2)


async def test_a_table_that_is_no_read_model_is_refused(app: Application) -> None:
    with pytest.raises(NoHistoryError, match=r"'sqlite_master'.*the table of no read model"):
        await app.ask(Foreign(), as_of=2)


async def test_questions_of_the_moment_and_of_the_past_do_not_mix(app: Application) -> None:
    asked = [app.ask(CountCached(), as_of=at % 6) if at % 2 else app.ask(Busy()) for at in range(40)]

    found = await asyncio.gather(*asked)

    assert [each for each in found if isinstance(each, int)] == [1, 2, 2] * 6 + [1, 2]
    assert {each.total for each in found if isinstance(each, Page)} == {1}


async def test_a_position_that_the_rows_have_not_reached_is_waited_for(app: Application) -> None:
    for number in range(20):
        sent = await app.send(Sell("lamp", 1))
        row = (await app.ask(Busy(), as_of=sent.position)).items[0]
        assert row.sold == 6 + number


async def test_a_projection_that_stopped_still_tells_what_came_before() -> None:
    kept = Projection("kept")
    shelves = kept.read_model(Shelf, key="product", name="shelves", history=True)

    @shelves.on
    def priced(row: Shelf | None, event: Priced) -> Shelf:
        if event.price > 100:
            raise ZeroDivisionError("too dear")
        return Shelf(event.product, event.price)

    other = Module("other")
    other.query(busy)
    sender = Module("sender")
    sender.decisions.update(module().decisions)
    async with Application(sender, other, kept) as app:
        await app.send(Price("lamp", Decimal(9)))
        await app.caught_up()
        dear = await app.send(Price("lamp", Decimal(900)))

        assert (await app.ask(Busy(), as_of=1)).total == 0
        assert (await app.history.blame("shelves", "lamp", as_of=1)).fields[0].cause.position == 1
        with pytest.raises((FoldError, StaleError)):
            await app.ask(Busy(), as_of=dear.position)
