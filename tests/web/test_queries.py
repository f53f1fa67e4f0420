"""Queries over HTTP: asked by GET or POST, at a position, cached by entity tags."""

import asyncio
import contextlib
import logging
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx2
import pytest
import sqlalchemy as sa

from diptych.application import Application
from diptych.model.messages import Query
from diptych.model.meta import Meta
from diptych.model.projections import Projection
from diptych.module import Module
from diptych.read.rows import Rows
from tests.web.shop import Added, ProductView, Weather, added, client_of, projection, shop
from tests.web.test_commands import PRODUCT, told

Caught = pytest.LogCaptureFixture


async def seen(client: httpx2.AsyncClient, application: Application, *names: str) -> list[str]:
    products = [await added(client, name) for name in names]
    await application.caught_up()
    return products


async def test_a_query_reads_its_own_write(client: httpx2.AsyncClient) -> None:
    sent = await client.post("/commands/AddProduct", json=PRODUCT, headers={"x-diptych-user": "anna"})
    after = {"diptych-after": sent.headers["diptych-position"]}

    answer = await client.get("/queries/GetProduct", params={"product": sent.json()["result"]}, headers=after)

    assert answer.status_code == 200
    assert answer.headers["diptych-position"] == "1"
    row = answer.json()
    assert (row["name"], row["price"], row["stock"], row["actor"]) == ("Lamp", "9.50", 5, "anna")
    assert row["worth"] == "47.50"


async def test_a_mistake_in_a_select_is_a_bug_and_not_an_outage(caplog: Caught) -> None:
    made = Module("colours")

    @dataclass(frozen=True)
    class CountColours(Query[int]):
        pass

    @made.query
    async def count_colours(query: CountColours, products: Rows[ProductView]) -> int:
        return len(await products.select(sa.text("select colour from colours")))

    async with client_of(Application(made, projection())) as client:
        answer = await client.get("/queries/CountColours")

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/bug")
    assert "no such table: colours" in caplog.text
    assert "count_colours (" in caplog.text


