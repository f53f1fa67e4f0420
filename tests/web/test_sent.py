"""What was sent, over HTTP: listed, looked up and traced, for those who may see it."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import jsonschema
import pytest
from starlette.requests import HTTPConnection

from diptych.application import Application
from diptych.web.app import asgi_app
from diptych.web.schemas import openapi
from tests.web.shop import client_of, projection, shop

ANN, EVE = {"x-diptych-user": "ann"}, {"x-diptych-user": "eve"}
UNKNOWN = UUID(int=7)


@pytest.fixture
def application() -> Application:
    return Application(shop, projection())


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(application) as client:
        await client.post("/commands/AddProduct", json={"name": "desk", "price": "9"}, headers=ANN)
        await client.post("/commands/AddProduct", json={"name": " ", "price": "9"}, headers=EVE)
        await client.post("/commands/Take", json={"product": str(UNKNOWN), "quantity": 1}, headers=EVE)
        await application.caught_up()
        await application.audit.written()
        yield client


async def listed(client: httpx2.AsyncClient, **arguments: Any) -> list[dict[str, Any]]:
    answer = await client.get("/commands", params=arguments)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["commands"]
    return found


async def test_they_are_listed_newest_first_chosen_and_paged(client: httpx2.AsyncClient) -> None:
    everything = await listed(client)

    assert [each["outcome"] for each in everything] == ["not_found", "invalid", "accepted"]
    assert [each["command"] for each in await listed(client, principal="ann")] == ["AddProduct"]
    assert [each["outcome"] for each in await listed(client, name="AddProduct", outcome="invalid")] == ["invalid"]
    assert await listed(client, since="2999-01-01T00:00:00Z") == []
    page = (await client.get("/commands?limit=2")).json()
    rest = (await client.get("/commands", params={"limit": 2, "before": page["next"]})).json()
    assert ([*page["commands"], *rest["commands"]], rest["next"]) == (everything, None)
    assert page["trail"] == {"kept": 2, "dropped": 0}


async def test_one_is_looked_up_by_its_id(client: httpx2.AsyncClient) -> None:
    missing, _, accepted = await listed(client)

    found = await client.get(f"/commands/{accepted['command_id']}")
    told = await client.get(f"/commands/{missing['command_id']}")

    assert (found.json()["outcome"], found.headers["diptych-position"]) == ("accepted", "1")
    assert UUID(found.json()["result"])
    assert (told.json()["outcome"], told.json()["result"], bool(told.json()["reason"])) == ("not_found", None, True)


async def test_a_trace_is_told_by_id_and_by_position(client: httpx2.AsyncClient) -> None:
    accepted = (await listed(client))[-1]

    by_id = (await client.get(f"/commands/{accepted['command_id']}/trace")).json()

    assert by_id == (await client.get("/commands/1/trace")).json()
    assert (by_id["principal"], by_id["events"][0]["event"]) == ("ann", "product.added")
    assert by_id["events"][0]["changes"][0]["rows"][0]["deleted"] is False


@pytest.mark.parametrize(
    ("path", "status", "kind"),
    [
        (f"/commands/{UNKNOWN}", 404, "unknown-command"),
        (f"/commands/{UNKNOWN}/trace", 404, "unknown-command"),
        ("/commands/99/trace", 404, "unknown-command"),
        ("/commands/what/trace", 400, "malformed"),
        ("/commands?limit=0", 400, "malformed"),
        ("/commands?limit=x", 400, "malformed"),
        (f"/commands?limit={'0' * 18}1000", 400, "malformed"),
        ("/commands?since=5", 400, "malformed"),
        ("/commands?outcome=lost", 400, "malformed"),
        ("/commands?before=lost", 400, "malformed"),
        (f"/commands?before={'9' * 20}.1", 400, "malformed"),
        (f"/commands?before=1.{'9' * 20}", 400, "malformed"),
        ("/commands?before=1-00", 400, "malformed"),
        ("/commands?colour=red", 400, "malformed"),
        ("/commands/AddProduct", 405, "method-not-allowed"),
    ],
)
async def test_what_cannot_be_told_is_a_problem(client: httpx2.AsyncClient, path: str, status: int, kind: str) -> None:
    answer = await client.get(path)

    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{kind}")


def hooked(application: Application, **settings: Any) -> httpx2.AsyncClient:
    async def principal(connection: HTTPConnection) -> str | None:
        return connection.headers.get("x-diptych-user")

    transport = httpx2.ASGITransport(asgi_app(application, principal=principal, **settings))
    return httpx2.AsyncClient(transport=transport, base_url="http://localhost")


async def test_behind_a_hook_everybody_sees_only_what_became_of_their_own() -> None:
    application = Application(shop, projection())
    async with application, hooked(application) as client:
        await client.post("/commands/AddProduct", json={"name": "desk", "price": "9"}, headers=ANN)
        (sent,) = (await application.audit.page()).commands
        own = f"/commands/{sent.command_id}"

        assert (await client.get(own, headers=ANN)).json()["outcome"] == "accepted"
        for path, headers in ((own, EVE), (own, {}), (f"{own}/trace", ANN), ("/commands", ANN)):
            refused = await client.get(path, headers=headers)
            assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
        assert (await client.get(f"/commands/{UNKNOWN}", headers=EVE)).status_code == 403


async def test_an_auditor_sees_what_everybody_sent() -> None:
    application = Application(shop, projection())

    async def auditor(principal: str | None) -> bool:
        return principal == "eve"

    async with application, hooked(application, auditor=auditor) as client:
        await client.post("/commands/AddProduct", json={"name": "desk", "price": "9"}, headers=ANN)

        for path in ("/commands", "/commands/1/trace"):
            assert (await client.get(path, headers=EVE)).status_code == 200
            assert (await client.get(path, headers=ANN)).status_code == 403


async def test_the_answers_are_those_that_the_openapi_document_promises(
    client: httpx2.AsyncClient, application: Application
) -> None:
    document = openapi(application, title="shop", version="1")
    accepted = (await listed(client))[-1]["command_id"]

    for path, asked in (
        ("/commands", "/commands"),
        ("/commands/{id}", f"/commands/{accepted}"),
        ("/commands/{id}/trace", f"/commands/{accepted}/trace"),
    ):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        answer = (await client.get(asked)).json()
        jsonschema.validate(answer, {**schema, "components": document["components"]})
        named = schema.get("properties") or document["components"]["schemas"]["Trace"]["properties"]
        assert answer.keys() == named.keys()


async def test_metrics_tell_what_was_dropped(client: httpx2.AsyncClient) -> None:
    text = (await client.get("/metrics")).text

    assert "\ndiptych_audit_dropped_total 0\n" in text
    assert "\ndiptych_audit_waiting 0\n" in text
