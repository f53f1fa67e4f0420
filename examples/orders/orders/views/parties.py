"""Customers and products as shown: the names that rows of orders refer to."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from diptych import FullText, Index, Projection
from orders.events import CustomerRegistered, ProductListed
from orders.values import Money

sales = Projection("sales")


class CustomerView(msgspec.Struct, frozen=True):
    """A customer."""

    customer: UUID
    name: Annotated[str, FullText(weight=2)]
    email: Annotated[str, FullText()]


class ProductView(msgspec.Struct, frozen=True):
    """A product that can be ordered."""

    product: UUID
    name: Annotated[str, FullText(weight=2)]
    category: Annotated[str, FullText()]
    price: Money


customers = sales.read_model(CustomerView, key="customer", indexes=[Index("name", "customer")])
products = sales.read_model(
    ProductView, key="product", indexes=[Index("name", "product"), Index("category", "name", "product")]
)


@customers.on
def registered(_: CustomerView | None, event: CustomerRegistered) -> CustomerView:
    """Show a new customer."""
    return CustomerView(event.customer, event.name, event.email)


@products.on
def listed(_: ProductView | None, event: ProductListed) -> ProductView:
    """Show a new product."""
    return ProductView(event.product, event.name, event.category, event.price)
