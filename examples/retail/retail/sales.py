"""Sales: what the till is told, and what is on the receipt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, assert_never

import msgspec

from diptych import Bounds, Command, DecisionModel, event
from retail.values import (
    ZERO,
    Count,
    CustomerId,
    GivenNumber,
    Money,
    NewCustomerId,
    NewProductCode,
    NewTillId,
    Payment,
    Price,
    ProductCode,
    SaleNumber,
    Text,
    TillId,
)


@dataclass(frozen=True, slots=True)
class SaleLine:
    """What is sold; at the product's price unless another is charged."""

    product: NewProductCode
    quantity: Count
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSale(Command[str]):
    """Sell: numbered by a till, or under a given number; returns the number.

    `paid` is by default the total in cash and nothing on credit. `sold_at` is by default now.
    """

    lines: Annotated[tuple[SaleLine, ...], Bounds(min_length=1, max_length=5000)]
    payment: Payment
    customer: NewCustomerId | None = None
    paid: Price | None = None
    till: NewTillId | None = None
    number: GivenNumber | None = None
    sold_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CancelSale(Command[str]):
    """Undo a sale as a whole."""

    sale: SaleNumber
    reason: Text


@event("sale.started")
class SaleStarted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A sale was opened under its number."""

    sale: SaleNumber
    payment: Payment
    sold_at: datetime
    customer: str | None = None
    till: TillId | None = None


@event("sale.item_added")
class ItemAdded(msgspec.Struct, frozen=True, gc=False):
    """A line: so many of a product, each at the price charged."""

    sale: SaleNumber
    product: ProductCode
    quantity: int
    price: Money


@event("sale.completed")
class SaleCompleted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The sale is closed; carries what its readers need, so that they need not add up lines."""

    sale: SaleNumber
    day: date
    sold_at: datetime
    payment: Payment
    lines: int
    units: int
    total: Money
    paid: Money
    customer: CustomerId | None = None
    till: str | None = None


class CancelledLine(msgspec.Struct, frozen=True, gc=False):
    """A line that is undone."""

    product: str
    quantity: int
    price: Money


@event("sale.cancelled")
class SaleCancelled(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The sale as a whole was undone; `day` is the day on which it was made."""

    sale: SaleNumber
    day: date
    payment: Payment
    units: int
    total: Money
    reason: str
    lines: tuple[CancelledLine, ...]
    customer: CustomerId | None = None


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale as its cancellation sees it."""

    completed: SaleCompleted | None = None
    lines: tuple[CancelledLine, ...] = ()
    cancelled: bool = False


def evolve(sale: Sale, event: ItemAdded | SaleCompleted | SaleCancelled) -> Sale:
    """Fold the events of one sale."""
    match event:
        case ItemAdded():
            return replace(sale, lines=(*sale.lines, CancelledLine(event.product, event.quantity, event.price)))
        case SaleCompleted():
            return replace(sale, completed=event)
        case SaleCancelled():
            return replace(sale, cancelled=True)
        case _:
            assert_never(event)


sale_model = DecisionModel(evolve, initial=Sale, tag="sale")


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether a document's number is taken."""

    taken: bool = False


def take_number(_: Taken, event: SaleStarted) -> Taken:  # noqa: ARG001 (that there is one is all)
    """Fold the start of a sale."""
    return Taken(taken=True)


sale_numbers = DecisionModel(take_number, initial=Taken, tag="sale")


def units_of(lines: Iterable[SaleLine]) -> Mapping[str, int]:
    """Return how many of each product are asked for."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.product] = units.get(line.product, 0) + line.quantity
    return units


def total_of(items: Iterable[ItemAdded]) -> Decimal:
    """Return what the items cost together, exactly."""
    return sum((item.quantity * item.price for item in items), ZERO)
