"""The HTTP face as a whole: mounted, opened, with principals, hosts and middleware of others."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from diptych.application import Application
from diptych.errors import NotAllowed
from diptych.web.app import asgi_app
from diptych.web.hosts import comes_from_here
from tests.web.shop import client_of
from tests.web.test_commands import PRODUCT, told

ECHO = "/queries/Echo?text=a"
ANNA = {"x-diptych-user": "anna"}


@pytest.fixture
def lived_in(application: Application) -> Iterator[TestClient]:
    with TestClient(asgi_app(application), base_url="http://127.0.0.1:8000") as client:
        yield client


def test_the_lifespan_opens_the_application_and_closes_it(application: Application, lived_in: TestClient) -> None:
    assert application.is_open
    assert lived_in.post("/commands/AddProduct", json=PRODUCT).status_code == 200
    lived_in.__exit__(None, None, None)
    assert not application.is_open
    lived_in.__enter__()


async def test_an_application_that_is_open_stays_open(application: Application) -> None:
    async with application:
        app = asgi_app(application)
        async with app.router.lifespan_context(app):
            pass

        assert application.is_open


async def test_an_application_that_nobody_opened_says_so(application: Application) -> None:
    transport = httpx2.ASGITransport(asgi_app(application))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/commands/AddProduct", json=PRODUCT)
        ready = await client.get("/health/ready")
        metrics = await client.get("/metrics")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/closed")
    assert (ready.status_code, ready.json()) == (503, {"status": "closed"})
    assert metrics.status_code == 200


async def test_it_can_be_mounted_in_another_application(application: Application) -> None:
    outer = Starlette(routes=[Mount("/shop", asgi_app(application))])
    async with (
        application,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(outer), base_url="http://localhost") as client,
    ):
        sent = await client.post("/shop/commands/AddProduct", json=PRODUCT)
        got = await client.get("/shop/queries/GetProduct", params={"product": sent.json()["result"]})
        document = await client.get("/shop/openapi.json")
        metrics = await client.get("/shop/metrics")

    assert (sent.status_code, got.status_code) == (200, 200)
    assert document.json()["servers"] == [{"url": "/shop"}]
    assert 'diptych_commands_total{command="AddProduct",outcome="accepted"} 1' in metrics.text


async def test_middleware_that_others_add_sees_messages_too(application: Application) -> None:
    app = asgi_app(application)
    app.add_middleware(GZipMiddleware, minimum_size=1)
    async with (
        application,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://localhost") as client,
    ):
        sent = await client.post("/commands/AddProduct", json=PRODUCT)
        refused = await client.get("/commands/AddProduct")

    assert sent.headers["content-encoding"] == "gzip"
    assert sent.json()["position"] == 1
    assert refused.json()["type"] == "/problems/method-not-allowed"


async def test_the_hook_names_the_principal_and_the_header_does_not(application: Application) -> None:
    async def hook(connection: HTTPConnection) -> str | None:
        return connection.headers.get("authorization", "").removeprefix("Bearer ") or None

    async with client_of(application, principal=hook) as client:
        named = await client.get(ECHO, headers={"authorization": "Bearer bert", **ANNA})
        nobody = await client.get(ECHO, headers=ANNA)

    assert named.json()["principal"] == "bert"
    assert nobody.json()["principal"] is None


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (NotAllowed("no"), 403, "forbidden"),
        (HTTPException(401, "who?", {"www-authenticate": "Bearer"}), 401, "unauthenticated"),
        (HTTPException(403, "no"), 403, "forbidden"),
        (HTTPException(418, "tea"), 500, "bug"),
        (ZeroDivisionError(), 500, "bug"),
    ],
)
async def test_a_hook_may_refuse(
    application: Application, caplog: pytest.LogCaptureFixture, error: Exception, status: int, kind: str
) -> None:
    def hook(connection: HTTPConnection) -> str | None:
        raise error

    async with client_of(application, principal=hook) as client:
        answer = await client.post("/commands/AddProduct", json=PRODUCT)
        assert await application.head() == 0

    assert told(answer) == (status, f"/problems/{kind}")
    assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)


async def test_the_principal_never_comes_from_the_body(client: httpx2.AsyncClient) -> None:
    body = {**PRODUCT, "principal": "eve", "actor": "eve", "metadata": {"actor": "eve"}}
    sent = await client.post("/commands/AddProduct", json=body, headers=ANNA)

    found = await client.get(
        "/queries/GetProduct", params={"product": sent.json()["result"]}, headers={"diptych-after": "1"}
    )

    assert found.json()["actor"] == "anna"


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.0.2.7", 403), ("2001:db8::7", 403)],
)
async def test_without_a_hook_only_this_machine_is_served(application: Application, address: str, status: int) -> None:
    transport = httpx2.ASGITransport(asgi_app(application), client=(address, 5000))
    async with application, httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.get(ECHO, headers=ANNA)

    assert answer.status_code == status


def test_a_client_without_an_address_is_local() -> None:
    assert comes_from_here(None)
    assert comes_from_here(("testclient", 50000))


@pytest.mark.parametrize(
    ("hosts", "host", "status"),
    [
        (("shop.example",), "shop.example", 200),
        (("shop.example",), "SHOP.example:8443", 200),
        (("shop.example",), "localhost", 421),
        (("localhost", "[::1]"), "[::1]:8000", 200),
        (("localhost", "[::1]"), "[::1]", 200),
        (("*",), "any.example", 200),
    ],
)
async def test_only_named_hosts_are_served(
    application: Application, hosts: tuple[str, ...], host: str, status: int
) -> None:
    async with client_of(application, hosts=hosts) as client:
        answer = await client.get(ECHO, headers={"host": host})

    assert answer.status_code == status


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost", 200), ("https://console.example", 200), ("https://evil.example", 403)],
)
async def test_pages_of_named_origins_may_write(application: Application, origin: str, status: int) -> None:
    async with client_of(application, origins=["https://console.example/"]) as client:
        answer: Any = await client.post("/commands/AddProduct", json=PRODUCT, headers={"origin": origin})

    assert answer.status_code == status


async def test_a_smaller_limit_of_bodies_holds(application: Application) -> None:
    async with client_of(application, max_body=10) as client:
        answer = await client.post("/commands/AddProduct", json=PRODUCT)

    assert told(answer) == (413, "/problems/too-large")
    assert answer.headers["connection"] == "close"


def test_routes_of_ones_own_stand_behind_the_same_door(application: Application) -> None:
    page = Route("/page", lambda _: PlainTextResponse("mine"))
    with TestClient(asgi_app(application, routes=[page]), base_url="http://127.0.0.1:8000") as client:
        assert client.get("/page").text == "mine"
        assert client.get("/page", headers={"host": "evil.example"}).status_code == 421
