"""What may be asked to happen. Both write models answer these commands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from diptych import NEW, Bounds, Command, Generated
from orders.values import Address, CustomerId, OrderId, Payment, Price, ProductId, Quantity, Reason, Step, Text

Email = Annotated[str, Bounds(max_length=254, pattern=r"^[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+(?!\n)$")]
"""Visible ASCII around an `@`; in Python's expressions a `$` alone would let a line break pass."""


class Model(BaseModel):
    """Be a message that is a model of pydantic: immutable, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterCustomer(Command[UUID]):
    """Register a customer under an e-mail address that no other has; upper and lower case are the same."""

    name: Text
    email: Email
    customer: Annotated[CustomerId, Generated] = NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class ListProduct(Command[UUID]):
    """Offer a product."""

    name: Text
    category: Text
    price: Price
    product: Annotated[ProductId, Generated] = NEW


class Item(Model):
    """So many of a product."""

    product: UUID
    quantity: Annotated[int, Field(ge=1, le=1000)]


class CreateOrder(Model, Command[UUID]):
    """Begin an order as a draft; without a billing address it is billed to where it is shipped."""

    customer: CustomerId
    items: Annotated[tuple[Item, ...], Field(max_length=100)] = ()
    shipping: Address
    billing: Address | None = None
    payment: Payment
    order: Annotated[OrderId, Generated] = NEW


@dataclass(frozen=True, slots=True)
class AddItem(Command[None]):
    """Add so many of a product to a draft, at today's price."""

    order: OrderId
    product: ProductId
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class SetShippingAddress(Command[None]):
    """Send the order elsewhere, as long as it was not shipped."""

    order: OrderId
    address: Address


@dataclass(frozen=True, slots=True)
class PlaceOrder(Command[None]):
    """Make the draft an order."""

    order: OrderId


@dataclass(frozen=True, slots=True)
class UpdateStatus(Command[None]):
    """Move an order on; the reason is kept with who did it and when."""

    order: OrderId
    status: Step
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class InvoiceOrder(Command[int]):
    """Give a placed order the next number of an invoice; numbers have no gaps, so invoices are written one by one."""

    order: OrderId
