"""Statuses of problems: remapped by endpoint, router, route and door, the nearest first."""

from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI

from diptych import Application, Conflict, Invalid, Missing, NotFound, Refused, WiringError
from diptych.web.fastapi import Door, Endpoint, Received, Sending, Statuses, remapped
from diptych.web.fastapi.statuses import Remapping
from diptych.web.problems import Problem
from tests.web.fastapi.calling import LOAN, NOBODY, bought, client_of, told
from tests.web.fastapi.lending import AlreadyLent, BuyBook, LendBook, Worn


async def test_a_refusal_has_the_status_that_its_endpoint_gives_it(client: httpx2.AsyncClient) -> None:
    book = await bought(client)
    await client.request("DELETE", f"/v1/books/{book}/loan", json={"state": "worn"})

    answer = await client.put(f"/v1/books/{book}/loan", json=LOAN)

    assert told(answer) == (410, "/problems/refused/worn")


async def test_a_router_remaps_all_of_its_endpoints(client: httpx2.AsyncClient) -> None:
    book = await bought(client)

    again = await client.post("/bare/buy-book", json={"title": "Emma", "price": "1", "book": book})

    assert told(again) == (400, "/problems/refused/already-lent")


@pytest.mark.parametrize("body", [{"title": "", "price": "1"}, {"title": "Emma"}])
async def test_a_route_of_ones_own_remaps_what_it_receives(client: httpx2.AsyncClient, body: dict[str, str]) -> None:
    answer = await client.post("/desk/books", json=body)

    assert told(answer) == (400, "/problems/invalid")


@pytest.mark.parametrize(
    ("door", "router", "endpoint", "expected"),
    [
        ({}, {}, {}, 404),
        ({NotFound: 410}, {}, {}, 410),
        ({NotFound: 410}, {"not-found": 422}, {}, 422),
        ({NotFound: 410}, {"not-found": 422}, {Missing: 400}, 400),
        ({NotFound: 410}, {}, {Refused: 400}, 410),
    ],
)
async def test_the_nearest_status_wins(
    application: Application, door: Statuses, router: Statuses, endpoint: Statuses, expected: int
) -> None:
    api, entrance = FastAPI(), Door(application, statuses=door)
    entrance.install(api)
    lend = Endpoint(LendBook, "/loans", statuses=endpoint)
    api.include_router(entrance.router(lend, statuses=router))

    async with application, client_of(api) as client:
        answer = await client.post("/loans", json={**LOAN, "book": NOBODY})

    assert told(answer) == (expected, "/problems/not-found")
    assert str(expected) in api.openapi()["paths"]["/loans"]["post"]["responses"]


def test_a_code_goes_before_its_kind() -> None:
    statuses = Remapping({Refused: 400, Worn: 410, "refused/already-lent": 423})

    problems = [Problem("refused", "no", code=code) for code in ("worn", "already-lent", "other")]

    assert [statuses.applied(problem).status for problem in problems] == [410, 423, 400]
    assert statuses.by_status(["refused"]) == {
        400: ["refused"],
        410: ["refused/worn"],
        423: ["refused/already-lent"],
    }


class NoSuchShelf(Missing):
    """A kind of Missing, whose type says nothing but not-found."""


@pytest.mark.parametrize("key", ["teapot", int, NoSuchShelf, "refuse"])
def test_what_names_no_problem_is_a_wiring_error(key: type | str) -> None:
    with pytest.raises(WiringError, match="names no kind of problem"):
        remapped({key: 400})


@pytest.mark.parametrize("status", [200, 304, 399, 600])
def test_a_failure_has_no_status_of_success(status: int) -> None:
    with pytest.raises(WiringError, match="400 to 599"):
        remapped({AlreadyLent: status})


async def test_the_default_statuses_are_documented_as_they_are(api: FastAPI) -> None:
    paths = api.openapi()["paths"]

    assert {"409", "410", "422"} <= paths["/v1/books/{book}/loan"]["put"]["responses"].keys()
    assert "409" in paths["/desk/books"]["post"]["responses"]  # a Conflict stays one
    assert "422" in paths["/desk/books"]["post"]["responses"]  # a key that came back


async def test_unwrap_tells_every_failure_of_a_route_of_ones_own(application: Application) -> None:
    api, door = FastAPI(), Door(application, statuses={Conflict: 423, Invalid: 400})
    door.install(api)

    @api.post("/buy")
    async def buy(command: Received[BuyBook], send: Annotated[Sending, Depends(door.sending)]) -> str:
        return str((await send(command)).unwrap())

    async with application, client_of(api) as client:
        wrong = await client.post("/buy", json={"title": "Emma", "price": "-1"})
        first = await client.post("/buy", json={"title": "Emma", "price": "1", "book": NOBODY})
        second = await client.post("/buy", json={"title": "Emma", "price": "1", "book": NOBODY})

    assert told(wrong) == (400, "/problems/invalid")
    assert first.json() == NOBODY
    assert told(second) == (409, "/problems/refused/already-lent")
    assert second.headers["diptych-position"] == "1"
