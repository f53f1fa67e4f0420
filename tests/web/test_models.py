"""Pydantic models over HTTP: commands, queries by GET and POST, answers, and their description."""

from collections.abc import AsyncIterator, Generator
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import httpx2
import pydantic
import pytest

from diptych import NEW, Application, Command, Generated, Module, Query, Scale, Tag, event
from tests.models import Frozen
from tests.web.shop import client_of

Money = Annotated[Decimal, Scale(2)]


@event("link.added")
class LinkAdded(Frozen):
    link: Annotated[UUID, Tag("link")]
    site: pydantic.HttpUrl


class AddLink(Frozen, Command[UUID]):
    link: Annotated[UUID, Tag("link"), Generated] = NEW
    site: pydantic.HttpUrl
    price: Money = Decimal(0)


class Shown(Frozen):
    site: pydantic.HttpUrl
    prices: tuple[Money, ...]

    @pydantic.computed_field  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def host(self) -> str:
        return self.site.host or ""


class FindLinks(Frozen, Query[Shown]):
    site: pydantic.HttpUrl
    prices: tuple[Money, ...] = ()
    limit: int = pydantic.Field(10, le=100, alias="pageSize")
    since: Annotated[int, pydantic.BeforeValidator(lambda given: int(str(given).removeprefix("v")))] = 0


links = Module("links")


@links.decides()
def add_link(command: AddLink) -> Generator[LinkAdded, None, UUID]:
    yield LinkAdded(link=command.link, site=command.site)
    return command.link


@links.query
def find_links(query: FindLinks) -> Shown:
    return Shown(site=query.site, prices=(*query.prices, Decimal(query.limit), Decimal(query.since)))


@pytest.fixture
async def models() -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(Application(links)) as client:
        yield client


async def test_a_model_is_sent_as_json(models: httpx2.AsyncClient) -> None:
    sent = await models.post("/commands/AddLink", json={"site": "https://example.com/a", "price": "1.50"})
    wrong = await models.post("/commands/AddLink", json={"site": "nowhere", "price": "1.505"})

    assert sent.status_code == 200, sent.text
    assert UUID(sent.json()["result"])
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == {
        "site": ["input should be a valid URL, relative URL without a base"],
        "price": ["expected at most 2 decimal places, found 1.505"],
    }


async def test_a_model_is_asked_by_get_and_by_post(models: httpx2.AsyncClient) -> None:
    arguments = {"site": "https://example.com/a", "prices": ["1.50", "2"], "limit": "7", "since": "v3"}
    by_get = await models.get("/queries/FindLinks", params=arguments)
    by_post = await models.post("/queries/FindLinks", json={**arguments, "limit": 7})
    wrong = await models.get("/queries/FindLinks", params={**arguments, "limit": "101", "since": "x"})

    assert by_get.status_code == 200, by_get.text
    assert by_get.json() == by_post.json()
    assert by_get.json() == {
        "site": "https://example.com/a",
        "prices": ["1.50", "2", "7", "3"],
        "host": "example.com",
    }
    assert wrong.status_code == 422
    assert wrong.json()["errors"] == {
        "limit": ["expected at most 100"],
        "since": ["invalid literal for int() with base 10: 'x'"],
    }


async def test_models_are_described(models: httpx2.AsyncClient) -> None:
    document = (await models.get("/openapi.json")).json()

    assert {"AddLink", "FindLinks", "Shown", "LinkAdded"} <= document["components"]["schemas"].keys()
    parameters = {each.get("name"): each for each in document["paths"]["/queries/FindLinks"]["get"]["parameters"]}
    assert parameters["limit"]["schema"]["maximum"] == 100
