"""Returns: goods that come back and money that goes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

import msgspec

from diptych import Bounds, Command, DecisionModel, event
from retail.sales import Taken
from retail.values import (
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
    ReturnNumber,
    TillId,
)


@dataclass(frozen=True, slots=True)
class ReturnLine:
    """What comes back, and what is refunded for each."""

    product: NewProductCode
    quantity: Count
    price: Price


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptReturn(Command[str]):
    """Take goods back, for cash or against what the customer owes; returns the number."""

    lines: Annotated[tuple[ReturnLine, ...], Bounds(min_length=1, max_length=5000)]
    refund: Payment
    customer: NewCustomerId | None = None
    till: NewTillId | None = None
    number: GivenNumber | None = None
    returned_at: datetime | None = None


@event("return.accepted")
class ReturnAccepted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Goods came back; the lines follow."""

    number: ReturnNumber
    day: date
    returned_at: datetime
    refund: Payment
    lines: int
    units: int
    total: Money
    customer: CustomerId | None = None
    till: TillId | None = None


@event("return.item_accepted")
class ItemReturned(msgspec.Struct, frozen=True, gc=False):
    """A line of a return: so many of a product, each at the price refunded."""

    number: str
    product: ProductCode
    quantity: int
    price: Money


def take_number(_: Taken, event: ReturnAccepted) -> Taken:  # noqa: ARG001 (that there is one is all)
    """Fold a return."""
    return Taken(taken=True)


return_numbers = DecisionModel(take_number, initial=Taken, tag="return")
