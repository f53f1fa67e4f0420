"""The pages beside the messages: schemas, documentation without any outside request, health, metrics."""

import re
from typing import Any
from uuid import UUID

import httpx2
import pytest

from diptych.application import Application
from diptych.ports import Checkpoint
from diptych.web.metrics import Meter
from diptych.web.pages import readiness
from diptych.web.schemas import openapi
from tests.web.shop import added
from tests.web.test_commands import told


@pytest.fixture
def document(application: Application) -> dict[str, Any]:
    return openapi(application, title="Shop", version="3")


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(references, value.values()))
    return set().union(*map(references, value)) if isinstance(value, list | tuple) else set()


def test_every_command_query_and_event_has_a_real_schema(document: dict[str, Any], application: Application) -> None:
    for name in (*application.commands, *application.queries):
        assert schema(document, name)["type"] == "object"
    assert schema(document, "AddProduct")["required"] == ["name", "price"]
    assert schema(document, "AddProduct")["properties"]["price"]["format"] == "decimal"
    assert schema(document, "AddProduct")["properties"]["lines"]["items"] == {"$ref": "#/components/schemas/Line"}
    assert schema(document, "Line")["properties"]["quantity"]["minimum"] == 1
    assert set(document["x-events"]) == {"product.added", "product.taken"}
    assert document["x-events"]["product.added"]["version"] == 2
    assert document["x-events"]["product.added"]["summary"] == "A product came into the shop."


def test_every_reference_of_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    found = references(document)

    assert found
    for reference in found:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]


def test_times_and_exact_decimals_are_told_wherever_they_stand(document: dict[str, Any]) -> None:
    since, price = (schema(document, "AddProduct")["properties"][name] for name in ("since", "price"))

    assert {"type": "string", "format": "date-time"} in since["anyOf"]
    assert price["description"] == "up to 2 decimal places"
    assert schema(document, "ProductView")["properties"]["price"]["description"] == "up to 2 decimal places"


async def test_fields_stand_in_the_order_in_which_they_were_written(client: httpx2.AsyncClient) -> None:
    served = (await client.get("/openapi.json")).json()

    assert list(schema(served, "Take")["properties"]) == ["product", "quantity"]
    assert list(schema(served, "AddProduct")["properties"])[:2] == ["name", "price"]


def test_a_generated_field_is_told_as_filled(document: dict[str, Any]) -> None:
    generated = schema(document, "AddProduct")["properties"]["product"]

    assert "default" not in generated
    assert generated["description"] == "Filled when absent."


