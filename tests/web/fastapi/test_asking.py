"""Routes that ask: own writes, waits, tags, pages, the past, and what is not there."""

import httpx2
import pytest
from starlette.datastructures import URL
from starlette.requests import Request

from diptych import Page
from diptych.web.fastapi.answers import page_links, public_url
from tests.web.fastapi.calling import NOBODY, bought, told


@pytest.mark.parametrize("path", ["/v1/books/{book}", "/bare/get-book?book={book}", "/desk/books/{book}"])
async def test_an_answer_is_tagged_and_told_once(client: httpx2.AsyncClient, path: str) -> None:
    at = path.format(book=await bought(client))

    first = await client.get(at)
    again = await client.get(at, headers={"if-none-match": first.headers["etag"]})
    await bought(client, title="Persuasion")
    other = await client.get(at, headers={"if-none-match": '"7-0000"'})

    assert first.headers["diptych-position"] == "1"
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (other.status_code, other.json()) == (200, first.json())


@pytest.mark.parametrize("path", [f"/v1/books/{NOBODY}", f"/desk/books/{NOBODY}"])
async def test_what_is_not_there_is_404(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path)

    assert told(answer) == (404, "/problems/not-found")
    assert "etag" not in answer.headers


async def test_an_endpoint_may_answer_null_instead(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/bare/get-book", params={"book": NOBODY})

    assert (answer.status_code, answer.text) == (200, "null")


@pytest.mark.parametrize("path", ["/v1/books", "/desk/books"])
async def test_a_position_beyond_the_head_is_refused_at_once(client: httpx2.AsyncClient, path: str) -> None:
    answer = await client.get(path, headers={"diptych-after": "99", "prefer": "wait=60"})

    assert told(answer) == (400, "/problems/beyond-head")


async def test_a_page_tells_its_total_and_where_the_others_are(client: httpx2.AsyncClient) -> None:
    for title in "ABCDE":
        await bought(client, title)

    page = await client.get("/v1/books", params={"offset": 2, "limit": 2, "genres": ["novel", "poems"]})

    body = page.json()
    assert [item["title"] for item in body["data"]] == ["C", "D"]
    assert {name: body[name] for name in ("total", "offset", "limit")} == {"total": 5, "offset": 2, "limit": 2}
    links = {name: httpx2.URL(f"http://localhost{link['url']}") for name, link in page.links.items()}
    offsets = {name: url.params["offset"] for name, url in links.items()}
    assert offsets == {"first": "0", "prev": "0", "next": "4", "last": "4"}
    assert links["next"].params.get_list("genres") == ["novel", "poems"]
    last = await client.get(links["last"])
    assert [item["title"] for item in last.json()["data"]] == ["E"]
    assert "next" not in last.links


async def test_pages_may_be_numbered(client: httpx2.AsyncClient) -> None:
    for title in "ABC":
        await bought(client, title)

    first = await client.get("/desk/books", params={"page_size": 2})
    second = await client.get(first.links["next"]["url"])

    assert [item["title"] for item in second.json()["data"]] == ["C"]
    assert second.json()["total"] == 3


@pytest.mark.parametrize("path", ["/v1/scroll-books", "/desk/scroll"])
async def test_a_client_scrolls_by_links(client: httpx2.AsyncClient, path: str) -> None:
    for title in "ABC":
        await bought(client, title)

    seen, url = [], f"{path}?limit=2"
    while url:
        page = await client.get(url)
        seen += [item["title"] for item in page.json()["data"]]
        url = page.links.get("next", {}).get("url")

    assert seen == ["A", "B", "C"]


def test_a_link_never_repeats_what_a_path_smuggled() -> None:
    links = page_links(URL("/shelf\r\nset-cookie: a=b?x=1"), Page((1,), total=9, limit=1))

    assert "\r" not in links
    assert "\n" not in links


async def test_an_endpoint_answers_as_of_a_moment(client: httpx2.AsyncClient) -> None:
    book = await bought(client)
    await client.put(f"/v1/books/{book}/loan", json={"reader": "Ann", "until": "2026-12-01T10:00:00Z"})

    then = await client.get(f"/v1/books/{book}", params={"as_of": 1})
    now = await client.get(f"/v1/books/{book}", headers={"diptych-after": "2"})

    assert (then.json()["data"]["reader"], now.json()["data"]["reader"]) == (None, "Ann")


async def test_a_query_may_come_as_a_body(client: httpx2.AsyncClient) -> None:
    await bought(client, "Poems", genre="poems")

    found = await client.post("/bare/find-books", json={"genres": ["novel"]})
    everything = await client.post("/bare/find-books")

    assert (found.json()["total"], everything.json()["total"]) == (0, 1)


@pytest.mark.parametrize(
    ("path", "root", "seen"),
    [
        ("/books", "", "/books"),
        ("/api/books", "/api", "/api/books"),  # as servers tell it that were given --root-path
        ("/books", "/api", "/api/books"),  # as a proxy tells it that takes the prefix off
        ("/books", "/api/", "/api/books"),
        ("/booksellers", "/books", "/books/booksellers"),
    ],
)
def test_links_lead_through_the_proxy_that_the_client_came_through(path: str, root: str, seen: str) -> None:
    scope = {"type": "http", "path": path, "root_path": root, "query_string": b"limit=1", "headers": []}

    links = page_links(public_url(Request(scope)), Page((1,), total=2, limit=1))

    assert links is not None
    assert links.startswith(f"<{seen}?limit=1&offset=0>")
