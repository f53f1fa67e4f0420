"""A small shop with a past: products with history, the same without, append-only sales, and totals that roll up."""

from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import sqlalchemy as sa

from diptych.application import Application
from diptych.model.decisions import Decider
from diptych.model.marks import Scale, Tag
from diptych.model.messages import Command, Query, event
from diptych.model.meta import Meta
from diptych.model.pages import Page
from diptych.model.projections import Projection
from diptych.model.rowfolds import RowChange
from diptych.model.rows import computed
from diptych.module import Module
from diptych.read.rows import Rows

Product = Annotated[str, Tag("product")]
Money = Annotated[Decimal, Scale(2)]


@event("product.priced", version=3)
@dataclass(frozen=True, slots=True)
class Priced:
    product: Product
    price: Money


@event("product.sold")
@dataclass(frozen=True, slots=True)
class Sold:
    product: Product
    pieces: int


@event("product.dropped")
@dataclass(frozen=True, slots=True)
class Dropped:
    product: Product


@dataclass(frozen=True, slots=True)
class Price(Command[None]):
    product: Product
    price: Money


@dataclass(frozen=True, slots=True)
class Sell(Command[None]):
    product: Product
    pieces: int


@dataclass(frozen=True, slots=True)
class Drop(Command[None]):
    product: Product


@dataclass(frozen=True, slots=True)
class State:
    pass


def decide(command: Price | Sell | Drop, state: State) -> Generator[Priced | Sold | Dropped, None, None]:
    match command:
        case Price():
            yield Priced(command.product, command.price)
        case Sell():
            yield Sold(command.product, command.pieces)
        case Drop():
            yield Dropped(command.product)


def evolve(state: State, happened: Priced | Sold | Dropped) -> State:
    return state


@dataclass(frozen=True, slots=True)
class Shelf:
    product: str
    price: Money
    sold: int = 0

    @computed
    def turnover(self) -> Money:
        return self.price * self.sold


@dataclass(frozen=True, slots=True)
class Plain:
    product: str
    price: Money
    sold: int = 0


@dataclass(frozen=True, slots=True)
class Sale:
    product: str
    pieces: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Total:
    price: Money
    products: int


def projections() -> list[Projection]:
    kept, plain = Projection("kept"), Projection("plain")
    shelves = kept.read_model(Shelf, key="product", name="shelves", history=True)
    plains = plain.read_model(Plain, key="product", name="plains")
    totals = plain.read_model(Total, key="price", name="totals")
    sales = plain.append_only(Sale, name="sales")
    for model, row_type in ((shelves, Shelf), (plains, Plain)):
        _fold(model, row_type)

    @sales.on
    def made(event: Sold, meta: Meta) -> Sale:
        return Sale(event.product, event.pieces, meta.recorded_at)

    @totals.rollup(plains)
    def counted(total: Total | None, change: RowChange[Plain], key: Decimal) -> Total:
        return Total(key, (total.products if total else 0) + (change.after is not None) - (change.before is not None))

    return [kept, plain]


def _fold(model: Any, row_type: Any) -> None:
    def priced(row: Any, event: Priced) -> Any:
        return row_type(event.product, event.price, row.sold if row else 0)

    def sold(row: Any, event: Sold) -> Any:
        return row and replace(row, sold=row.sold + event.pieces)

    def dropped(row: Any, event: Dropped) -> None:
        return None

    for fold in (priced, sold, dropped):
        fold.__annotations__["row"] = row_type | None
        model.on(fold)


@dataclass(frozen=True)
class GetShelf(Query[Shelf | None]):
    product: str


@dataclass(frozen=True)
class FindShelves(Query[Page[Shelf]]):
    at_least: int = 0


@dataclass(frozen=True)
class GetPlain(Query[Plain | None]):
    product: str


@dataclass(frozen=True)
class FindPlains(Query[Page[Plain]]):
    pass


@dataclass(frozen=True)
class CountSales(Query[int]):
    pass


@dataclass(frozen=True)
class Both(Query[tuple[int, int]]):
    pass


@dataclass(frozen=True)
class InText(Query[int]):
    pass


def module() -> Module:
    shop = Module("shop")
    shop.decider(Decider(decide, evolve, initial=State))

    @shop.query
    async def get_shelf(query: GetShelf, rows: Rows[Shelf]) -> Shelf | None:
        return await rows.get(query.product)

    @shop.query
    async def find_shelves(query: FindShelves, rows: Rows[Shelf]) -> Page[Shelf]:
        return await rows.find(rows.table.c.sold >= query.at_least)

    @shop.query
    async def get_plain(query: GetPlain, rows: Rows[Plain]) -> Plain | None:
        return (await rows.many([query.product])).get(query.product)

    @shop.query
    async def find_plains(query: FindPlains, rows: Rows[Plain]) -> Page[Plain]:
        return await rows.find()

    @shop.query
    async def count_sales(query: CountSales, rows: Rows[Sale]) -> int:
        return await rows.count()

    @shop.query
    async def both(query: Both, shelves: Rows[Shelf], sales: Rows[Sale]) -> tuple[int, int]:
        return await shelves.count(), await sales.count()

    @shop.query
    async def in_text(query: InText, rows: Rows[Shelf]) -> int:
        return (await rows.select(sa.text("select count(*) from shelves")))[0][0]  # type: ignore[no-any-return]

    return shop


def application(events: str = "memory://", **options: Any) -> Application:
    return Application(module(), *projections(), events=events, **options)


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
