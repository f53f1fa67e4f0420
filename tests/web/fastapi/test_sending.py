"""Routes that send: keys, expected positions, several commands, and the position that an answer leaves with."""

import httpx2
import pytest

from tests.web.fastapi.calling import LOAN, NOBODY, bought, told


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
