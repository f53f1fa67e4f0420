"""The OpenAPI document: every message in full, whatever its style; golden files hold what it says."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel

from diptych import Application, Command, Module, Query
from diptych.web.fastapi import Answered, Door, Endpoint, Envelope, Sending
from tests.web.fastapi.conformance import refuse_invalid
from tests.web.fastapi.desk import application
from tests.web.fastapi.lending import BookView

GOLDEN = Path(__file__).with_name("golden")
STYLES = {
    "dataclass": ("BuyBook", "Author", "Genre"),
    "struct": ("LendBookBody", "ByCard", "InCash", "FindBooks"),
    "pydantic": ("ReturnBookBody",),
    "answers": ("BookView", "Page_BookView_", "PageEnvelope_BookView", "Problem"),
}
OPERATIONS = {
    "endpoint": ("/v1/books/{book}/loan", "put"),
    "query": ("/v1/books", "get"),
    "own": ("/desk/books", "post"),
}


@pytest.fixture
def document(api: FastAPI) -> dict[str, Any]:
    return api.openapi()


@pytest.mark.parametrize("style", STYLES)
def test_the_schemas_of_a_style_are_those_of_the_golden_file(document: dict[str, Any], style: str) -> None:
    told = {name: document["components"]["schemas"][name] for name in STYLES[style]}

    assert told == _golden(style)


def test_operations_are_those_of_the_golden_file(document: dict[str, Any]) -> None:
    told = {name: document["paths"][path][method] for name, (path, method) in OPERATIONS.items()}

    assert told == _golden("operations")


def test_nothing_of_how_it_is_made_is_left_in_it(document: dict[str, Any]) -> None:
    text = json.dumps(document)

    assert "x-diptych" not in text
    assert "diptych.invalid" not in text
    assert not [
        mark for mark in ("Diptych-Sends", "Diptych-Asks", "Diptych-Receives", "Diptych-Remaps") if mark in text
    ]
    assert "HTTPValidationError" not in text  # every error of this API is a problem


def test_every_reference_leads_somewhere_and_every_schema_is_referred_to(document: dict[str, Any]) -> None:
    found = set(_references(document))

    for reference in found:
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert {f"#/components/schemas/{name}" for name in document["components"]["schemas"]} <= found


def test_a_document_is_made_once_and_again_when_routes_come(api: FastAPI, door: Door) -> None:
    first = api.openapi()
    assert api.openapi() is first

    api.include_router(door.router(Endpoint(_any_command(door), operation_id="Again")), prefix="/late")

    assert any(path.startswith("/late") for path in api.openapi()["paths"])


def test_equal_names_are_told_apart() -> None:
    class BookView(BaseModel):  # the user's own, in a route of their own
        isbn: str

    api, _ = _api_with(BookView)

    schemas = api.openapi()["components"]["schemas"]

    assert schemas["BookView"]["properties"].keys() == {"isbn"}
    assert schemas["BookView2"]["properties"].keys() >= {"book", "on_shelf"}
    assert schemas["Problem"]["properties"].keys() >= {"type", "title"}
    refuse_invalid(api.openapi())


def test_fastapis_own_errors_are_told_beside_problems() -> None:
    api, door = _api_with(BookView)

    @api.get("/mixed/{number}")
    async def mixed(number: int, send: Annotated[Sending, Depends(door.sending)]) -> int:
        return number

    told = api.openapi()["paths"]["/mixed/{number}"]["get"]["responses"]["422"]["content"]

    assert told["application/json"]["schema"] == {"$ref": "#/components/schemas/HTTPValidationError"}
    assert told["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}


@dataclass(frozen=True)
class Branch:
    name: str
    branches: tuple["Branch", ...] = ()


@dataclass(frozen=True)
class Plant(Command[None]):
    """Plant a tree."""

    tree: Branch


@dataclass(frozen=True)
class GetTree(Query[Branch | None]):
    tree: UUID


garden = Module("garden")


@garden.command
async def plant(command: Plant) -> None:
    return None


@garden.query
async def get_tree(query: GetTree) -> Branch | None:
    return None


def test_a_type_that_holds_itself_is_described() -> None:
    api, door = FastAPI(), Door(Application(garden))
    door.install(api)
    api.include_router(door.router(Plant, GetTree))

    branch = api.openapi()["components"]["schemas"]["Branch"]

    assert branch["properties"]["branches"]["items"] == {"$ref": "#/components/schemas/Branch"}
    refuse_invalid(api.openapi())


def _golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))


def _api_with(view: Any) -> tuple[FastAPI, Door]:
    api, door = FastAPI(), Door(application())
    door.install(api)

    @api.get("/own")
    async def own() -> list[view]:
        return []

    @api.get("/theirs")
    async def theirs(send: Annotated[Sending, Depends(door.sending)]) -> Envelope[Answered[BookView]]:
        raise NotImplementedError

    return api, door


def _any_command(door: Door) -> type:
    return next(iter(door.application.commands.values()))


def _references(value: Any) -> Any:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)
