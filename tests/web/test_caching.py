"""Cached queries over HTTP: what is kept answers, and tells truly what it is worth."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx2
import pytest

from diptych.application import Application
from diptych.model.caching import Cached
from diptych.model.messages import Query
from diptych.model.meta import Context
from diptych.model.pages import Page
from diptych.module import Module
from diptych.read.rows import Rows
from diptych.testing import FixedClock
from tests.web.shop import ProductView, added, client_of, projection, shop


@dataclass(frozen=True)
class Cheapest(Query[Page[ProductView]]):
    limit: int = 10


@dataclass(frozen=True)
class Greeting(Query[tuple[str | None, int]]):
    pass


@dataclass(frozen=True)
class Total(Query[int]):
    pass


LOADED: list[str] = []
cached = Module("cached")


@cached.query(cache=Cached(until_change=True))
async def cheapest(query: Cheapest, rows: Rows[ProductView]) -> Page[ProductView]:
    LOADED.append("Cheapest")
    return await rows.find(order=("price",), limit=query.limit)


@cached.query(cache=Cached(until_change=True, vary=lambda context: context.principal))
async def greeting(query: Greeting, rows: Rows[ProductView], context: Context) -> tuple[str | None, int]:
    LOADED.append("Greeting")
    return context.principal, await rows.count()


@cached.query(cache=Cached(ttl=60))
async def total(query: Total, rows: Rows[ProductView]) -> int:
    LOADED.append("Total")
    return await rows.count()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def application(clock: FixedClock) -> Application:
    LOADED.clear()
    return Application(shop, cached, projection(), clock=clock)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(application) as client:
        yield client


async def test_a_kept_answer_is_the_one_that_was_loaded(client: httpx2.AsyncClient, application: Application) -> None:
    await added(client)
    await application.caught_up()

    first = await client.get("/queries/Cheapest")
    again = await client.get("/queries/Cheapest")

    assert (again.content, again.headers) == (first.content, first.headers)
    assert first.json()["items"][0]["worth"] == "47.50"
    assert LOADED == ["Cheapest"]


async def test_not_modified_is_told_without_a_load(client: httpx2.AsyncClient, application: Application) -> None:
    await added(client)
    await application.caught_up()
    first = await client.get("/queries/Cheapest")
    known = {"if-none-match": first.headers["etag"]}

    same = [await client.get("/queries/Cheapest", headers=known) for _ in range(3)]
    await added(client, "Desk")
    await application.caught_up()
    other = await client.get("/queries/Cheapest", headers=known)

    assert [(each.status_code, each.content, each.headers["etag"]) for each in same] == [
        (304, b"", first.headers["etag"])
    ] * 3
    assert other.status_code == 200
    assert LOADED == ["Cheapest"] * 2


async def test_an_answer_that_may_be_old_says_the_position_that_it_holds(
    client: httpx2.AsyncClient, application: Application, clock: FixedClock
) -> None:
    await added(client)
    await application.caught_up()
    first = await client.get("/queries/Total")
    await added(client)
    await application.caught_up()

    kept = await client.get("/queries/Total")
    own = await client.get("/queries/Total", headers={"diptych-after": "2"})
    clock.advance(seconds=61)
    await added(client)
    await application.caught_up()
    late = await client.get("/queries/Total")

    assert [each.text for each in (first, kept, own, late)] == ["1", "1", "2", "3"]
    assert [each.headers["diptych-position"] for each in (first, kept, own, late)] == ["1", "1", "2", "3"]
    assert kept.headers["etag"] == first.headers["etag"] != own.headers["etag"]


async def test_two_principals_and_two_queries_have_answers_and_tags_of_their_own(client: httpx2.AsyncClient) -> None:
    answers = {
        (who, url): await client.get(f"/queries/{url}", headers={"x-diptych-user": who})
        for who in ("ann", "bob")
        for url in ("Greeting", "Total")
    }
    stolen = await client.get(
        "/queries/Greeting",
        headers={"x-diptych-user": "bob", "if-none-match": answers["ann", "Greeting"].headers["etag"]},
    )

    assert answers["ann", "Greeting"].json() == ["ann", 0]
    assert answers["bob", "Greeting"].json() == ["bob", 0]
    assert (stolen.status_code, stolen.json()) == (200, ["bob", 0])
    tags = {each.headers["etag"] for each in answers.values()}
    assert len(tags) == 3, "the total is the same for both, everything else differs"


async def test_figures_of_the_cache_are_told(client: httpx2.AsyncClient, application: Application) -> None:
    for _ in range(3):
        await client.get("/queries/Total")
    told = (await client.get("/metrics")).text.splitlines()

    assert 'diptych_query_cache_total{query="Total",outcome="miss"} 1' in told
    assert 'diptych_query_cache_total{query="Total",outcome="hit"} 2' in told
    assert "diptych_query_cache_entries 1" in told
    assert "diptych_query_cache_evictions_total 0" in told
    assert f"diptych_query_cache_limit_bytes {64 * 1024 * 1024}" in told
    size = next(line for line in told if line.startswith("diptych_query_cache_bytes "))
    assert int(size.split()[1]) == application.cache.bytes > 0


async def test_the_bound_is_kept_by_another_configuration_of_the_application() -> None:
    application = Application(shop, cached, projection(), cache_bytes=1234)

    assert application.configured(mode="dev").cache.limit == 1234
