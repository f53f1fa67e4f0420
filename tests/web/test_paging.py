"""Lists over HTTP: cursors go from page to page, and what is no cursor and no order is told as the client's mistake."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from diptych.web.app import asgi_app
from tests.bookshop import COUNT, stocked


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with stocked() as app:
        transport = httpx2.ASGITransport(asgi_app(app))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as opened:
            yield opened


async def browse(client: httpx2.AsyncClient, **arguments: Any) -> httpx2.Response:
    return await client.get("/queries/BrowseBooks", params=arguments)


async def test_a_client_follows_the_cursor_to_the_end(client: httpx2.AsyncClient) -> None:
    seen, page = [], (await browse(client, order="-price")).json()
    while True:
        seen += [item["book"] for item in page["items"]]
        if page["next"] is None:
            break
        page = (await browse(client, order="-price", cursor=page["next"])).json()

    assert len(seen) == len(set(seen)) == COUNT


@pytest.mark.parametrize("cursor", ["x", "%FF", "W10", "é", "bnVsbA", "WyJmb3JnZWQiLDFd"])
async def test_garbage_is_a_wrong_field(client: httpx2.AsyncClient, cursor: str) -> None:
    answer = await browse(client, cursor=cursor)

    assert answer.status_code == 422
    assert "is no cursor of 'book' in this order" in answer.json()["errors"]["cursor"][0]


async def test_a_cursor_belongs_to_its_order(client: httpx2.AsyncClient) -> None:
    page = (await browse(client, order="title")).json()

    answer = await browse(client, order="-price", cursor=page["next"])

    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["cursor"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_order_that_is_not_allowed_is_told_with_those_that_are(
    client: httpx2.AsyncClient, method: str
) -> None:
    asked = {"params": {"order": "book"}} if method == "GET" else {"json": {"order": "book"}}
    answer = await client.request(method, "/queries/BrowseBooks", **asked)

    assert answer.status_code == 422
    assert "expected one of 'title', '-price', 'lent_at', '-lent_at'" in answer.json()["errors"]["order"][0]


async def test_a_page_with_a_cursor_has_a_schema(client: httpx2.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()["components"]["schemas"]

    (page,) = (each for name, each in schema.items() if name.startswith("CursorPage"))
    assert set(page["properties"]) == {"items", "next"}
