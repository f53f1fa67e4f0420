"""The words that every part of the shop shares: money, codes, numbers, days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Annotated, Literal

from diptych import Bounds, Scale, Tag

Money = Annotated[Decimal, Scale(4)]
Price = Annotated[Decimal, Scale(4, ge=0)]

ProductCode = Annotated[str, Tag("product")]
DepartmentCode = Annotated[str, Tag("department")]
UnitCode = Annotated[str, Tag("unit")]
CustomerId = Annotated[str, Tag("customer")]
SaleNumber = Annotated[str, Tag("sale")]
ReturnNumber = Annotated[str, Tag("return")]
MovementNumber = Annotated[str, Tag("movement")]
AdjustmentNumber = Annotated[str, Tag("adjustment")]
TillId = Annotated[str, Tag("till")]

_NAMED = Bounds(max_length=64, pattern=r"\S")
NewProductCode = Annotated[str, Tag("product"), _NAMED]
"""A product code as commands give it, never blank."""
NewDepartmentCode = Annotated[str, Tag("department"), _NAMED]
NewUnitCode = Annotated[str, Tag("unit"), _NAMED]
NewCustomerId = Annotated[str, Tag("customer"), _NAMED]
NewTillId = Annotated[str, Tag("till"), Bounds(pattern=r"^[A-Z][A-Z0-9]{0,15}$")]
GivenNumber = Annotated[str, Bounds(pattern=r"^[A-Za-z0-9]{1,32}$")]
"""A document's number that comes with an import; without a hyphen, so that no till ever makes it."""

Text = Annotated[str, Bounds(max_length=500, pattern=r"\S")]
Count = Annotated[int, Bounds(gt=0, le=1_000_000_000)]
Delta = Annotated[int, Bounds(ge=-1_000_000_000, le=1_000_000_000)]
Payment = Literal["cash", "credit"]


@dataclass(frozen=True, slots=True)
class Opened:
    """Whether there is a department or a unit of some code; all that a product must know of it."""

    opened: bool = False


ZERO = Decimal(0)
_HUNDREDTH_OF_A_CENT = Decimal("0.0001")


def average(total: Decimal, count: int) -> Decimal:
    """Return total / count with four decimal places, halves rounded to the even digit; 0 of nothing."""
    return (total / count).quantize(_HUNDREDTH_OF_A_CENT, ROUND_HALF_EVEN) if count else ZERO


def earlier(known: datetime | None, other: datetime) -> datetime:
    """Return the earlier of two moments, the first of which may be unknown."""
    return other if known is None or other < known else known


def later(known: datetime | None, other: datetime) -> datetime:
    """Return the later of two moments, the first of which may be unknown."""
    return other if known is None or other > known else known
