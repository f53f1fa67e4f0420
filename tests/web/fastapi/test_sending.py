"""Routes that send: keys, expected positions, several commands, and the position that an answer leaves with."""

from typing import Annotated

import httpx2
import pytest
from fastapi import Depends, FastAPI

from diptych import Application, WiringError
from diptych.web.fastapi import Door, Received, Sending
from diptych.web.fastapi.visits import visit_of
from tests.web.fastapi.calling import LOAN, NOBODY, bought, client_of, told
from tests.web.fastapi.lending import BuyBook


@pytest.mark.parametrize("path", ["/v1/books", "/bare/buy-book", "/desk/books"])
async def test_the_same_key_and_request_take_effect_once(client: httpx2.AsyncClient, path: str) -> None:
    key, body = {"idempotency-key": "till-7:1"}, {"title": "Emma", "price": "3.50"}

    answers = [await client.post(path, json=body, headers=key) for _ in range(3)]

    assert len({answer.text for answer in answers}) == 1
    assert [answer.headers["diptych-position"] for answer in answers] == ["1"] * 3


async def test_the_same_key_with_another_request_is_refused(client: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "till-7:1"}
    await client.post("/desk/books", json={"title": "Emma", "price": "3.50"}, headers=key)

    answer = await client.post("/desk/books", json={"title": "Persuasion", "price": "3.50"}, headers=key)

    assert told(answer) == (422, "/problems/key-reused")


@pytest.mark.parametrize("path", ["/v1/books/{book}/loan", "/desk/books/{book}/handover"])
async def test_if_match_expects_that_nothing_came_after(client: httpx2.AsyncClient, path: str) -> None:
    book, method = await bought(client), "PUT" if path.startswith("/v1") else "POST"
    await client.put(f"/v1/books/{book}/loan", json=LOAN)

    late = await client.request(method, path.format(book=book), json=LOAN, headers={"if-match": '"1"'})
    known = await client.request(method, path.format(book=book), json=LOAN, headers={"if-match": '"2"'})

    assert told(late) == (412, "/problems/changed")
    assert known.status_code in {200, 409}


async def test_a_position_that_is_none_is_malformed(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/desk/books", json={"title": "E", "price": "1"}, headers={"if-match": "1"})

    assert told(answer) == (400, "/problems/malformed")


async def test_several_commands_of_a_request_each_take_effect_once(client: httpx2.AsyncClient) -> None:
    book, key = await bought(client), {"idempotency-key": "desk-1"}
    await client.put(f"/v1/books/{book}/loan", json=LOAN)

    answers = [await client.post(f"/desk/books/{book}/handover", json=LOAN, headers=key) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert [answer.headers["diptych-position"] for answer in answers] == ["4", "4"]


async def test_what_a_request_sent_is_seen_by_what_it_asks(client: httpx2.AsyncClient) -> None:
    book = await bought(client)

    for reader in "ABCDE":
        answer = await client.post(f"/desk/books/{book}/handover", json={**LOAN, "reader": reader})

        assert answer.json()["reader"] == reader


async def test_a_problem_carries_the_position_that_it_was_judged_at(client: httpx2.AsyncClient) -> None:
    book = await bought(client)
    await client.put(f"/v1/books/{book}/loan", json=LOAN)
    await bought(client, "Persuasion")

    lent = await client.put(f"/v1/books/{book}/loan", json=LOAN)
    missing = await client.put(f"/v1/books/{NOBODY}/loan", json=LOAN)

    assert told(lent) == (409, "/problems/refused/already-lent")
    assert told(missing) == (404, "/problems/not-found")
    assert [answer.headers["diptych-position"] for answer in (lent, missing)] == ["2", "0"]


async def test_a_router_refuses_a_dry_run_that_it_would_send(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/v1/books?dry_run=true", json={"title": "Emma", "price": "3.50"})

    assert told(answer) == (400, "/problems/untriable")
    assert answer.headers["diptych-position"] == "0"


async def test_an_invalid_command_of_a_router_is_audited_too(
    application: Application, client: httpx2.AsyncClient
) -> None:
    await client.post("/v1/books", json={"title": "", "price": "1"}, headers={"x-diptych-user": "anna"})
    await application.audit.written()

    (found,) = (await application.audit.page(limit=10)).commands

    assert (found.name, found.principal, found.outcome) == ("BuyBook", "anna", "invalid")


async def test_a_route_of_ones_own_may_only_try(application: Application, door: Door, api: FastAPI) -> None:
    @api.post("/quote")
    async def quote(command: Received[BuyBook], send: Annotated[Sending, Depends(door.sending)]) -> list[str]:
        trial = await send.try_(command)
        return [event.name for event in trial.events]

    async with application, client_of(api) as client:
        answer = await client.post("/quote", json={"title": "Emma", "price": "1"})

        assert answer.json() == ["book.bought"]
        assert await application.head() == 0


async def test_a_door_that_was_not_installed_is_told_when_it_is_used(application: Application, door: Door) -> None:
    api = FastAPI()
    api.include_router(door.router(BuyBook))

    async with application, client_of(api) as client:
        answer = await client.post("/buy-book", json={"title": "Emma", "price": "1"})

    assert answer.status_code == 500
    with pytest.raises(WiringError, match=r"door\.install\(api\)"):
        visit_of({}, door)
