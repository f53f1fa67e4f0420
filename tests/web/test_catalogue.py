"""The message catalogue: a page of all messages, without a script and without a request to anybody else."""

import re

import httpx2
import pytest

from diptych.application import Application


@pytest.fixture
async def page(client: httpx2.AsyncClient) -> str:
    return (await client.get("/docs/catalogue")).text


async def test_every_message_stands_on_the_page(page: str, application: Application) -> None:
    for name in application.commands:
        assert f'id="command-{name}"' in page
    for name in application.queries:
        assert f'id="query-{name}"' in page
    assert "stored as" in page
    assert "<summary>example</summary>" in page


async def test_every_link_within_the_page_leads_somewhere(page: str) -> None:
    targets = set(re.findall(r'id="([^"]+)"', page))

    links = re.findall(r'href="#([^"]+)"', page)

    assert links
    assert set(links) <= targets


async def test_nothing_is_asked_of_anybody_else(page: str, client: httpx2.AsyncClient) -> None:
    assert "<script" not in page
    assert not re.findall(r'(?:src|href)="https?:', page)
    for asset in ("catalogue.css", "catalogue.svg", "catalogue.json"):
        answer = await client.get(f"/docs/{asset}")
        assert answer.status_code == 200
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_the_catalogue_is_json_too(client: httpx2.AsyncClient, application: Application) -> None:
    told = (await client.get("/docs/catalogue.json")).json()

    assert {each["name"] for each in told["commands"]} == set(application.commands)
