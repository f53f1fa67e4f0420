"""FastAPI's own refusals, told as problems where an API wants all of them alike."""

import httpx2
import pytest
from fastapi import FastAPI, HTTPException

from diptych.web.fastapi import tell_all_as_problems
from tests.web.fastapi.calling import client_of, told


async def test_parameters_that_do_not_fit_are_invalid(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/desk/books", params={"page": "0", "page_size": "many"})

    assert told(answer) == (422, "/problems/invalid")
    assert answer.json()["errors"].keys() == {"page", "page_size"}


async def test_a_path_that_nobody_serves_is_a_problem(client: httpx2.AsyncClient) -> None:
    assert told(await client.get("/nowhere")) == (404, "/problems/unknown-path")


@pytest.fixture
def failing() -> FastAPI:
    api = FastAPI()
    tell_all_as_problems(api)

    @api.post("/raise/{status}")
    async def fail(status: int, body: dict[str, list[dict[str, int]]] | None = None) -> None:
        raise HTTPException(status, "so it is", headers={"www-authenticate": "Bearer"})

    return api


async def test_an_http_exception_is_the_problem_of_its_status(failing: FastAPI) -> None:
    async with client_of(failing) as client:
        known, other = await client.post("/raise/401"), await client.post("/raise/418")

    assert told(known) == (401, "/problems/unauthenticated")
    assert known.headers["www-authenticate"] == "Bearer"
    assert (other.status_code, other.json()) == (418, {"detail": "so it is"})


async def test_paths_of_fields_are_those_of_messages(failing: FastAPI) -> None:
    async with client_of(failing) as client:
        answer = await client.post("/raise/400", json={"lines": [{"a": 1}, {"b": "x"}]})

    assert list(answer.json()["errors"]) == ["lines[1].b"]
