"""Messages of every style from path, query string and body; whatever is wrong is told at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import httpx2
import pytest
from fastapi import Body, Depends, FastAPI, Request

from diptych import Application
from diptych.web.fastapi import Door, Endpoint, Received, Sending
from tests.web.fastapi.calling import LOAN, NOBODY, bought, client_of, told
from tests.web.fastapi.desk import api_of
from tests.web.fastapi.lending import BuyBook


async def test_every_wrong_field_of_path_and_body_is_told(client: httpx2.AsyncClient) -> None:
    answer = await client.put("/v1/books/x/loan", json={"reader": " ", "until": "soon", "fee": {"type": "card"}})

    assert told(answer) == (422, "/problems/invalid")
    assert answer.json()["errors"].keys() == {"book", "reader", "until", "fee"}


async def test_every_wrong_argument_of_a_query_string_is_told(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/v1/books", params={"genres": "prose", "limit": "0"})

    assert told(answer) == (422, "/problems/invalid")
    assert answer.json()["errors"].keys() == {"genres", "limit"}


async def test_a_field_of_the_path_may_be_repeated_in_the_body_but_not_changed(client: httpx2.AsyncClient) -> None:
    book = await bought(client)

    other = await client.put(f"/v1/books/{book}/loan", json={**LOAN, "book": NOBODY})
    same = await client.put(f"/v1/books/{book}/loan", json={**LOAN, "book": book})

    assert told(other) == (422, "/problems/invalid")
    assert list(other.json()["errors"]) == ["book"]
    assert same.status_code == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("body", [b"{", b"[1]", b"\xff", b"7", b"[" * 70 + b"]" * 70])
async def test_what_is_no_object_is_a_problem(client: httpx2.AsyncClient, method: str, body: bytes) -> None:
    answer = await client.request(method, f"/v1/books/{NOBODY}/loan", content=body)

    assert told(answer) in {(400, "/problems/malformed"), (422, "/problems/invalid")}


async def test_a_body_may_be_left_out_where_the_path_says_everything(client: httpx2.AsyncClient) -> None:
    book = await bought(client)

    answer = await client.request("DELETE", f"/v1/books/{book}/loan")

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["diptych-position"] == "2"


async def test_a_long_body_is_refused(client: httpx2.AsyncClient) -> None:
    answer = await client.post("/desk/books", json={"title": "x" * (1 << 20), "price": "1"})

    assert told(answer) == (413, "/problems/too-large")


async def test_a_pydantic_command_is_held_to_its_own_constraints(client: httpx2.AsyncClient) -> None:
    book = await bought(client)

    answer = await client.request("DELETE", f"/v1/books/{book}/loan", json={"late_fee": "-1", "stars": 6})

    assert told(answer) == (422, "/problems/invalid")
    assert answer.json()["errors"].keys() == {"late_fee", "stars"}


async def test_a_client_that_goes_away_is_no_bug(application: Application, api: FastAPI, caplog) -> None:
    sent = []

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/desk/books",
        "query_string": b"",
        "headers": [(b"host", b"localhost")],
        "client": ("127.0.0.1", 1),
    }
    async with application:
        await api(scope, gone, send)

    assert sent[0]["status"] == 400
    assert not caplog.records


async def test_a_door_says_how_long_a_body_may_be(application: Application) -> None:
    api = api_of(Door(application, max_body=64))

    async with application, client_of(api) as client:
        short = await client.post("/desk/books", json={"title": "Emma", "price": "1"})
        long = await client.post("/desk/books", json={"title": "Emma" * 16, "price": "1"})

    assert short.status_code == 201
    assert told(long) == (413, "/problems/too-large")


async def test_a_stranger_is_refused_before_the_body_is_read(application: Application, api: FastAPI) -> None:
    async with application, client_of(api, address="192.0.2.7") as client:
        answer = await client.post("/v1/books", content=b"{")

    assert told(answer) == (403, "/problems/forbidden")


async def _whole(request: Request) -> bytes:
    return await request.body()


async def test_a_body_that_somebody_else_reads_too_is_read_by_both(application: Application, door: Door) -> None:
    api = FastAPI()
    door.install(api)
    api.include_router(door.router(Endpoint(BuyBook, "/signed/books")), dependencies=[Depends(_whole)])
    send = Depends(door.sending)

    @api.post("/before")
    async def before(raw: Annotated[bytes, Depends(_whole)], book: Received[BuyBook]) -> bool:
        return book.title.encode() in raw

    @api.post("/after")
    async def after(book: Received[BuyBook], raw: Annotated[bytes, Depends(_whole)]) -> bool:
        return book.title.encode() in raw

    @api.post("/beside")
    async def beside(
        sending: Annotated[Sending, send], book: Received[BuyBook], given: Annotated[dict[str, str], Body()]
    ) -> str:
        return f"{given['title']} {(await sending(book)).is_success}"

    async with application, client_of(api) as client, asyncio.timeout(10):
        answers = [
            await client.post(path, json={"title": "Emma", "price": "1"})
            for path in ("/before", "/after", "/beside", "/signed/books")
        ]

    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json() for answer in answers[:3]] == [True, True, "Emma True"]


async def test_a_long_body_that_somebody_else_has_read_is_refused_all_the_same(application: Application) -> None:
    api, door = FastAPI(), Door(application, max_body=64)
    door.install(api)
    api.include_router(door.router(Endpoint(BuyBook, "/books")), dependencies=[Depends(_whole)])

    async with application, client_of(api) as client, asyncio.timeout(10):
        answer = await client.post("/books", content=_chunks(b'{"title": "', b"Emma" * 16, b'", "price": "1"}'))

    assert told(answer) == (413, "/problems/too-large")


async def _chunks(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk
