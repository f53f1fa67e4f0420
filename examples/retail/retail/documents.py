"""Documents: their human numbers, given by an import or made of a till's id and its counter.

There is no counter for the whole shop: it would make every sale wait for every other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from diptych import DecisionModel, FieldErrors, Refusal
from retail.ledger import LedgerAdjusted
from retail.returns import ReturnAccepted
from retail.sales import SaleStarted, Taken
from retail.stock import StockAdjusted


class Numbered(Protocol):
    """A command that makes a document."""

    @property
    def till(self) -> str | None:
        """Return the till that numbers it, or None."""

    @property
    def number(self) -> str | None:
        """Return the number that it was given, or None."""


@dataclass(frozen=True, slots=True)
class Till:
    """A till and how many documents it has numbered."""

    count: int = 0


def count_document(
    till: Till,
    event: SaleStarted | ReturnAccepted | StockAdjusted | LedgerAdjusted,  # noqa: ARG001 (its type says what counts)
) -> Till:
    """Count a document of the till."""
    return Till(till.count + 1)


tills = DecisionModel(count_document, initial=Till, tag="till")


class NumberTaken(Refusal):
    """There is a document of this number already."""


def till_of(command: Numbered) -> Iterable[str]:
    """Return the till whose counter the command needs, if any."""
    return () if command.till is None else (command.till,)


def number_of(command: Numbered) -> Iterable[str]:
    """Return the number that the command brings, if any."""
    return () if command.number is None else (command.number,)


def next_number(command: Numbered, till: Mapping[str, Till], numbers: Mapping[str, Taken] | None = None) -> str:
    """Return the document's number: the one given if it is free, else the till's next."""
    if (command.till is None) == (command.number is None):
        raise FieldErrors({"till": "expected either a till, which numbers the document, or a number"})
    if command.till is not None:
        return f"{command.till}-{till[command.till].count + 1:06d}"
    number = command.number or ""
    if numbers is not None and numbers[number].taken:
        raise NumberTaken(f"there is a document {number} already", number=number)
    return number


def moment(given: datetime | None, now: datetime) -> datetime:
    """Return when it happened: as given, else now."""
    return now if given is None else given
