"""Both faces keep their own OpenAPI documents: valid, fuzzed, and good enough to generate a client that works."""

from collections.abc import Iterator
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from starlette.responses import Response

from diptych import InvalidMessageError
from diptych.web.app import asgi_app
from diptych.web.fastapi import Door
from diptych.web.schemas import openapi
from tests.sizes import size
from tests.web.fastapi.conformance import fuzz, generated_client, refuse_invalid, served
from tests.web.fastapi.desk import api_of, application

EXAMPLES = size(3, full=120)
FEWEST = size(300, full=2000)


@pytest.fixture
def api() -> FastAPI:
    return api_of(Door(application()))


def test_the_document_of_the_api_is_valid(api: FastAPI) -> None:
    refuse_invalid(api.openapi())


def test_the_document_of_our_own_face_is_valid() -> None:
    refuse_invalid(openapi(application(), title="Library", version="1"))


def test_an_invalid_document_is_refused(api: FastAPI) -> None:
    with pytest.raises(Exception, match="paths"):
        refuse_invalid({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": 7})


@pytest.mark.timeout(300)
def test_the_api_keeps_its_document_whatever_is_sent(api: FastAPI, tmp_path: Path) -> None:
    with served(api) as address:
        assert fuzz(address, tmp_path, examples=EXAMPLES) >= FEWEST


@pytest.mark.timeout(300)
def test_our_own_face_keeps_its_document_whatever_is_sent(tmp_path: Path) -> None:
    with served(asgi_app(application())) as address:
        assert fuzz(address, tmp_path, examples=EXAMPLES) >= FEWEST


def crashes(number: int) -> int:
    return 1 // number


def refuses_what_fits(number: int) -> int:
    raise InvalidMessageError("the number", {"number": ("is not liked",)})


def answers_something_else(number: int) -> Response:
    return Response(b'"a text"', media_type="application/json")


@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("planted", "said"),
    [
        (crashes, "Server error"),
        (refuses_what_fits, "data that fits was refused"),
        (answers_something_else, "Response violates schema"),
    ],
)
def test_an_api_that_breaks_its_document_is_caught(planted: Any, said: str, tmp_path: Path) -> None:
    api, door = FastAPI(lifespan=None), Door(application())
    door.install(api)
    schema = {"content": {"application/json": {"schema": {"type": "integer"}}}, "description": "A number."}
    api.get("/half/{number}", response_model=None, responses={200: schema})(planted)

    with served(api) as address, pytest.raises(AssertionError, match=said):
        fuzz(address, tmp_path, examples=EXAMPLES)


@pytest.fixture
def client(api: FastAPI, tmp_path: Path) -> Iterator[Any]:
    with (
        served(api) as address,
        generated_client(api.openapi(), tmp_path, "library_client") as load,
        load("client").Client(base_url=address) as opened,
    ):
        yield opened, load


@pytest.mark.timeout(120)
def test_a_generated_client_creates_and_reads(client: Any) -> None:
    opened, load = client
    models, library = load("models"), lambda name: load(f"api.lending.{name}")
    author = models.Author(name="Jane Austen")
    order = models.BuyBook(title="Emma", price="3.50", genre=models.Genre.NOVEL, authors=[author])

    bought = library("buy_book").sync_detailed(client=opened, body=order, idempotency_key="till-1")
    again = library("buy_book").sync_detailed(client=opened, body=order, idempotency_key="till-1")
    book = bought.parsed.data
    position = int(bought.headers["diptych-position"])
    found = library("get_book").sync(book, client=opened, diptych_after=position)
    listed = library("find_books").sync(client=opened, genres=[models.Genre.NOVEL], diptych_after=position)

    assert bought.status_code == again.status_code == HTTPStatus.CREATED
    assert again.parsed.data == book
    assert isinstance(book, UUID)
    assert (found.data.title, found.data.price, found.data.on_shelf) == ("Emma", "3.50", True)
    assert (listed.total, [each.book for each in listed.data]) == (1, [book])


@pytest.mark.timeout(120)
def test_a_generated_client_reads_problems(client: Any) -> None:
    opened, load = client
    models = load("models")
    nobody, until = UUID(int=7), datetime(2026, 12, 1, tzinfo=UTC)
    fee = models.ByCard(type_=models.ByCardType.CARD, last_digits="1234")

    body = models.LendBookBody(reader="Ann", until=until, fee=fee)
    problem = load("api.lending.lend_book").sync(nobody, client=opened, body=body)

    assert isinstance(problem, models.Problem)
    assert (problem.type_, problem.status) == ("/problems/not-found", 404)