async def test_nothing_there_answers_null(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/GetProduct", params={"product": str(uuid4())})

    assert (answer.status_code, answer.text) == (200, "null")
    assert answer.headers["diptych-position"] == "0"


async def test_scalars_and_repeated_fields_come_from_the_query_string(
    client: httpx2.AsyncClient, application: Application
) -> None:
    await seen(client, application, "Lamp", "Desk", "Chair")

    url = "/queries/FindProducts?names=Lamp&names=Chair&in_stock=true&at_least=&limit=1"
    answer = await client.get(url)
    posted = await client.post("/queries/FindProducts", json={"names": ["Lamp", "Chair"], "in_stock": True, "limit": 1})

    assert answer.json() == posted.json()
    assert [row["name"] for row in answer.json()["items"]] == ["Chair"]
    assert answer.json()["total"] == 2


async def test_a_query_without_required_fields_may_be_posted_without_a_body(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/queries/FindProducts")

    assert answer.json() == {"items": [], "total": 0, "offset": 0, "limit": 50}


async def test_values_keep_their_types(client: httpx2.AsyncClient) -> None:
    url = "/queries/Echo?text=a%26b+%C3%BC&price=1.50&since=2024-01-02T03:04:05%2B01:00"

    answer = await client.get(
        f"{url}&counts=3&counts=1&counts=3&weight=1.5", headers={"x-diptych-user": "jürgen".encode()}
    )  # type: ignore[dict-item]

    assert answer.json() == {
        "text": "a&b ü",
        "price": "1.50",
        "since": "2024-01-02T03:04:05+01:00",
        "counts": [1, 3],
        "line": None,
        "principal": "jürgen",
    }


async def test_an_argument_that_is_no_value_of_its_type_is_told_as_it_was_found(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/FindProducts?limit=many&in_stock=perhaps")

    assert answer.json()["errors"] == {
        "limit": ["expected `int`, found 'many'"],
        "in_stock": ["expected `bool`, found 'perhaps'"],
    }


@pytest.mark.parametrize(
    ("url", "fields"),
    [
        ("GetProduct", {"product"}),
        ("GetProduct?product=x", {"product"}),
        ("GetProduct?product=x&product=y", {"product"}),
        ("FindProducts?limit=0", {"limit"}),
        ("FindProducts?limit=many&at_least=-1&in_stock=perhaps", {"limit", "at_least", "in_stock"}),
        ("Echo?text=a&since=2024-01-02T03:04:05", {"since"}),
        ("Echo?text=a&price=1.555", {"price"}),
        ("Echo?text=a&price=NaN", {"price"}),
        ("Echo?text=a&weight=nan", {"weight"}),
        ("Echo?text=a&weight=Infinity", {"weight"}),
        ("Echo?text=a%00b", {"text"}),
        ("Echo?text=a&counts=99999999999999999999999", {"counts"}),
        ("Echo?text=a&line=b", {"line"}),
    ],
)
async def test_what_is_wrong_with_a_query_is_told_by_field(
    client: httpx2.AsyncClient, url: str, fields: set[str]
) -> None:
    answer = await client.get(f"/queries/{url}")

    assert told(answer) == (422, "/problems/invalid")
    assert {path.partition("[")[0] for path in answer.json()["errors"]} == fields


async def test_an_answer_has_an_entity_tag_and_is_not_sent_twice(
    client: httpx2.AsyncClient, application: Application
) -> None:
    lamp, desk = await seen(client, application, "Lamp", "Desk")
    first = await client.get("/queries/GetProduct", params={"product": lamp})
    known = {"if-none-match": f'"other", {first.headers["etag"]}'}

    again = await client.get("/queries/GetProduct", params={"product": lamp}, headers=known)
    other = await client.get("/queries/GetProduct", params={"product": desk}, headers=known)
    await client.post("/commands/Take", json={"product": lamp, "quantity": 1})
    await application.caught_up()
    changed = await client.get("/queries/GetProduct", params={"product": lamp}, headers=known)

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["diptych-position"] == "2"
    assert other.status_code == 200
    assert changed.status_code == 200
    assert changed.json()["stock"] == 4


async def test_a_change_elsewhere_leaves_an_answer_unchanged(
    client: httpx2.AsyncClient, application: Application
) -> None:
    (lamp,) = await seen(client, application, "Lamp")
    first = await client.get("/queries/GetProduct", params={"product": lamp})
    await seen(client, application, "Desk")

    again = await client.get(
        "/queries/GetProduct", params={"product": lamp}, headers={"if-none-match": first.headers["etag"]}
    )

    assert again.status_code == 304
    assert again.headers["diptych-position"] == "2"


async def test_head_answers_the_headers_of_get(client: httpx2.AsyncClient) -> None:
    got = await client.get("/queries/FindProducts")

    answer = await client.head("/queries/FindProducts")

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers == got.headers


async def test_a_position_beyond_the_head_is_refused_at_once(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/FindProducts", headers={"diptych-after": "7", "prefer": "wait=60"})

    assert told(answer) == (400, "/problems/beyond-head")


async def test_a_position_that_is_not_folded_in_time_is_stale() -> None:
    going = threading.Event()
    async with client_of(Application(shop, projection(fold=lambda _: going.wait(20)))) as client:
        try:
            await added(client)

            answer = await client.get("/queries/FindProducts", headers={"diptych-after": "1", "prefer": "wait=0.05"})
            without = await client.get("/queries/FindProducts")
            ready = await client.get("/health/ready")
        finally:
            going.set()

    assert told(answer) == (503, "/problems/stale")
    assert answer.headers["retry-after"] == "1"
    assert (answer.json()["wanted"], answer.json()["reached"]) == (1, 0)
    assert (without.status_code, without.headers["diptych-position"]) == (200, "0")
    assert ready.json()["projections"]["views"]["status"] == "running"
    assert ready.json()["projections"]["views"]["lag"] == 1


async def test_a_projection_that_stopped_turns_queries_and_readiness_red(caplog: Caught) -> None:
    def poison(event: object) -> None:
        raise ZeroDivisionError("poison")

    application = Application(shop, projection(fold=poison))
    async with client_of(application) as client:
        await added(client)

        answer = await client.get("/queries/FindProducts", headers={"diptych-after": "1"})
        ready = await client.get("/health/ready")
        metrics = await client.get("/metrics")

    assert told(answer) == (503, "/problems/stopped")
    assert ready.status_code == 503
    assert ready.json()["projections"]["views"]["status"] == "stopped"
    assert 'diptych_projection_stopped{projection="views"} 1' in metrics.text


async def test_a_stand_by_whose_folds_are_others_says_that_it_is_not_ready(tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path / 'shop.db'}"
    changed = Projection("views", version=2)
    changed.read_model(ProductView, key="product").on(product_added)
    newer = Application(shop, changed, events=log)
    async with contextlib.AsyncExitStack() as stack:
        async with client_of(Application(shop, projection(), events=log)):
            client = await stack.enter_async_context(client_of(newer))
            beside = await client.get("/health/ready")
            asked = await client.get("/queries/FindProducts")
            with contextlib.closing(sqlite3.connect(tmp_path / "shop-reads.db")) as rows, rows:
                rows.execute("update diptych_checkpoint set version = 2")  # as a third process left it
        async with asyncio.timeout(20):
            while newer.failure is None:  # noqa: ASYNC110 (it ends in a thread without a loop of ours)
                await asyncio.sleep(0.01)
        alone = await client.get("/health/ready")

    assert (beside.status_code, beside.json()["projections"]["views"]["status"]) == (503, "outdated")
    assert "runtime" not in beside.json()
    assert told(asked) == (503, "/problems/outdated")
    assert (alone.status_code, alone.json()["runtime"]) == (503, "ended")


def product_added(row: ProductView | None, event: Added, meta: Meta) -> ProductView:
    return ProductView(event.product, "other", event.price, event.stock, meta.actor, meta.recorded_at)


async def test_a_rebuild_answers_503_until_it_is_done(tmp_path: Path) -> None:
    log = f"sqlite:///{tmp_path / 'shop.db'}"
    async with client_of(Application(shop, projection(), events=log)) as client:
        lamp = await added(client)
    going = threading.Event()
    rebuilt = Application(shop, projection(2, lambda _: going.wait(20)), events=log)
    async with client_of(rebuilt) as client:
        try:
            meanwhile = await client.get("/queries/FindProducts")
            ready = await client.get("/health/ready")
        finally:
            going.set()
        await rebuilt.caught_up()
        done = await client.get("/queries/GetProduct", params={"product": lamp})
        ready_again = await client.get("/health/ready")

    assert told(meanwhile) == (503, "/problems/rebuilding")
    assert meanwhile.headers["retry-after"] == "1"
    assert meanwhile.json()["target"] == 1
    assert ready.status_code == 503
    assert ready.json()["projections"]["views"]["status"] == "rebuilding"
    assert done.json()["name"] == "Lamp"
    assert ready_again.status_code == 200


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ("bug", 500, "bug"),
        ("forbidden", 403, "forbidden"),
        ("missing", 404, "not-found"),
        ("refused", 409, "refused/out-of-stock"),
        ("", 422, "invalid"),
    ],
)
async def test_what_a_query_raises_is_told(
    client: httpx2.AsyncClient, caplog: Caught, how: str, status: int, kind: str
) -> None:
    with caplog.at_level(logging.ERROR, logger="diptych.web"):
        got = await client.get("/queries/Break", params={"how": how})
        posted = await client.post("/queries/Break", json={"how": how})

    assert told(got) == told(posted) == (status, f"/problems/{kind}")
    assert len(caplog.records) == (2 if how == "bug" else 0)


async def test_unknown_queries_and_methods_are_refused(client: httpx2.AsyncClient) -> None:
    assert told(await client.get("/queries/AddProduct")) == (404, "/problems/unknown-message")
    refused = await client.delete("/queries/FindProducts")
    assert told(refused) == (405, "/problems/method-not-allowed")
    assert refused.headers["allow"] == "GET, HEAD, POST"


async def test_an_error_without_a_kind_is_a_bug_whoever_raised_it(
    client: httpx2.AsyncClient, weather: Weather, caplog: Caught
) -> None:
    weather.error = RecursionError("deep")

    answer = await client.get("/queries/FindProducts")

    assert told(answer) == (500, "/problems/bug")


@pytest.mark.parametrize(("path", "meant"), [("/queries/GetProdukt", "GetProduct"), ("/queries/x", None)])
async def test_a_name_that_is_nearly_right_is_told_the_right_one(
    client: httpx2.AsyncClient, path: str, meant: str | None
) -> None:
    detail = (await client.get(path)).json()["detail"]

    assert detail.partition("; ")[2] == (f"did you mean {meant}?" if meant else "")


async def test_a_problem_names_type_title_status_and_detail_first(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/GetProduct?product=a%00b")

    assert list(answer.json()) == ["type", "title", "status", "detail", "errors"]
    assert list(answer.json()["errors"].values()) == [["contains the character U+0000, which no store can keep"]]
