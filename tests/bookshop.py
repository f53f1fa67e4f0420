"""A bookshop whose lists are filtered, scrolled and indexed: for tests of plans and of paging."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from diptych import (
    Application,
    Command,
    CursorPage,
    Decider,
    Index,
    Module,
    Page,
    Projection,
    Query,
    Rows,
    Scale,
    Tag,
    computed,
    event,
    fields,
    parameter,
)

Code = Annotated[str, Tag("book")]
Price = Annotated[Decimal, Scale(2)]
Order = Literal["title", "-price", "lent_at", "-lent_at"]
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@event("book.shelved")
@dataclass(frozen=True)
class BookShelved:
    book: Code
    title: str
    room: str
    price: Price
    lent_at: datetime | None = None


@dataclass(frozen=True)
class Shelve(Command[None]):
    book: Code
    title: str
    room: str
    price: Price
    lent_at: datetime | None = None


def shelve(command: Shelve, shelved: bool) -> Iterator[BookShelved]:
    yield BookShelved(command.book, command.title, command.room, command.price, command.lent_at)


def seen(shelved: bool, event: BookShelved) -> bool:
    return True


@dataclass(frozen=True)
class Book:
    book: str
    title: str
    room: str
    price: Price
    lent_at: datetime | None = None

    @computed
    def dear(self) -> bool:
        return self.price > 50


book = fields(Book)
dear = book.dear == True  # noqa: E712 (a column)
in_room = book.room == parameter("room")

bookshop = Module("bookshop")
bookshop.decider(Decider(shelve, seen, initial=bool))
views = Projection("bookshop")
books = views.read_model(
    Book,
    key="book",
    indexes=[
        "title",
        ("room", "title"),
        "lent_at",
        Index("-lent_at"),
        Index("-price", "title"),
        Index("room", where=dear, covering=("price",)),
    ],
)


@books.on
def shelved(_: Book | None, event: BookShelved) -> Book:
    return Book(event.book, event.title, event.room, event.price, event.lent_at)


@dataclass(frozen=True)
class GetBook(Query[Book | None]):
    book: str


@dataclass(frozen=True)
class GetBooks(Query[list[Book]]):
    books: tuple[str, ...]


@dataclass(frozen=True)
class CountDear(Query[int]):
    room: str


@dataclass(frozen=True)
class SearchRoom(Query[Page[Book]]):
    text: str


@dataclass(frozen=True)
class BrowseBooks(Query[CursorPage[Book]]):
    order: Order = "title"
    room: str | None = None
    cursor: str | None = None
    limit: int = 2


@bookshop.query
async def get_book(query: GetBook, books: Rows[Book]) -> Book | None:
    return await books.get(query.book)


@bookshop.query
async def get_books(query: GetBooks, books: Rows[Book]) -> list[Book]:
    return list((await books.many(query.books)).values())


@bookshop.query
async def count_dear(query: CountDear, books: Rows[Book]) -> int:
    return await books.count(dear & in_room.bind(room=query.room))


@bookshop.query
async def search_room(query: SearchRoom, books: Rows[Book]) -> Page[Book]:
    return await books.find(book.title.contains(query.text), order=["dear"])


@bookshop.query
async def browse_books(query: BrowseBooks, books: Rows[Book]) -> CursorPage[Book]:
    where = [] if query.room is None else [in_room.bind(room=query.room)]
    return await books.scroll(*where, order=[query.order], limit=query.limit, cursor=query.cursor)


ROOMS = ("attic", "cellar")
COUNT = 7


@asynccontextmanager
async def stocked(**settings: Any) -> AsyncIterator[Application]:
    """Open a bookshop of seven books in two rooms; two of them are lent, two are dear."""
    async with Application(bookshop, views, **settings) as app:
        for number in range(COUNT):
            lent = NOON + timedelta(hours=number) if number in {2, 4} else None
            price = Decimal(20 * (number % 5))
            await app.send(Shelve(f"b{number}", f"Title {number % 4}", ROOMS[number % 2], price, lent))
        await app.caught_up()
        yield app


async def all_pages(app: Application, order: Order, room: str | None = None) -> list[Book]:
    found, cursor = list[Book](), None
    while True:
        page = await app.ask(BrowseBooks(order, room, cursor))
        found += page.items
        cursor = page.next
        if cursor is None:
            return found
