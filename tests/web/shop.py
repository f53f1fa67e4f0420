"""A small shop for tests of the HTTP face: it can refuse, miss, forbid, complain of fields, and break."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import httpx2

from diptych.application import Application
from diptych.dispatch import Handler
from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal
from diptych.model.decisions import Decider
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Scale, Tag
from diptych.model.messages import Command, Query, event
from diptych.model.meta import Context, Meta
from diptych.model.pages import Page
from diptych.model.projections import Projection
from diptych.model.rows import computed
from diptych.module import Module
from diptych.read.rows import Rows
from diptych.web.app import asgi_app

ProductId = Annotated[UUID, Tag("product")]
Money = Annotated[Decimal, Scale(2)]


class OutOfStock(Refusal):
    """More was asked for than there is."""


@dataclass(frozen=True, slots=True)
class Line:
    code: Annotated[str, NotBlank]
    quantity: Annotated[int, Bounds(ge=1)]


@event("product.added", version=2)
@dataclass(frozen=True, slots=True)
class Added:
    """A product came into the shop."""

    product: ProductId
    name: str
    price: Money
    stock: int


@event("product.taken")
@dataclass(frozen=True, slots=True)
class Taken:
    product: ProductId
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddProduct(Command[UUID]):
    """Bring a product into the shop.

    More text that the summary leaves out.
    """

    name: Annotated[str, NotBlank]
    price: Money
    stock: Annotated[int, Bounds(ge=0)] = 0
    lines: tuple[Line, ...] = ()
    since: datetime | None = None
    weight: float = 0.0
    product: Annotated[ProductId, Generated] = NEW


@dataclass(frozen=True, slots=True)
class Take(Command[int]):
    product: ProductId
    quantity: Annotated[int, Bounds(ge=1)]


@dataclass(frozen=True, slots=True)
class Inspect(Command[str | None]):
    product: ProductId
    finding: str


@dataclass(frozen=True, slots=True)
class Product:
    known: bool = False
    stock: int = 0


def evolve(product: Product, event: Added | Taken) -> Product:
    match event:
        case Added():
            return Product(known=True, stock=event.stock)
        case Taken():
            return replace(product, stock=product.stock - event.quantity)


def add(command: AddProduct, product: Product) -> Generator[Added, None, UUID]:
    yield Added(command.product, command.name, command.price, command.stock)
    return command.product


def take(command: Take, product: Product) -> Generator[Taken, None, int]:
    if not product.known:
        raise Missing(f"there is no product {command.product}", product=str(command.product))
    if command.quantity > product.stock:
        raise OutOfStock(
            f"{product.stock} in stock, {command.quantity} asked for", available=product.stock, asked=command.quantity
        )
    yield Taken(command.product, command.quantity)
    return product.stock - command.quantity


def inspect(command: Inspect, product: Product, context: Context) -> Generator[Taken, None, str | None]:
    match command.finding:
        case "forbidden":
            raise NotAllowed("only inspectors may")
        case "fields":
            raise FieldErrors({"product": "is unknown", "finding": ["is odd", "is old"]})
        case "bug":
            raise ZeroDivisionError("secret of the house")
    yield from ()
    return context.principal


shop = Module("shop")
for decide in (add, take, inspect):
    shop.decider(Decider(decide, evolve, initial=Product))


@dataclass(frozen=True)
class ProductView:
    product: UUID
    name: str
    price: Money
    stock: int
    actor: str | None
    added: datetime

    @computed
    def worth(self) -> Money:
        return self.price * self.stock


def projection(version: int = 1, fold: Callable[[Any], Any] = lambda event: event) -> Projection:
    views = Projection("views", version=version)
    model = views.read_model(ProductView, key="product")

    @model.on
    def added(row: ProductView | None, event: Added, meta: Meta) -> ProductView:
        fold(event)
        return ProductView(event.product, event.name, event.price, event.stock, meta.actor, meta.recorded_at)

    @model.on
    def taken(row: ProductView, event: Taken) -> ProductView:
        return replace(row, stock=row.stock - event.quantity)

    return views


@dataclass(frozen=True, slots=True)
class GetProduct(Query[ProductView | None]):
    product: UUID


@dataclass(frozen=True, slots=True)
class FindProducts(Query[Page[ProductView]]):
    """Find products by any of their names."""

    names: tuple[str, ...] = ()
    in_stock: bool = False
    at_least: Annotated[int, Bounds(ge=0)] | None = None
    limit: Annotated[int, Bounds(ge=1, le=100)] = 50


@dataclass(frozen=True, slots=True)
class Echo(Query[dict[str, Any]]):
    text: str
    price: Money | None = None
    since: datetime | None = None
    weight: float | None = None
    counts: frozenset[int] = frozenset()
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Break(Query[None]):
    how: str = "bug"

    def __post_init__(self) -> None:
        if self.how == "":
            raise ValueError("how is blank")


@shop.query
async def get_product(query: GetProduct, rows: Rows[ProductView]) -> ProductView | None:
    return await rows.get(query.product)


@shop.query
async def find_products(query: FindProducts, rows: Rows[ProductView]) -> Page[ProductView]:
    column = rows.table.c
    where = [column.name.in_(query.names)] if query.names else []
    if query.in_stock or query.at_least is not None:
        where.append(column.stock >= (query.at_least or 1))
    return await rows.find(*where, order=["name"], limit=query.limit)


@shop.query
async def echo(query: Echo, context: Context) -> dict[str, Any]:
    return {
        "text": query.text,
        "price": query.price,
        "since": query.since,
        "counts": sorted(query.counts),
        "line": query.line,
        "principal": context.principal,
    }


@shop.query
async def fail(query: Break) -> None:
    match query.how:
        case "forbidden":
            raise NotAllowed("only inspectors may ask")
        case "missing":
            raise Missing("no such shelf", shelf=7)
        case "refused":
            raise OutOfStock("nothing is left", available=0)
    raise ZeroDivisionError("secret of the house")


class Weather:
    """What the middleware of a test raises instead of passing a message on."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __call__(self, handler: Handler) -> Handler:
        async def call(message: Any, context: Context) -> Any:
            if self.error is not None:
                raise self.error
            return await handler(message, context)

        return call


@contextlib.asynccontextmanager
async def client_of(application: Application, **face: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of the application's HTTP face in this process; the application is open meanwhile."""
    async with application:
        transport = httpx2.ASGITransport(asgi_app(application, **face))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            yield client


async def added(client: httpx2.AsyncClient, name: str = "Lamp", **fields: Any) -> str:
    """Add a product and return its id, once queries see it."""
    answer = await client.post("/commands/AddProduct", json={"name": name, "price": "9.50", "stock": 5, **fields})
    assert answer.status_code == 200, answer.text
    found: str = answer.json()["result"]
    return found


Ask = Callable[[str, Mapping[str, Any]], Awaitable[httpx2.Response]]
