"""Views over HTTP: their metrics, and what a query that reads one answers."""

from datetime import date
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from diptych import Rows
from tests.read.sales import Completed, SaleSummary, TillOpened, reports, shop
from tests.read.shop import record
from tests.web.shop import client_of

MONDAY = date(2026, 1, 5)


async def test_metrics_tell_where_views_stand() -> None:
    app = shop()
    async with client_of(app) as client:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        await client.get("/queries/ListDays", headers={"diptych-after": "1"})

        lines = (await client.get("/metrics")).text.splitlines()

    assert 'diptych_view_position{view="sales_by_day"} 1' in lines
    assert 'diptych_view_rows{view="sales_by_day"} 1' in lines
    assert any(line.startswith('diptych_view_age_seconds{view="sales_by_day"} ') for line in lines)
    assert any(line.startswith('diptych_view_refresh_seconds{view="sales_by_day"} ') for line in lines)


async def test_an_answer_from_a_view_says_how_old_it_is_and_waits_for_after() -> None:
    app = shop()
    async with client_of(app) as client:
        await record(app.store, Completed(1, MONDAY, Decimal(3)))
        first = await client.get("/queries/ListDays", headers={"diptych-after": "1"})
        await record(app.store, Completed(2, MONDAY, Decimal(4)), TillOpened(1))
        await app.caught_up()

        old = await client.get("/queries/ListDays", headers={"if-none-match": first.headers["etag"]})
        new = await client.get("/queries/ListDays", headers={"diptych-after": "3"})

    assert first.json()["items"] == [{"day": "2026-01-05", "count": 1, "total": "3.0000"}]
    assert (old.status_code, old.headers["diptych-position"]) == (304, "1")
    assert new.json()["items"] == [{"day": "2026-01-05", "count": 2, "total": "7.0000"}]
    assert new.headers["diptych-position"] == "3"


async def test_a_view_that_cannot_be_refreshed_is_a_problem_of_its_own() -> None:
    def twice(sales: Rows[SaleSummary]) -> sa.Select[Any]:
        c = sales.table.c
        return sa.select(c.day, c.sale.label("count"), c.total)  # two sales of a day: two rows of one key

    app = shop(module=reports(function=twice))
    async with client_of(app) as client:
        await record(app.store, Completed(1, MONDAY, Decimal(3)), Completed(2, MONDAY, Decimal(3)))
        answer = await client.get("/queries/ListDays", headers={"diptych-after": "2"})
        health = await client.get("/health/ready")

    assert (answer.status_code, answer.json()["type"], answer.json()["view"]) == (
        503,
        "/problems/stopped",
        "sales_by_day",
    )
    assert "two rows" not in answer.text
    assert health.status_code == 200
