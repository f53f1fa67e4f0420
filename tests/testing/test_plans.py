"""A test can tell by which index every statement of a query was answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from diptych import Application, Query
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.testing import Plan, explained, plan_of
from tests.bookshop import BrowseBooks, CountDear, GetBook, GetBooks, SearchRoom, all_pages, books, stocked
from tests.row_stores import NEWEST_POSTGRES, SQLITE, rows_url


@pytest.fixture(params=[*SQLITE, NEWEST_POSTGRES])
async def app(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Application]:
    files = {"memory": "memory://", "file": f"sqlite:///{tmp_path / 'library.db'}"}
    async with stocked(events=files.get(request.param) or rows_url(request, request.param)) as opened:
        yield opened


async def steps(app: Application, query: Query[object]) -> list[str]:
    return [step for plan in await explained(app, query) for step in plan.steps]


def of_sqlite(app: Application) -> bool:
    return isinstance(app.rows, SqliteRowStore)


async def test_a_row_is_found_by_its_key(app: Application) -> None:
    (one,) = await explained(app, GetBook("b1"))
    (several,) = await explained(app, GetBooks(("b1", "b2")))

    assert "'b1'" in one.statement
    if of_sqlite(app):
        assert one.steps == ("SEARCH book__g1 USING PRIMARY KEY (book=?)",)
    else:
        assert one.steps == ("Index Scan using book__g1_pkey on book__g1 Index Cond: (book = 'b1'::text)",)
    assert one.scans == several.scans == one.walks == several.walks == ()


async def test_a_partial_index_covers_the_query_that_asks_for_its_specification(app: Application) -> None:
    (count,) = await explained(app, CountDear("attic"))

    index = f"book__by_{books.declared[-1].title}__g1"
    if of_sqlite(app):
        assert count.steps == (f"SEARCH book__g1 USING COVERING INDEX {index} (room=?)",)
    else:
        assert count.steps[1] == f"Index Only Scan using {index} on book__g1 Index Cond: (room = 'attic'::text)"
    assert count.scans == ()


async def test_what_no_index_answers_is_told(app: Application) -> None:
    count, page = await explained(app, SearchRoom("Title"))

    assert count.scans == page.scans == ("book__g1",)
    assert len(page.sorts) == 1
    assert page.sorts[0].startswith("USE TEMP B-TREE FOR ORDER BY" if of_sqlite(app) else "Sort")
    assert page.statement in str(page)


async def test_a_scroll_walks_an_index_and_goes_on_from_its_cursor(app: Application) -> None:
    (first,) = await explained(app, BrowseBooks())
    page = await app.ask(BrowseBooks())
    (second,) = await explained(app, BrowseBooks(cursor=page.next))

    assert (first.walks, first.scans, first.sorts) == (("book__g1",), (), ())
    assert (second.walks, second.scans, second.sorts) == ((), (), ())
    assert any("book__by_title__g1" in step for step in second.steps)


@pytest.mark.parametrize("query", [BrowseBooks("-lent_at", limit=1), BrowseBooks("-lent_at"), BrowseBooks("lent_at")])
async def test_pages_of_a_nullable_column_are_searched_for_too(app: Application, query: BrowseBooks) -> None:
    page = await app.ask(query)
    plans = await explained(app, BrowseBooks(query.order, cursor=page.next))

    assert plans
    for plan in plans:
        assert (plan.scans, plan.walks, plan.sorts) == ((), (), ()), plan


async def test_one_select_is_explained_alone(app: Application) -> None:
    table = app.rows.table(books)

    plan = await plan_of(app, sa.select(table.c.title).where(table.c.title.between("A", "B")))

    assert not plan.scans
    assert isinstance(plan, Plan)


async def test_what_a_statement_makes_itself_is_no_table(app: Application) -> None:
    table = app.rows.table(books)
    attic = sa.select(table.c.title).where(table.c.room == "attic").limit(3).cte("attic")

    plan = await plan_of(app, sa.select(sa.func.count()).select_from(attic))

    assert any("SCAN attic" in step or "book__by_" in step for step in plan.steps)
    assert plan.scans == ()


async def test_nothing_is_watched_before_and_after(app: Application) -> None:
    await explained(app, GetBook("b1"))
    await all_pages(app, "title")

    assert len(await explained(app, GetBook("b2"))) == 1


async def test_a_query_without_rows_has_no_plans(app: Application) -> None:
    assert await explained(app, GetBooks(())) == ()
