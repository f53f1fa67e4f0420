"""A product catalogue, the smallest complete application: `catalog` runs it in memory, `catalog shop.db` keeps it."""

import asyncio
import sys
from collections.abc import Generator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from diptych import (
    NEW,
    Application,
    Bounds,
    Command,
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
    Result,
    Rows,
    Scale,
    Tag,
    event,
)

ProductId = Annotated[UUID, Tag("product")]  # events that carry one are found by it
Price = Annotated[Decimal, Scale(2, ge=0)]  # exact to the cent, never negative


# What happened. The stored name outlives every rename of the class.
@event("product.added")
@dataclass(frozen=True)
class ProductAdded:
    product: ProductId
    name: str
    category: str
    price: Price
    stock: int


@event("product.stock_updated")
@dataclass(frozen=True)
class StockUpdated:
    product: ProductId
    change: int


@event("product.price_updated")
@dataclass(frozen=True)
class PriceUpdated:
    product: ProductId
    price: Price


# What may be asked for. The types refuse what is wrong by itself.
@dataclass(frozen=True, kw_only=True)
class AddProduct(Command[UUID]):
    product: Annotated[ProductId, Generated] = NEW
    name: Annotated[str, NotBlank]
    category: Annotated[str, NotBlank]
    price: Price
    stock: Annotated[int, Bounds(ge=0)] = 0


@dataclass(frozen=True)
class UpdateStock(Command[UUID]):
    product: ProductId
    change: int


@dataclass(frozen=True)
class UpdatePrice(Command[UUID]):
    product: ProductId
    price: Price


# The left panel decides: what it must know of a product, how events tell it that, and what follows from a command.
class OutOfStock(Refusal):
    """Say what there is and what was asked for."""


@dataclass(frozen=True)
class Product:
    added: bool = False
    stock: int = 0


def evolve(product: Product, event: ProductAdded | StockUpdated) -> Product:
    match event:
        case ProductAdded(stock=stock):
            return Product(added=True, stock=stock)
        case StockUpdated(change=change):
            return replace(product, stock=product.stock + change)


def decide(
    command: AddProduct | UpdateStock | UpdatePrice, product: Product
) -> Generator[ProductAdded | StockUpdated | PriceUpdated, None, UUID]:
    match command:
        case AddProduct() as new if not product.added:
            yield ProductAdded(new.product, new.name, new.category, new.price, new.stock)
        case AddProduct():
            raise Refusal(f"product {command.product} is in the catalogue already")
        case _ if not product.added:
            raise Missing(f"there is no product {command.product}")
        case UpdateStock(change=change) if product.stock + change < 0:
            raise OutOfStock(f"{product.stock} in stock, {-change} asked for", available=product.stock, asked=-change)
        case UpdateStock(change=change):
            yield StockUpdated(command.product, change)
        case UpdatePrice(price=price):
            yield PriceUpdated(command.product, price)
    return command.product


catalog = Module("catalog")
catalog.decider(Decider(decide, evolve, initial=Product))


# The right panel answers: two read models, folded from the same events, and a query for each.
@dataclass(frozen=True)
class Item:
    product: UUID
    name: str
    category: str
    price: Price
    stock: int


@dataclass(frozen=True)
class Detail(Item):
    created: datetime
    updated: datetime


views = Projection("catalog")
items = views.read_model(Item, key="product")
details = views.read_model(Detail, key="product")


@items.on
def item_added(_: Item | None, event: ProductAdded) -> Item:
    return Item(event.product, event.name, event.category, event.price, event.stock)


@items.on
def item_restocked(row: Item, event: StockUpdated) -> Item:
    return replace(row, stock=row.stock + event.change)


@items.on
def item_repriced(row: Item, event: PriceUpdated) -> Item:
    return replace(row, price=event.price)


@details.on
def detail_added(_: Detail | None, event: ProductAdded, meta: Meta) -> Detail:
    at = meta.recorded_at
    return Detail(event.product, event.name, event.category, event.price, event.stock, created=at, updated=at)


@details.on
def detail_restocked(row: Detail, event: StockUpdated, meta: Meta) -> Detail:
    return replace(row, stock=row.stock + event.change, updated=meta.recorded_at)


@details.on
def detail_repriced(row: Detail, event: PriceUpdated, meta: Meta) -> Detail:
    return replace(row, price=event.price, updated=meta.recorded_at)


@dataclass(frozen=True)
class ListItems(Query[Page[Item]]):
    category: str | None = None
    in_stock: bool = False


@dataclass(frozen=True)
class GetProduct(Query[Detail | None]):
    product: UUID


@catalog.query
async def list_items(query: ListItems, items: Rows[Item]) -> Page[Item]:
    column = items.table.c
    category = [column.category == query.category] if query.category else []
    in_stock = [column.stock > 0] if query.in_stock else []
    return await items.find(*category, *in_stock, order=["name"])


@catalog.query
async def get_product(query: GetProduct, details: Rows[Detail]) -> Detail | None:
    return await details.get(query.product)


def application(events: str = "memory://") -> Application:
    return Application(catalog, views, events=events)


app = application()  # diptych dev catalog:app


async def tell(app: Application, command: Command[UUID]) -> Result[UUID]:
    result = await app.send(command)
    print(f"{type(command).__name__:11} {result.status}: {result.error or f'position {result.position}'}")
    return result


async def run(events: str) -> None:
    async with application(events) as app:
        added = await tell(app, AddProduct(name="Laptop", category="computers", price=Decimal("999.00"), stock=5))
        laptop = added.unwrap()
        await tell(app, UpdateStock(laptop, -2))
        await tell(app, UpdateStock(laptop, -9))
        await tell(app, AddProduct(name=" ", category="computers", price=Decimal(-1), stock=-1))
        repriced = await tell(app, UpdatePrice(laptop, Decimal("899.50")))
        for item in await app.ask(ListItems(category="computers", in_stock=True), after=repriced):
            print(f"{item.name}, {item.category}: {item.stock} at {item.price}")
        if detail := await app.ask(GetProduct(laptop), after=repriced):
            print(f"{detail.stock} in stock, created {detail.created:%H:%M:%S}, last updated {detail.updated:%H:%M:%S}")


def main() -> None:
    asyncio.run(run(f"sqlite:///{sys.argv[1]}" if len(sys.argv) > 1 else "memory://"))


if __name__ == "__main__":
    main()
