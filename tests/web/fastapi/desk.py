"""The API of the library: a router that endpoints make, and routes of its own that adopt a door one by one."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Query

from diptych import Application, Invalid, Refused
from diptych.web.fastapi import (
    DATA,
    Answered,
    Asking,
    Door,
    Endpoint,
    Envelope,
    PageEnvelope,
    Received,
    Sending,
    or_404,
    remapped,
    tell_all_as_problems,
)
from tests.web.fastapi.lending import (
    BookView,
    BuyBook,
    FindBooks,
    GetBook,
    LendBook,
    ReturnBook,
    ScrollBooks,
    Worn,
    library,
    shelf,
)

Number = Annotated[int, Query(ge=1, le=1000)]
Size = Annotated[int, Query(ge=1, le=100)]
ENDPOINTS = (
    Endpoint(BuyBook, "/books", status=201, tags=["buying"]),
    Endpoint(LendBook, "/books/{book}/loan", method="PUT", statuses={Worn: 410}),
    Endpoint(ReturnBook, "/books/{book}/loan", method="DELETE", status=204),
    Endpoint(GetBook, "/books/{book}"),
    Endpoint(FindBooks, "/books"),
    ScrollBooks,
)


def application() -> Application:
    return Application(library, shelf())


def api_of(door: Door) -> FastAPI:
    """Everything: endpoints under /v1 in data envelopes, the same two bare, and a desk with routes of its own."""
    api = FastAPI(title="Library", version="1", lifespan=door.lifespan)
    door.install(api)
    tell_all_as_problems(api)
    api.include_router(door.router(*ENDPOINTS, enclosure=DATA, tags=["lending"]), prefix="/v1")
    bare = (
        Endpoint(BuyBook, operation_id="BuyBookBare"),
        Endpoint(FindBooks, method="POST", operation_id="FindBooksPosted"),
        Endpoint(GetBook, missing=200, operation_id="GetBookBare"),
    )
    api.include_router(door.router(*bare, statuses={Refused: 400}), prefix="/bare")
    api.include_router(desk_of(door), prefix="/desk")
    return api


def desk_of(door: Door) -> APIRouter:
    desk = APIRouter(tags=["desk"])
    send, ask = Depends(door.sending), Depends(door.asking)

    @desk.post("/books", status_code=201, dependencies=[remapped({Invalid: 400, Refused: 400})])
    async def buy(command: Received[BuyBook], send: Sending = send) -> Envelope[UUID]:
        result = await send(command)
        return Envelope(result.unwrap())

    @desk.post("/books/{book}/handover")
    async def hand_over(
        book: UUID, command: Received[LendBook], send: Sending = send, ask: Asking = ask
    ) -> Answered[BookView]:
        """Take a book back, lend it on, and answer what the shelf shows then."""
        (await send(ReturnBook(book=book))).unwrap()
        (await send(command)).unwrap()
        return or_404(await ask(GetBook(book)))

    @desk.get("/books/{book}")
    async def detail(book: UUID, ask: Asking = ask) -> Answered[BookView]:
        return or_404(await ask.if_changed(GetBook(book)), f"there is no book {book}")

    @desk.get("/books")
    async def page(ask: Asking = ask, page: Number = 1, page_size: Size = 10) -> PageEnvelope[Answered[BookView]]:
        found = await ask(FindBooks(offset=(page - 1) * page_size, limit=page_size))
        return PageEnvelope.of(ask.linked(found, by="page"))

    @desk.get("/scroll")
    async def scroll(query: Received[ScrollBooks], ask: Asking = ask) -> Envelope[list[Answered[BookView]]]:
        return Envelope(list(ask.linked(await ask(query)).items))

    @desk.get("/ping")
    async def ping() -> str:
        return "pong"

    return desk
