"""Dry runs over HTTP: what a command would do, with the statuses and problems of a real one."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from diptych.application import Application
from diptych.module import Module
from tests.web.shop import AddProduct, Take, Weather, added, client_of, projection, shop

PRODUCT = {"name": "Lamp", "price": "9.50", "stock": 5}
DRY = {"dry_run": "true"}


async def tried(client: httpx2.AsyncClient, name: str, body: Any, **headers: str) -> httpx2.Response:
    answer = await client.post(f"/commands/{name}", params=DRY, json=body, headers=headers)
    assert answer.headers["diptych-dry-run"] == "true"
    return answer


async def test_a_dry_run_tells_result_events_and_rows_and_stores_nothing(client: httpx2.AsyncClient) -> None:
    product = await added(client)

    answer = await tried(client, "Take", {"product": product, "quantity": 2}, **{"X-Diptych-User": "ada"})

    told = answer.json()
    change = told["changes"][0]
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["diptych-position"] == "1", "the head, which a query may be asked after"
    assert (told["dry_run"], told["position"], told["result"]) == (True, 2, 3)
    assert told["events"] == [
        {
            "name": "product.taken",
            "version": 1,
            "position": 2,
            "tags": [f"product:{product}"],
            "data": {"product": product, "quantity": 2},
        }
    ]
    assert (change["model"], change["key"], change["fields"]) == ("product_view", [product], ["stock", "worth"])
    assert (change["before"]["stock"], change["after"]["stock"]) == (5, 3)
    assert (change["before"]["worth"], change["after"]["worth"]) == ("47.50", "28.50")
    assert "stops" not in told
    seen = await client.get("/queries/GetProduct", params={"product": product}, headers={"Diptych-After": "1"})
    assert seen.json() == change["before"]


async def test_a_row_that_would_come_is_shown_as_it_would_be_stored(client: httpx2.AsyncClient) -> None:
    body, key = {"name": "Lamp", "price": "9.5", "stock": 5}, {"Idempotency-Key": "k"}

    told = (await tried(client, "AddProduct", body, **key)).json()
    sent = await client.post("/commands/AddProduct", json=body, headers=key)

    product = sent.json()["result"]
    row = await client.get("/queries/GetProduct", params={"product": product}, headers={"Diptych-After": "1"})
    stored, foretold = row.json(), told["changes"][0]
    assert foretold["before"] is None
    assert {**foretold["after"], "added": None} == {**stored, "added": None}
    assert (foretold["key"], told["result"]) == ([product], product)


async def test_what_fails_is_the_problem_of_a_real_command(client: httpx2.AsyncClient) -> None:
    product = await added(client)
    bodies = [
        ("Take", {"product": product, "quantity": 9}, {}),
        ("Take", {"product": str(uuid4()), "quantity": 1}, {}),
        ("Take", {"product": product, "quantity": 0}, {}),
        ("Take", {"product": product, "quantity": 1}, {"If-Match": '"0"'}),
        ("Inspect", {"product": product, "finding": "forbidden"}, {}),
        ("Inspect", {"product": product, "finding": "fields"}, {}),
        ("Nothing", {}, {}),
    ]

    for name, body, headers in bodies:
        dry = await tried(client, name, body, **headers)
        real = await client.post(f"/commands/{name}", json=body, headers=headers)

        assert (dry.status_code, dry.json()) == (real.status_code, real.json())
        assert dry.headers["diptych-position"] == real.headers["diptych-position"]
        assert dry.headers["content-type"] == "application/problem+json"
        assert "diptych-dry-run" not in real.headers


async def test_requests_that_cannot_be_served_are_marked_too(client: httpx2.AsyncClient) -> None:
    wrong = await client.post("/commands/Take", params=DRY, content=b"{")
    got = await client.get("/commands/Take", params=DRY)

    assert [(each.status_code, each.headers["diptych-dry-run"]) for each in (wrong, got)] == [
        (400, "true"),
        (405, "true"),
    ]


async def test_a_bug_in_a_dry_run_has_a_reference(client: httpx2.AsyncClient) -> None:
    answer = await tried(client, "Inspect", {"product": str(uuid4()), "finding": "bug"})

    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/bug")


async def test_a_key_that_was_used_gets_its_answer_and_no_events(client: httpx2.AsyncClient) -> None:
    key = {"Idempotency-Key": "k"}
    real = await client.post("/commands/AddProduct", json=PRODUCT, headers=key)

    again = await tried(client, "AddProduct", PRODUCT, **key)
    other = await tried(client, "AddProduct", {**PRODUCT, "stock": 6}, **key)

    assert again.json() == {"dry_run": True, **real.json(), "events": [], "changes": []}
    assert (other.status_code, other.json()["type"]) == (422, "/problems/key-reused")


@pytest.mark.parametrize("query", ["dry_run=yes", "dry_run=", "dry_run=true&dry_run=true", "dry_run=True"])
async def test_a_dry_run_that_is_not_clear_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.post(f"/commands/AddProduct?{query}", json=PRODUCT)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")
    assert answer.headers["diptych-position"] == "0"


@pytest.mark.parametrize("query", ["dry%5Frun=true", "dry%5frun=true", "%64ry_run=%74rue"])
async def test_a_dry_run_that_is_asked_for_in_encoded_letters_stores_nothing(
    client: httpx2.AsyncClient, query: str
) -> None:
    answer = await client.post(f"/commands/AddProduct?{query}", json=PRODUCT)

    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    assert answer.headers["diptych-position"] == "0"


@pytest.mark.parametrize("query", ["dryrun=true", "dry_run=true&x=1", "x"])
async def test_an_argument_that_no_command_takes_is_refused(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.post(f"/commands/AddProduct?{query}", json=PRODUCT)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")
    assert "takes no argument but dry_run" in answer.json()["detail"]
    assert answer.headers["diptych-position"] == "0"


@pytest.mark.parametrize("query", ["dry_run=false", ""])
async def test_without_asking_for_one_there_is_no_dry_run(client: httpx2.AsyncClient, query: str) -> None:
    answer = await client.post(f"/commands/AddProduct?{query}", json=PRODUCT)

    assert (answer.status_code, answer.headers["diptych-position"]) == (200, "1")
    assert "diptych-dry-run" not in answer.headers


async def test_a_command_with_effects_of_its_own_cannot_be_tried() -> None:
    bells = Module("bells")

    @bells.command
    async def ring(command: Take) -> int:
        raise AssertionError("it rang")

    async with client_of(Application(bells)) as client:
        answer = await tried(client, "Take", {"product": str(uuid4()), "quantity": 1})

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/untriable")


async def test_a_projection_that_would_stop_is_told() -> None:
    def refuse(event: Any) -> None:
        raise ZeroDivisionError("no row for this")

    async with client_of(Application(shop, projection(fold=refuse))) as client:
        told = (await tried(client, "AddProduct", PRODUCT)).json()

    assert told["changes"] == []
    assert told["stops"] == [
        {"projection": "views", "position": 1, "reason": "ZeroDivisionError: no row for this"},
    ]


async def test_read_models_are_waited_for_as_long_as_the_client_says() -> None:
    async with client_of(Application(shop, projection(), projections="follow")) as client:
        answer = await tried(client, "AddProduct", PRODUCT, Prefer="wait=0")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/rebuilding")
    assert answer.headers["retry-after"] == "1"


async def test_metrics_count_dry_runs_apart(client: httpx2.AsyncClient, weather: Weather) -> None:
    await tried(client, "AddProduct", PRODUCT)
    await tried(client, "Take", {"product": str(uuid4()), "quantity": 1})

    metrics = (await client.get("/metrics")).text

    assert 'diptych_commands_total{command="AddProduct",outcome="tried"} 1' in metrics
    assert 'diptych_commands_total{command="Take",outcome="tried"} 1' in metrics


async def test_openapi_tells_the_parameter_and_the_members(client: httpx2.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()

    told = document["paths"][f"/commands/{AddProduct.__name__}"]["post"]
    answer = told["responses"]["200"]["content"]["application/json"]["schema"]
    assert "Diptych-Dry-Run" in told["responses"]["200"]["headers"]
    assert {"$ref": "#/components/parameters/dry_run"} in told["parameters"]
    assert document["components"]["parameters"]["dry_run"]["schema"]["type"] == "boolean"
    assert answer["required"] == ["position", "result"]
    assert {"dry_run", "events", "changes", "stops"} < answer["properties"].keys()
    for name in ("DryRunEvent", "DryRunChange", "DryRunStop"):
        assert document["components"]["schemas"][name]["type"] == "object"
