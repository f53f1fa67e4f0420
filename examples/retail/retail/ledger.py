"""The ledger: sums that were no sale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

import msgspec

from diptych import Command, DecisionModel, event
from retail.sales import Taken
from retail.values import AdjustmentNumber, Delta, GivenNumber, Money, NewTillId, Text, TillId


@dataclass(frozen=True, slots=True, kw_only=True)
class PostLedgerAdjustment(Command[str]):
    """Post a sum that was no sale, such as a bad debt; returns the number."""

    amount: Money
    reason: Text
    units: Delta = 0
    till: NewTillId | None = None
    number: GivenNumber | None = None
    posted_at: datetime | None = None


@event("ledger.adjusted")
class LedgerAdjusted(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A sum was posted; units are those of the paper it stands on, and no stock."""

    number: AdjustmentNumber
    day: date
    posted_at: datetime
    amount: Money
    units: int
    reason: str
    till: TillId | None = None


def take_number(_: Taken, event: LedgerAdjusted) -> Taken:  # noqa: ARG001 (that there is one is all)
    """Fold an adjustment."""
    return Taken(taken=True)


adjustment_numbers = DecisionModel(take_number, initial=Taken, tag="adjustment")
