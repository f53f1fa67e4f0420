"""Stock: what changed it, and how much of a product there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import msgspec

from diptych import Command, DecisionModel, Refusal, event
from retail.values import Delta, GivenNumber, MovementNumber, NewProductCode, NewTillId, ProductCode, Text, TillId

Cause = Literal["opening", "sale", "cancellation", "return", "movement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustStock(Command[str]):
    """Write stock off, or enter what was found; the document is numbered by a till, or carries a given number."""

    product: NewProductCode
    delta: Delta
    reason: Text
    till: NewTillId | None = None
    number: GivenNumber | None = None
    moved_at: datetime | None = None


@event("stock.adjusted")
class StockAdjusted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A movement: stock changed for another reason than a sale or a return."""

    number: MovementNumber
    product: str
    delta: int
    reason: str
    moved_at: datetime
    day: date
    till: TillId | None = None


@event("inventory.adjusted")
class InventoryAdjusted(msgspec.Struct, frozen=True, gc=False):
    """One line of a document changed the stock of a product; whoever counts stock reads this and nothing else."""

    product: ProductCode
    delta: int
    cause: Cause
    document: str


@dataclass(frozen=True, slots=True)
class Level:
    """How many there are."""

    on_hand: int = 0


def count(level: Level, event: InventoryAdjusted) -> Level:
    """Fold a change of stock."""
    return Level(level.on_hand + event.delta)


levels = DecisionModel(count, initial=Level, tag="product")


class OutOfStock(Refusal):
    """More was asked for than there is."""


def take(level: Level, product: str, asked: int) -> None:
    """Refuse to take more than there is."""
    if asked > level.on_hand:
        raise OutOfStock(
            f"{level.on_hand} of {product} in stock, {asked} asked for",
            available=level.on_hand,
            asked=asked,
            product=product,
        )
