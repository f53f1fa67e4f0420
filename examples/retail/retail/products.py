"""Products: created, priced, described, discontinued."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, assert_never

import msgspec

from diptych import Bounds, Command, Decider, DecisionModel, Missing, Module, Refusal, event
from retail.stock import InventoryAdjusted
from retail.values import ZERO, Delta, Money, NewProductCode, Price, ProductCode, Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProduct(Command[str]):
    """Bring a product into the assortment."""

    product: NewProductCode
    description: Text
    price: Price
    cost: Price = ZERO
    minimum_stock: Annotated[int, Bounds(ge=0, le=1_000_000_000)] = 0
    opening_stock: Delta = 0


@dataclass(frozen=True, slots=True)
class ChangePrice(Command[str]):
    """Sell a product for another price from now on."""

    product: NewProductCode
    price: Price


@dataclass(frozen=True, slots=True)
class ChangeDescription(Command[str]):
    """Describe a product in other words."""

    product: NewProductCode
    description: Text


@dataclass(frozen=True, slots=True)
class DiscontinueProduct(Command[str]):
    """Sell a product no longer."""

    product: NewProductCode


@event("product.created")
class ProductCreated(msgspec.Struct, frozen=True, gc=False):
    """A product came into the assortment; its opening stock follows as `inventory.adjusted`."""

    product: ProductCode
    description: str
    price: Money
    cost: Money
    minimum_stock: int


@event("product.priced")
class ProductPriced(msgspec.Struct, frozen=True, gc=False):
    """The sell price of a product changed."""

    product: ProductCode
    price: Money


@event("product.described")
class ProductDescribed(msgspec.Struct, frozen=True, gc=False):
    """The description of a product changed."""

    product: ProductCode
    description: str


@event("product.discontinued")
class ProductDiscontinued(msgspec.Struct, frozen=True, gc=False):
    """A product is sold no longer."""

    product: ProductCode


ProductCommand = CreateProduct | ChangePrice | ChangeDescription | DiscontinueProduct
ProductEvent = ProductCreated | ProductPriced | ProductDescribed | ProductDiscontinued


class ProductExists(Refusal):
    """The code is taken."""


class Discontinued(Refusal):
    """The product is sold no longer."""


@dataclass(frozen=True, slots=True)
class Product:
    """A product as its own commands see it."""

    exists: bool = False
    description: str = ""
    price: Decimal = ZERO
    discontinued: bool = False


def decide(command: ProductCommand, product: Product) -> Generator[ProductEvent | InventoryAdjusted, None, str]:
    """Decide on one product; what changes nothing records nothing. Returns the product's code."""
    if isinstance(command, CreateProduct):
        yield from create(command, product)
    else:
        yield from alter(command, product)
    return command.product


def create(command: CreateProduct, product: Product) -> Iterator[ProductEvent | InventoryAdjusted]:
    """Create a product under a code that is free."""
    code = command.product
    if product.exists:
        raise ProductExists(f"there is a product {code} already", product=code)
    yield ProductCreated(code, command.description, command.price, command.cost, command.minimum_stock)
    if command.opening_stock:
        yield InventoryAdjusted(code, command.opening_stock, "opening", code)


def alter(command: ChangePrice | ChangeDescription | DiscontinueProduct, product: Product) -> Iterator[ProductEvent]:
    """Change a product that there is and that is still sold."""
    if not product.exists:
        raise Missing(f"there is no product {command.product}", product=command.product)
    if product.discontinued and not isinstance(command, DiscontinueProduct):
        raise Discontinued(f"{command.product} is sold no longer", product=command.product)
    match command:
        case ChangePrice(code, price):
            if price != product.price:
                yield ProductPriced(code, price)
        case ChangeDescription(code, description):
            if description != product.description:
                yield ProductDescribed(code, description)
        case DiscontinueProduct(code):
            if not product.discontinued:
                yield ProductDiscontinued(code)
        case _:
            assert_never(command)


def evolve(product: Product, event: ProductEvent) -> Product:
    """Fold the events of one product."""
    match event:
        case ProductCreated():
            return Product(exists=True, description=event.description, price=event.price)
        case ProductPriced():
            return replace(product, price=event.price)
        case ProductDescribed():
            return replace(product, description=event.description)
        case ProductDiscontinued():
            return replace(product, discontinued=True)
        case _:
            assert_never(event)


products = Module("products")
products.decider(Decider(decide, evolve, initial=Product))


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as a document sees it: its price, or None where there is no such product."""

    price: Decimal | None = None
    discontinued: bool = False


def evolve_offer(offer: Offer, event: ProductCreated | ProductPriced | ProductDiscontinued) -> Offer:
    """Fold what a document must know about a product."""
    match event:
        case ProductCreated() | ProductPriced():
            return Offer(event.price, offer.discontinued)
        case ProductDiscontinued():
            return Offer(offer.price, discontinued=True)
        case _:
            assert_never(event)


offers = DecisionModel(evolve_offer, initial=Offer, tag="product")
