"""A library behind a FastAPI application: messages of every style, a router, and routes of its own."""

from __future__ import annotations

import enum
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from diptych import (
    NEW,
    Bounds,
    Command,
    CursorPage,
    Decider,
    Generated,
    Meta,
    Missing,
    Module,
    NotBlank,
    Page,
    Projection,
    Query,
    Refusal,
    Rows,
    Scale,
    Tag,
    computed,
    event,
)

BookId = Annotated[UUID, Tag("book")]
Money = Annotated[Decimal, Scale(2, ge=0)]


class AlreadyLent(Refusal):
    """Somebody else has it."""


class Worn(Refusal):
    """It falls apart."""


class Genre(enum.Enum):
    """What kind of book it is."""

    NOVEL = "novel"
    POEMS = "poems"


class ByCard(msgspec.Struct, frozen=True, tag="card"):
    """Paid by card."""

    last_digits: Annotated[str, Bounds(pattern=r"^[0-9]{4}$")]


class InCash(msgspec.Struct, frozen=True, tag="cash"):
    """Paid in cash."""

    given: Money


@dataclass(frozen=True)
class Author:
    name: Annotated[str, NotBlank]
    born: date | None = None


@event("book.bought")
@dataclass(frozen=True)
class Bought:
    book: BookId
    title: str
    price: Money
    genre: Genre
    authors: tuple[Author, ...]


@event("book.lent")
@dataclass(frozen=True)
class Lent:
    book: BookId
    reader: str
    until: datetime


@event("book.returned")
@dataclass(frozen=True)
class Returned:
    book: BookId
    worn: bool = False


@dataclass(frozen=True, kw_only=True)
class BuyBook(Command[UUID]):
    """Buy a book.

    It stands on the shelf at once.
    """

    book: Annotated[BookId, Generated] = NEW
    title: Annotated[str, NotBlank, Bounds(max_length=200)]
    price: Money
    genre: Genre = Genre.NOVEL
    authors: Annotated[tuple[Author, ...], Bounds(max_length=9)] = ()
    notes: dict[str, str] | None = None


class LendBook(Command[datetime], msgspec.Struct, frozen=True, kw_only=True):
    """Lend a book to a reader."""

    book: BookId
    reader: Annotated[str, NotBlank]
    until: datetime
    fee: ByCard | InCash | None = None


class ReturnBook(BaseModel, Command[None]):
    """Take a book back."""

    model_config = ConfigDict(frozen=True)

    book: BookId
    state: Literal["fine", "worn"] = "fine"
    late_fee: Decimal = Field(default=Decimal(0), ge=0, max_digits=8, decimal_places=2)
    stars: Annotated[int, Bounds(ge=0, le=5)] = 0


@dataclass(frozen=True)
class Shelved:
    known: bool = False
    lent: bool = False
    worn: bool = False


def evolve(book: Shelved, event: Bought | Lent | Returned) -> Shelved:
    match event:
        case Bought():
            return Shelved(known=True)
        case Lent():
            return replace(book, lent=True)
        case Returned():
            return replace(book, lent=False, worn=event.worn)


def decide(
    command: BuyBook | LendBook | ReturnBook, book: Shelved
) -> Generator[Bought | Lent | Returned, None, UUID | datetime | None]:
    match command:
        case BuyBook():
            if book.known:
                raise AlreadyLent("it stands here already")
            yield Bought(command.book, command.title, command.price, command.genre, command.authors)
            return command.book
        case LendBook():
            if not book.known:
                raise Missing(f"there is no book {command.book}")
            if book.lent:
                raise AlreadyLent("somebody else has it", book=str(command.book))
            if book.worn:
                raise Worn("it falls apart")
            yield Lent(command.book, command.reader, command.until)
            return command.until
        case ReturnBook():
            if not book.known:
                raise Missing(f"there is no book {command.book}")
            yield Returned(command.book, worn=command.state == "worn")
            return None


@dataclass(frozen=True)
class BookView:
    book: UUID
    title: str
    price: Annotated[Decimal, Scale(2)]
    genre: Genre
    reader: str | None
    bought: datetime

    @computed
    def on_shelf(self) -> bool:
        return self.reader is None


def shelf() -> Projection:
    projection = Projection("shelf")
    books = projection.read_model(BookView, key="book")

    @books.on
    def bought(row: BookView | None, event: Bought, meta: Meta) -> BookView:
        return BookView(event.book, event.title, event.price, event.genre, None, meta.recorded_at)

    @books.on
    def lent(row: BookView, event: Lent) -> BookView:
        return replace(row, reader=event.reader)

    @books.on
    def returned(row: BookView, event: Returned) -> BookView:
        return replace(row, reader=None)

    return projection


@dataclass(frozen=True)
class GetBook(Query[BookView | None]):
    """Get a book."""

    book: UUID


class FindBooks(Query[Page[BookView]], msgspec.Struct, frozen=True, kw_only=True):
    """Find books by genre, the cheapest first."""

    genres: tuple[Genre, ...] = ()
    at_most: Money | None = None
    offset: Annotated[int, Bounds(ge=0, le=10_000)] = 0
    limit: Annotated[int, Bounds(ge=1, le=100)] = 10


class ScrollBooks(BaseModel, Query[CursorPage[BookView]]):
    """Scroll through all books."""

    model_config = ConfigDict(frozen=True)

    cursor: str | None = None
    limit: Annotated[int, Bounds(ge=1, le=100)] = 10


library = Module("library")
library.decider(Decider(decide, evolve, initial=Shelved))


@library.query
async def get_book(query: GetBook, books: Rows[BookView]) -> BookView | None:
    return await books.get(query.book)


@library.query
async def find_books(query: FindBooks, books: Rows[BookView]) -> Page[BookView]:
    column = books.table.c
    where = [column.genre.in_(query.genres)] if query.genres else []
    if query.at_most is not None:
        where.append(column.price <= query.at_most)
    return await books.find(*where, order=["price", "title"], limit=query.limit, offset=query.offset)


@library.query
async def scroll_books(query: ScrollBooks, books: Rows[BookView]) -> CursorPage[BookView]:
    return await books.scroll(order=["title"], limit=query.limit, cursor=query.cursor)
