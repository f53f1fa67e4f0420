"""Customers and products, normalised: rows that are written with the events that say so."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa

from diptych import Module, UnitOfWork
from orders.commands import ListProduct, RegisterCustomer
from orders.events import CustomerRegistered, ProductListed
from orders.normalised.tables import CustomerRow, ProductRow, Row
from orders.rules import refuse_taken_email, refuse_taken_id

normalised = Module("normalised", tables=Row.metadata)


@normalised.command
async def register_customer(command: RegisterCustomer, work: UnitOfWork[CustomerRegistered]) -> UUID:
    """Register a customer whose address is new; of two at once who have the same, one waits and is refused."""
    await work.begin()
    customer, address = CustomerRow, command.email.lower()
    refuse_taken_id("customer", command.customer, taken=await work.session.get(customer, command.customer) is not None)
    taken = await work.session.scalar(sa.select(customer.id).where(customer.address == address))
    refuse_taken_email(command.email, taken=taken is not None)
    work.session.add(customer(id=command.customer, name=command.name, email=command.email, address=address))
    work.record(CustomerRegistered(command.customer, command.name, command.email))
    return command.customer


@normalised.command
async def list_product(command: ListProduct, work: UnitOfWork[ProductListed]) -> UUID:
    """List a product."""
    await work.begin()
    taken = await work.session.get(ProductRow, command.product)
    refuse_taken_id("product", command.product, taken=taken is not None)
    work.session.add(ProductRow(id=command.product, name=command.name, category=command.category, price=command.price))
    work.record(ProductListed(command.product, command.name, command.category, command.price))
    return command.product
