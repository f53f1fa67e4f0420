"""What a type checker sees of the FastAPI face: messages and answers are themselves, results keep their type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, assert_type
from uuid import UUID

from fastapi import Depends, FastAPI

from diptych import Application, Command, Module, Page, Query, Refused, Result
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
)


@dataclass(frozen=True)
class Buy(Command[UUID]):
    title: str


@dataclass(frozen=True)
class Book:
    title: str


@dataclass(frozen=True)
class GetBook(Query[Book | None]):
    book: UUID


@dataclass(frozen=True)
class FindBooks(Query[Page[Book]]):
    text: str = ""


door = Door(Application(Module("shelf")), statuses={Refused: 400})
api = FastAPI(lifespan=door.lifespan)
door.install(api)
api.include_router(door.router(Endpoint(Buy, "/books", status=201), GetBook, enclosure=DATA))
Send = Annotated[Sending, Depends(door.sending)]
Ask = Annotated[Asking, Depends(door.asking)]


@api.post("/books", dependencies=[remapped({Refused: 400})])
async def buy(command: Received[Buy], send: Send) -> Envelope[UUID]:
    assert_type(command, Buy)
    result = await send(command)
    assert_type(result, Result[UUID])
    return Envelope(result.unwrap())


@api.get("/books/{book}")
async def detail(book: UUID, ask: Ask) -> Answered[Book]:
    found = await ask.if_changed(GetBook(book))
    assert_type(found, Book | None)
    return or_404(found)


@api.get("/books")
async def find(query: Received[FindBooks], ask: Ask) -> PageEnvelope[Answered[Book]]:
    page = ask.linked(await ask(query))
    assert_type(page, Page[Book])
    return PageEnvelope.of(page)
