"""The tables of the normalised write model: what orders, customers and products are now, each fact once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from orders.values import Address, Payment, Status

Use = Literal["shipping", "billing"]


class Cents(sa.TypeDecorator[Decimal]):
    """Keep money as whole cents: SQLite has no decimals."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Any) -> int | None:  # noqa: ARG002 (the signature)
        """Return cents."""
        return None if value is None else int(value.scaleb(2))

    def process_result_value(self, value: int | None, dialect: Any) -> Decimal | None:  # noqa: ARG002 (the signature)
        """Return money."""
        return None if value is None else Decimal(value).scaleb(-2)


class Row(DeclarativeBase):
    """Be a row of one of the tables."""

    type_annotation_map = {Decimal: Cents, Status: sa.String, Payment: sa.String, Use: sa.String}  # noqa: RUF012 (as SQLAlchemy wants it)


class CustomerRow(Row):
    """A customer; `address` is the e-mail address in lower case, which is what must be unique."""

    __tablename__ = "customers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str]
    address: Mapped[str] = mapped_column(unique=True)


class ProductRow(Row):
    """A product."""

    __tablename__ = "products"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str]
    price: Mapped[Decimal]


class OrderRow(Row):
    """An order; `version` counts its changes, and a change of a row that somebody else changed is refused."""

    __tablename__ = "orders"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    customer: Mapped[UUID] = mapped_column(sa.ForeignKey("customers.id"), index=True)
    payment: Mapped[Payment]
    status: Mapped[Status]
    invoice: Mapped[int | None] = mapped_column(unique=True)
    version: Mapped[int] = mapped_column()
    items: Mapped[list[ItemRow]] = relationship(lazy="selectin", order_by="ItemRow.number")
    addresses: Mapped[list[AddressRow]] = relationship(lazy="selectin")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 (as SQLAlchemy wants it)


class ItemRow(Row):
    """An item of an order."""

    __tablename__ = "order_items"

    order: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    product: Mapped[UUID] = mapped_column(sa.ForeignKey("products.id"))
    quantity: Mapped[int]
    price: Mapped[Decimal]


class AddressRow(Row):
    """Where an order goes, or who pays for it."""

    __tablename__ = "order_addresses"

    order: Mapped[UUID] = mapped_column(sa.ForeignKey("orders.id"), primary_key=True)
    use: Mapped[Use] = mapped_column(primary_key=True)
    name: Mapped[str]
    street: Mapped[str]
    city: Mapped[str]
    postcode: Mapped[str]
    country: Mapped[str]

    def become(self, address: Address) -> None:
        """Take on the parts of an address."""
        self.name, self.street, self.city = address.name, address.street, address.city
        self.postcode, self.country = address.postcode, address.country


def row_of(order: UUID, use: Use, address: Address) -> AddressRow:
    """Return the row of an address."""
    row = AddressRow(order=order, use=use)
    row.become(address)
    return row
