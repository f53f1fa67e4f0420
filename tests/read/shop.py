"""A small shop for the tests of the right panel: five events, four read models, and a log to put them in."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

from diptych.codec import EventCodec, content_hash, encode
from diptych.dispatch import Middleware
from diptych.injection import Injector
from diptych.model.marks import Indexed, Scale, Tag
from diptych.model.messages import Query, event, event_type
from diptych.model.meta import Context, Meta
from diptych.model.pages import Page
from diptych.model.projections import Projection
from diptych.model.rows import computed
from diptych.model.tags import tagger
from diptych.module import Module
from diptych.ports import Append, EventStore, Metadata, NewEvent, RowStore
from diptych.read.panel import ReadPanel
from diptych.read.rows import Rows
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.system import RandomIds, SystemClock
from diptych.stores.urls import row_store

Code = Annotated[str, Tag("product")]
Money = Annotated[Decimal, Scale(4)]


@event("product.created")
@dataclass(frozen=True, slots=True)
class Created:
    code: Code
    name: str
    price: Money


@event("product.renamed")
@dataclass(frozen=True, slots=True)
class Renamed:
    code: Code
    name: str


@event("product.removed")
@dataclass(frozen=True, slots=True)
class Removed:
    code: Code


@event("product.sold")
@dataclass(frozen=True, slots=True)
class Sold:
    sale: int
    lines: tuple[tuple[str, int], ...]


@event("shop.closed")
@dataclass(frozen=True, slots=True)
class Closed:
    shop: str


EVENTS = (Created, Renamed, Removed, Sold, Closed)


@dataclass(frozen=True, slots=True)
class Product:
    code: str
    name: Annotated[str, Indexed()]
    price: Annotated[Money, Indexed()]
    sold: int = 0
    changed: datetime | None = None

    @computed
    def turnover(self) -> Money:
        return self.price * self.sold


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Line:
    sale: int
    code: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Closing:
    shop: str


def shop(version: int = 1) -> Projection:
    """Three read models: by code, by first letter (rows come and go), and append-only lines."""
    projection = Projection("shop", version=version)
    products = projection.read_model(Product, key="code")
    names = projection.read_model(Name, key="name")
    lines = projection.append_only(Line, indexes=[("code",)])

    @products.on
    def created(row: Product | None, event: Created, meta: Meta) -> Product:
        return Product(event.code, event.name, event.price, row.sold if row else 0, meta.recorded_at)

    @products.on
    def renamed(row: Product, event: Renamed) -> Product:
        return replace(row, name=event.name)

    @products.on
    def removed(row: Product | None, event: Removed) -> None:
        return None

    @products.on(keys=lambda sold: [code for code, _ in sold.lines])
    def sold(row: Product | None, event: Sold) -> Product | None:
        return row and replace(row, sold=row.sold + sum(n for code, n in event.lines if code == row.code))

    @names.on(key=lambda event: event.name[:1])
    def counted(row: Name | None, event: Created | Renamed) -> Name | None:
        count = (row.count if row else 0) + 1
        return Name(event.name[:1], count) if count < 3 else None

    @lines.on
    def line(event: Sold) -> list[Line]:
        return [Line(event.sale, code, quantity) for code, quantity in event.lines]

    return projection


def closings() -> Projection:
    """Be the other projection."""
    projection = Projection("closings")

    @projection.read_model(Closing, key="shop").on
    def closed(row: Closing | None, event: Closed) -> Closing:
        return Closing(event.shop)

    return projection


@dataclass(frozen=True)
class GetProduct(Query[Product | None]):
    code: str


@dataclass(frozen=True)
class ListProducts(Query[Page[Product]]):
    order: tuple[str, ...] = ()
    limit: int = 50
    offset: int = 0


async def get_product(query: GetProduct, products: Rows[Product]) -> Product | None:
    return await products.get(query.code)


async def list_products(query: ListProducts, products: Rows[Product]) -> Page[Product]:
    return await products.find(order=query.order, limit=query.limit, offset=query.offset)


def module(*handlers: Callable[..., Any]) -> Module:
    made = Module("shop")
    for handler in (get_product, list_products, *handlers):
        made.query(handler)
    return made


def codec() -> EventCodec:
    return EventCodec(EVENTS)


async def record(store: EventStore, *events: Any, actor: str | None = None) -> int:
    """Append events as one command did; return the position of the last."""
    metadata = encode(Metadata(command=uuid4(), actor=actor))
    new = [_new(each, metadata) for each in events]
    outcome = await store.append(Append(new, (), None, metadata, SystemClock().micros()))
    return outcome.last  # type: ignore[union-attr]


def _new(event: Any, metadata: bytes) -> NewEvent:
    stored = event_type(type(event))
    tags, data = tagger(type(event))(event), encode(event)
    return NewEvent(
        stored.name, stored.version, tags, data, content_hash(stored.name, stored.version, tags, data, metadata)
    )


def rows_at(path: Path | str | None) -> RowStore:
    """Return the unopened store of rows in memory, in a file, or where a URL says."""
    return row_store(path) if isinstance(path, str) else SqliteRowStore(path)


@contextlib.asynccontextmanager
async def opened(
    store: EventStore,
    projections: Sequence[Projection],
    *,
    path: Path | str | None = None,
    handlers: Iterable[Callable[..., Any]] = (),
    middleware: Iterable[Middleware] = (),
    mode: Any = "production",
    runs: Any = "run",
) -> AsyncIterator[ReadPanel]:
    """Open a right panel over a log; its rows are in memory, in a file, or where a URL says."""
    panel = ReadPanel(
        [module(*handlers)],
        projections,
        store=store,
        rows=rows_at(path),
        codec=codec(),
        injector=Injector(),
        middleware=middleware,
        clock=SystemClock(),
        mode=mode,
        folds=None if runs == "run" else (),
    )
    async with panel:
        yield panel


def context(principal: str | None = None) -> Context:
    return Context(SystemClock().now(), RandomIds().new(), principal)


async def ask(panel: ReadPanel, query: Any, **options: Any) -> Any:
    return (await panel.answer(query, context(), **options)).value
