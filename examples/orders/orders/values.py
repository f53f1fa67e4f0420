"""The words that every part of the application shares: ids, money, addresses, the life of an order."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final, Literal
from uuid import UUID

from diptych import Bounds, Scale, Tag, hashed

CustomerId = Annotated[UUID, Tag("customer")]
ProductId = Annotated[UUID, Tag("product")]
OrderId = Annotated[UUID, Tag("order")]
EmailAddress = Annotated[str, Tag("email", text=lambda email: hashed(email.lower()))]
"""An e-mail address in an event: found by its hash, so that no tag tells it, in whatever letters it was written."""

Money = Annotated[Decimal, Scale(2)]
Price = Annotated[Decimal, Scale(2, ge=0, le=1_000_000)]
Quantity = Annotated[int, Bounds(ge=1, le=1000)]
Text = Annotated[str, Bounds(max_length=200, pattern=r"\S")]
Reason = Annotated[str, Bounds(max_length=500)]

Status = Literal["draft", "placed", "paid", "shipped", "delivered", "cancelled"]
Step = Literal["paid", "shipped", "delivered", "cancelled"]
"""A status that an order gets by `UpdateStatus`; a draft is placed by a command of its own."""
Payment = Literal["card", "invoice", "transfer"]
Segment = Literal["new", "regular", "loyal"]

ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")
_ZERO_CENTS: Final = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something goes, or who pays for it."""

    name: Text
    street: Text
    city: Text
    postcode: Annotated[str, Bounds(max_length=20, pattern=r"\S")]
    country: Annotated[str, Bounds(pattern=r"^[A-Z]{2}$", max_length=2)]


def average(total: Decimal, count: int) -> Decimal:
    """Return total / count in whole cents, halves rounded to the even one; 0 of nothing."""
    return (total / count).quantize(_CENT, ROUND_HALF_EVEN) if count else _ZERO_CENTS