def test_results_are_real_schemas(document: dict[str, Any]) -> None:
    def answer(path: str, method: str) -> Any:
        return document["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]

    assert answer("/commands/AddProduct", "post")["properties"]["result"] == {"type": "string", "format": "uuid"}
    assert answer("/queries/GetProduct", "get") == {
        "anyOf": [{"$ref": "#/components/schemas/ProductView"}, {"type": "null"}]
    }
    page = answer("/queries/FindProducts", "post")["$ref"].rpartition("/")[2]
    assert schema(document, page)["properties"]["items"]["items"] == {"$ref": "#/components/schemas/ProductView"}


def test_a_computed_column_is_described_beside_the_stored_ones(document: dict[str, Any]) -> None:
    row = schema(document, "ProductView")

    assert row["properties"]["worth"]["format"] == "decimal"
    assert "worth" in row["required"]


def test_the_arguments_of_a_query_are_described(document: dict[str, Any]) -> None:
    given = document["paths"]["/queries/FindProducts"]["get"]["parameters"]
    by_name = {each["name"]: each for each in given if "name" in each}

    assert by_name["names"]["explode"] is True
    assert by_name["limit"]["schema"]["maximum"] == 100
    assert by_name["limit"]["required"] is False


async def test_the_document_is_served_with_the_path_it_is_mounted_at(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["openapi"] == "3.1.0"
    assert answer.json()["servers"] == [{"url": "/"}]
    assert answer.json()["paths"]["/commands/AddProduct"]["post"]["summary"] == "Bring a product into the shop."


async def test_the_documentation_page_asks_nobody_else(client: httpx2.AsyncClient) -> None:
    page = await client.get("/docs")
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)

    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert set(linked) == {"docs/docs.css", "docs/docs.js", "docs/catalogue", "openapi.json"}
    for path in linked:
        found = await client.get(f"/{path}")
        assert found.status_code == 200
        assert "http://" not in found.text
        assert "https://" not in found.text
        assert "innerHTML" not in found.text


async def test_the_server_tells_that_it_lives_and_is_ready(
    client: httpx2.AsyncClient, application: Application
) -> None:
    await added(client)
    await application.caught_up()

    live, ready = await client.get("/health/live"), await client.get("/health/ready")

    assert (live.status_code, live.json()) == (200, {"status": "live"})
    assert ready.status_code == 200
    assert ready.json() == {
        "status": "ready",
        "head": 1,
        "projections": {"views": {"status": "running", "position": 1, "lag": 0, "folded_by": "this process"}},
    }


def test_readiness_says_which_projection_is_not_ready(application: Application) -> None:
    def checkpoint(position: int, **state: Any) -> Checkpoint:
        return Checkpoint("", position, 1, 1, "", log_id=UUID(int=0), epoch=1, **state)

    found = readiness(
        ["fine", "rebuilding", "stopped", "new", "other"],
        9,
        {
            "fine": checkpoint(9),
            "rebuilding": checkpoint(3, target=9),
            "stopped": checkpoint(4, error="poison"),
            "other": checkpoint(9),
        },
        outdated={"other"},
        folded={"fine": "another process"},
    )

    assert found["status"] == "unready"
    assert found["projections"] == {
        "fine": {"status": "running", "position": 9, "lag": 0, "folded_by": "another process"},
        "rebuilding": {"status": "rebuilding", "position": 3, "lag": 6, "target": 9, "folded_by": "nobody"},
        "stopped": {"status": "stopped", "position": 4, "lag": 5, "folded_by": "nobody"},
        "new": {"status": "starting", "position": 0, "lag": 9, "folded_by": "nobody"},
        "other": {"status": "outdated", "position": 9, "lag": 0, "folded_by": "nobody"},
    }


async def test_metrics_count_by_name_and_outcome(client: httpx2.AsyncClient, application: Application) -> None:
    product = await added(client)
    await added(client, "Desk")
    await client.post("/commands/Take", json={"product": product, "quantity": 9})
    await client.post("/commands/Nothing%22%7D%201%0A", json={})
    await client.get("/queries/FindProducts")
    await application.caught_up()

    answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'diptych_commands_total{command="AddProduct",outcome="accepted"} 2' in lines
    assert 'diptych_commands_total{command="Take",outcome="refused"} 1' in lines
    assert 'diptych_commands_total{command="unknown",outcome="unknown-message"} 1' in lines
    assert 'diptych_queries_total{query="FindProducts",outcome="answered"} 1' in lines
    assert 'diptych_command_seconds_count{command="AddProduct"} 2' in lines
    assert 'diptych_command_seconds_bucket{command="AddProduct",le="+Inf"} 2' in lines
    assert "diptych_head_position 2" in lines
    assert 'diptych_projection_position{projection="views"} 2' in lines
    assert 'diptych_projection_lag{projection="views"} 0' in lines
    assert 'diptych_projection_folded_here{projection="views"} 1' in lines
    assert "diptych_projection_fenced_writes_total 0" in lines
    for line in lines:
        assert re.fullmatch(r'# (HELP|TYPE) .+|[a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [0-9.e+-]+', line), line


def test_a_histogram_counts_every_message_up_to_each_bound() -> None:
    meter = Meter("command", ["A"])
    for seconds in (0.0005, 0.0006, 3.0, 99.0):
        meter.observe("A", "accepted", seconds)

    lines = list(meter.lines())

    assert 'diptych_command_seconds_bucket{command="A",le="0.0005"} 1' in lines
    assert 'diptych_command_seconds_bucket{command="A",le="0.001"} 2' in lines
    assert 'diptych_command_seconds_bucket{command="A",le="5.0"} 3' in lines
    assert 'diptych_command_seconds_bucket{command="A",le="+Inf"} 4' in lines
    assert 'diptych_command_seconds_sum{command="A"} 102.001100000' in lines


async def test_another_path_is_a_problem_too(client: httpx2.AsyncClient) -> None:
    assert told(await client.get("/nothing")) == (404, "/problems/unknown-path")
    assert told(await client.post("/docs")) == (405, "/problems/method-not-allowed")
    assert told(await client.get("/metrics", headers={"host": "evil.example"})) == (421, "/problems/misdirected")
