"""Products: what can be said of them, and the decisions on one product; `listing` decides where others matter too."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, assert_never

import msgspec

from diptych import Bounds, Command, Decider, DecisionModel, Missing, Module, Refusal, event
from retail.values import (
    ZERO,
    Delta,
    Money,
    NewDepartmentCode,
    NewProductCode,
    NewUnitCode,
    Price,
    ProductCode,
    Text,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProduct(Command[str]):
    """Bring a product into the assortment; department and unit must be open, and may be left out."""

    product: NewProductCode
    description: Text
    price: Price
    cost: Price = ZERO
    minimum_stock: Annotated[int, Bounds(ge=0, le=1_000_000_000)] = 0
    opening_stock: Delta = 0
    department: NewDepartmentCode | None = None
    unit: NewUnitCode | None = None


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
class MoveProduct(Command[str]):
    """Keep a product in another department, which must be open."""

    product: NewProductCode
    department: NewDepartmentCode


@dataclass(frozen=True, slots=True)
class DiscontinueProduct(Command[str]):
    """Sell a product no longer."""

    product: NewProductCode


@event("product.created")
class ProductCreated(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A product came into the assortment; its opening stock follows as `inventory.adjusted`."""

    product: ProductCode
    description: str
    price: Money
    cost: Money
    minimum_stock: int
    department: str | None = None
    unit: str | None = None


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


@event("product.moved")
class ProductMoved(msgspec.Struct, frozen=True, gc=False):
    """A product is kept in another department."""

    product: ProductCode
    department: str


@event("product.discontinued")
class ProductDiscontinued(msgspec.Struct, frozen=True, gc=False):
    """A product is sold no longer."""

    product: ProductCode


ProductCommand = ChangePrice | ChangeDescription | DiscontinueProduct
ProductEvent = ProductCreated | ProductPriced | ProductDescribed | ProductMoved | ProductDiscontinued


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
    department: str | None = None
    discontinued: bool = False


def decide(command: ProductCommand, product: Product) -> Generator[ProductEvent, None, str]:
    """Decide on one product; what changes nothing records nothing. Returns the product's code."""
    present(product, command.product)
    if not isinstance(command, DiscontinueProduct):
        sold(product, command.product)
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
    return command.product


def present(product: Product, code: str) -> None:
    """Refuse a product that there is not."""
    if not product.exists:
        raise Missing(f"there is no product {code}", product=code)


def sold(product: Product, code: str) -> None:
    """Refuse a product that is sold no longer."""
    if product.discontinued:
        raise Discontinued(f"{code} is sold no longer", product=code)


def evolve(product: Product, event: ProductEvent) -> Product:
    """Fold the events of one product."""
    match event:
        case ProductCreated():
            return Product(exists=True, description=event.description, price=event.price, department=event.department)
        case ProductPriced():
            return replace(product, price=event.price)
        case ProductDescribed():
            return replace(product, description=event.description)
        case ProductMoved():
            return replace(product, department=event.department)
        case ProductDiscontinued():
            return replace(product, discontinued=True)
        case _:
            assert_never(event)


products = Module("products")
products.decider(Decider(decide, evolve, initial=Product))
product_model = DecisionModel(evolve, initial=Product, tag="product")


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
