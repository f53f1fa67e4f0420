"""The past over HTTP: queries as of a moment, blame, diff and versions."""

from collections.abc import AsyncIterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest
from starlette.requests import HTTPConnection

from diptych.application import Application
from diptych.errors import NotAllowed
from diptych.module import Module
from diptych.testing.clock import FixedClock
from diptych.web.app import asgi_app
from diptych.web.schemas import openapi
from tests.history.shop import NOON, Drop, GetShelf, Price, Sell, application, module, projections
from tests.web.shop import client_of


@pytest.fixture
async def app() -> Application:
    return application(clock=FixedClock(NOON))


@pytest.fixture
async def client(app: Application) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(app) as client:
        clock = app.clock
        assert isinstance(clock, FixedClock)
        for command in (
            Price("a/b", Decimal("9.50")),
            Sell("a/b", 2),
            Price("desk", Decimal(90)),
            Drop("desk"),
        ):
            await app.send(command, principal="ann")
            clock.advance(timedelta(hours=1))
        await app.caught_up()
        yield client


async def test_a_query_is_asked_as_of_a_position_or_a_time(client: httpx2.AsyncClient) -> None:
    for moment in ("1", "2026-03-01T12:59:59Z", "2026-03-01T13:30:00+01:00"):
        got = await client.get("/queries/GetShelf", params={"product": "a/b", "as_of": moment})
        posted = await client.post("/queries/GetShelf", params={"as_of": moment}, json={"product": "a/b"})

        assert got.json() == posted.json() == {"product": "a/b", "price": "9.50", "sold": 0, "turnover": "0.00"}
        assert got.headers["diptych-position"] == posted.headers["diptych-position"] == "1"


