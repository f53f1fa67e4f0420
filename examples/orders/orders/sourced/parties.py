"""Customers and products, event-sourced: small entities, of which a decision reads the few facts that could fail it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from diptych import Aggregate, DecisionModel, Module, evolves, handles, model_of
from orders.commands import ListProduct, RegisterCustomer
from orders.events import CustomerRegistered, ProductListed
from orders.rules import refuse_taken_email, refuse_taken_id


@dataclass(frozen=True, slots=True)
class Known:
    """Whether there is such a customer."""

    known: bool = False


@dataclass(frozen=True, slots=True)
class Offer:
    """A product as an order sees it: its price, None where there is no such product."""

    price: Decimal | None = None


class Customer(Aggregate[Known], tag="customer"):
    """Be a customer; nothing happens to one after the registration."""

    @evolves
    def _registered(self, event: CustomerRegistered) -> Known:  # noqa: ARG002 (that it happened is all)
        return Known(known=True)


class Product(Aggregate[Offer], tag="product"):
    """Be a product that can be ordered."""

    @handles
    def list(self, command: ListProduct) -> UUID:
        """Offer the product."""
        refuse_taken_id("product", command.product, taken=self.state.price is not None)
        self.record(ProductListed(command.product, command.name, command.category, command.price))
        return command.product

    @evolves
    def _listed(self, event: ProductListed) -> Offer:
        return Offer(event.price)


def take(_: Known, event: CustomerRegistered) -> Known:  # noqa: ARG001 (that it happened is all)
    """Fold what makes an e-mail address taken."""
    return Known(known=True)


customers, addresses = model_of(Customer), DecisionModel(take, initial=Known, tag="email")

sourced = Module("sourced")
sourced.aggregate(Product)


@sourced.decides(
    customer=customers.one(lambda command: command.customer), address=addresses.one(lambda command: command.email)
)
def register_customer(
    command: RegisterCustomer, customer: Known, address: Known
) -> Generator[CustomerRegistered, None, UUID]:
    """Register a customer whose address is new; of two at once who have the same, one is refused."""
    refuse_taken_id("customer", command.customer, taken=customer.known)
    refuse_taken_email(command.email, taken=address.known)
    yield CustomerRegistered(command.customer, command.name, command.email)
    return command.customer