async def test_a_plus_in_a_time_may_stand_unencoded(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/GetShelf?product=a/b&as_of=2026-03-01T13:30:00+01:00")

    assert (answer.status_code, answer.headers["diptych-position"]) == (200, "1")


@pytest.mark.parametrize("name", ["as%5Fof", "as%5fof", "%61s_of"])
async def test_the_name_of_a_moment_may_be_encoded(client: httpx2.AsyncClient, name: str) -> None:
    got = await client.get(f"/queries/GetShelf?product=a/b&{name}=0")
    posted = await client.post(f"/queries/GetShelf?{name}=0", json={"product": "a/b"})

    assert got.json() is posted.json() is None


async def test_an_answer_as_of_a_position_never_changes_and_has_a_tag(client: httpx2.AsyncClient) -> None:
    url = "/queries/FindShelves?as_of=3"
    first = await client.get(url)
    await client.post("/commands/Sell", json={"product": "a/b", "pieces": 1})

    again = await client.get(url, headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.headers["etag"], again.content) == (304, first.headers["etag"], b"")


@pytest.mark.parametrize("moment", ["", "x", "-1", "1.5", "2026-03-01", "2026-03-01T12:00:00", "9" * 30])
async def test_a_moment_that_is_none_is_malformed(client: httpx2.AsyncClient, moment: str) -> None:
    for url in ("/queries/GetShelf?product=desk&", "/history/shelves/desk/blame?"):
        answer = await client.get(f"{url}as_of={moment}")

        assert answer.status_code == 400
        assert answer.json()["type"] == "/problems/malformed"
        assert "expected a position or a time with a zone" in answer.json()["detail"]


async def test_a_moment_given_twice_is_malformed_and_one_beyond_the_head_has_its_own_problem(
    client: httpx2.AsyncClient,
) -> None:
    twice = await client.get("/queries/FindShelves?as_of=1&as_of=2")
    beyond = await client.get("/queries/FindShelves?as_of=99")

    assert (twice.status_code, twice.json()["detail"]) == (400, "as_of is given 2 times, expected once")
    assert (beyond.status_code, beyond.json()["type"]) == (400, "/problems/beyond-head")


async def test_a_list_without_history_is_a_problem_that_names_the_fix(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/queries/FindPlains?as_of=1")

    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/no-history")
    assert "history=True" in answer.json()["detail"]


async def test_blame_tells_each_field_with_its_cause(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/history/shelves/a%2Fb/blame")

    told = answer.json()
    assert (told["model"], told["key"], told["position"]) == ("shelves", {"product": "a/b"}, 4)
    assert answer.headers["diptych-position"] == "4"
    by_field = {each["field"]: each for each in told["fields"]}
    assert {name: each["at"] for name, each in by_field.items()} == {"product": 1, "price": 1, "sold": 2, "turnover": 2}
    price = by_field["price"]
    assert (price["value"], price["event"], price["version"], price["actor"]) == ("9.50", "product.priced", 3, "ann")
    assert price["recorded_at"] == "2026-03-01T12:00:00Z"


async def test_blame_of_one_field_as_of_a_moment(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/history/plains/desk/blame", params={"field": "price", "as_of": "2026-03-01T14:10:00Z"})

    assert [(each["field"], each["at"]) for each in answer.json()["fields"]] == [("price", 3)]


async def test_diff_and_versions(client: httpx2.AsyncClient) -> None:
    diff = (await client.get("/history/shelves/desk/diff?from=0&to=4")).json()
    versions = (await client.get("/history/shelves/desk/versions?count=1")).json()["versions"]
    rest = (await client.get("/history/shelves/desk/versions?after=3")).json()["versions"]

    assert (diff["before"], diff["after"], diff["fields"]) == (None, None, {})
    assert [(each["at"], each["deleted"]) for each in diff["events"]] == [(3, False), (4, True)]
    assert diff["events"][0]["changed"]["price"] == {"before": None, "after": "90.00"}
    assert [(each["at"], each["row"]["price"]) for each in versions] == [(3, "90.00")]
    assert [(each["at"], each["row"]) for each in rest] == [(4, None)]


async def test_what_never_changes_is_not_sent_again(client: httpx2.AsyncClient) -> None:
    first = await client.get("/history/shelves/desk/diff?from=1&to=3")

    again = await client.get("/history/shelves/desk/diff?from=1&to=3", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("url", "status", "problem"),
    [
        ("/history/sofas/x/blame", 404, "unknown-row"),
        ("/history/shelves/sofa/blame", 404, "unknown-row"),
        ("/history/shelves/desk/blame?as_of=4", 404, "unknown-row"),
        ("/history/shelves/a%2Fb/blame?field=cost", 404, "unknown-row"),
        ("/history/plains/sofa/diff?from=0&to=1", 404, "unknown-row"),
        ("/history/sales/2/blame", 422, "invalid"),
        ("/history/sales/2,x/blame", 422, "invalid"),
        ("/history/sales/2,9223372036854775808/blame", 422, "invalid"),
        ("/history/sales/2%0D,0/blame", 422, "invalid"),
        ("/history/shelves/de%00sk/blame", 422, "invalid"),
        ("/history/totals/1e999/blame", 422, "invalid"),
        ("/history/totals/92233720368547758.08/blame", 422, "invalid"),
        ("/history/totals/0.001/blame", 422, "invalid"),
        ("/history/totals/sNaN/blame", 422, "invalid"),
        ("/history/shelves/desk/blame?fields=price", 400, "malformed"),
        ("/history/shelves/desk/blame?field=a&field=b", 400, "malformed"),
        ("/history/shelves/desk/blame?limit=x", 400, "malformed"),
        ("/history/shelves/desk/blame?as_of=9", 400, "beyond-head"),
        ("/history/shelves/desk/diff?from=1", 400, "malformed"),
        ("/history/shelves/desk/diff?from=3&to=1", 400, "malformed"),
        ("/history/shelves/desk/versions?count=0", 400, "malformed"),
        ("/history/shelves/desk/versions?count=1001", 400, "malformed"),
        ("/history/shelves/desk", 404, "unknown-path"),
    ],
)
async def test_what_cannot_be_told_is_a_problem(
    client: httpx2.AsyncClient, url: str, status: int, problem: str
) -> None:
    answer = await client.get(url)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{problem}")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_what_costs_too_much_is_refused_with_the_figures(client: httpx2.AsyncClient) -> None:
    refused = await client.get("/history/plains/a%2Fb/blame?limit=1")
    answered = await client.get("/history/plains/a%2Fb/blame?limit=2")

    told: dict[str, Any] = refused.json()
    assert (refused.status_code, told["type"]) == (422, "/problems/too-costly")
    assert (told["model"], told["events"], told["limit"], told["scans"]) == ("plains", 2, 1, False)
    assert answered.status_code == 200


async def test_the_past_lies_behind_the_same_principal(app: Application) -> None:
    def nobody(_: Any) -> str:
        raise NotAllowed("not you")

    async with client_of(app, principal=nobody) as client:
        for url in ("/history/shelves/desk/blame", "/queries/FindShelves?as_of=0"):
            answer = await client.get(url)
            assert (answer.status_code, answer.json()["type"]) == (403, "/problems/forbidden")


async def test_the_document_tells_how_the_past_is_asked_for(app: Application) -> None:
    document = openapi(app, title="Shop", version="1")

    for method in ("get", "post"):
        named = document["paths"]["/queries/GetShelf"][method]["parameters"]
        assert {"$ref": "#/components/parameters/as_of"} in named
    assert document["components"]["parameters"]["as_of"]["in"] == "query"
    blame = document["paths"]["/history/{model}/{key}/blame"]["get"]
    assert blame["parameters"][0]["schema"] == {"enum": ["shelves", "plains", "totals", "sales"]}
    assert {"field", "as_of", "limit"} <= {each["name"] for each in blame["parameters"]}
    assert {f"/history/{{model}}/{{key}}/{what}" for what in ("diff", "versions")} <= document["paths"].keys()


def hooked(app: Application, **settings: Any) -> httpx2.AsyncClient:
    async def principal(connection: HTTPConnection) -> str | None:
        return connection.headers.get("x-diptych-user")

    transport = httpx2.ASGITransport(asgi_app(app, principal=principal, **settings))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


def is_ann(principal: str | None) -> bool:
    return principal == "ann"


@pytest.fixture
async def guarded() -> AsyncIterator[Application]:
    guards = Module("guards")

    @guards.guards
    def nobody(_: GetShelf) -> None:
        raise NotAllowed("nobody may see a shelf")

    async with Application(module(), guards, *projections(), clock=FixedClock(NOON)) as app:
        await app.send(Price("desk", Decimal(90)))
        await app.caught_up()
        yield app


PASTS = ("blame", "diff?from=0&to=1", "versions")


@pytest.mark.parametrize("what", PASTS)
async def test_where_there_are_guards_nobody_sees_the_past_of_rows_without_an_auditor(
    guarded: Application, what: str
) -> None:
    async with hooked(guarded) as client:
        refused = await client.get(f"/history/shelves/desk/{what}", headers={"x-diptych-user": "ann"})

    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")


@pytest.mark.parametrize("what", PASTS)
async def test_where_there_are_guards_the_auditor_says_who_sees_the_past_of_rows(
    guarded: Application, what: str
) -> None:
    async with hooked(guarded, auditor=is_ann) as client:
        seen = {
            user: (await client.get(f"/history/shelves/desk/{what}", headers={"x-diptych-user": user})).status_code
            for user in ("ann", "eve")
        }

    assert seen == {"ann": 200, "eve": 403}


async def test_an_auditor_says_so_without_guards_too(app: Application) -> None:
    async with app, hooked(app, auditor=is_ann) as client:
        refused = await client.get("/history/shelves/desk/versions", headers={"x-diptych-user": "eve"})

    assert refused.status_code == 403


async def test_without_guards_and_auditor_whoever_the_hook_lets_through_sees_the_past_of_rows(app: Application) -> None:
    async with app, hooked(app) as client:
        await app.send(Price("desk", Decimal(90)))
        await app.caught_up()

        answer = await client.get("/history/shelves/desk/versions", headers={"x-diptych-user": "eve"})

    assert answer.status_code == 200
