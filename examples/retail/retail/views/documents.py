"""Every document by its number; a query counts them by day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from diptych import Indexed, Projection, change
from retail.ledger import LedgerAdjusted
from retail.returns import ReturnAccepted
from retail.sales import SaleCancelled, SaleCompleted
from retail.stock import StockAdjusted
from retail.values import ZERO, Money

Kind = Literal["sale", "return", "movement", "adjustment"]
_RANK: tuple[Kind, ...] = ("sale", "return", "movement", "adjustment")

papers = Projection("papers")


class Document(msgspec.Struct, frozen=True):
    """A document: units and total as they count, so that returns are negative and a cancelled sale is zero.

    One paper may hold a sale and movements; it is a sale then.
    """

    number: str
    kind: Kind
    day: Annotated[date, Indexed()]
    lines: int
    units: int
    total: Money
    cancelled: bool = False


documents = papers.read_model(Document, key="number", indexes=[("kind", "day")])


@documents.on(key="sale")
def sold(row: Document | None, event: SaleCompleted) -> Document:
    """File a sale."""
    return _filed(row, event.sale, "sale", event.day, event.lines, event.units, event.total)


@documents.on(key="sale")
def cancelled(row: Document, event: SaleCancelled) -> Document:
    """Mark a sale as undone."""
    return change(row, units=row.units - event.units, total=row.total - event.total, cancelled=True)


@documents.on
def returned(row: Document | None, event: ReturnAccepted) -> Document:
    """File a return."""
    return _filed(row, event.number, "return", event.day, event.lines, -event.units, -event.total)


@documents.on
def moved(row: Document | None, event: StockAdjusted) -> Document:
    """File a movement."""
    return _filed(row, event.number, "movement", event.day, 1, event.delta, ZERO)


@documents.on
def adjusted(row: Document | None, event: LedgerAdjusted) -> Document:
    """File an adjustment of the ledger."""
    return _filed(row, event.number, "adjustment", event.day, 1, event.units, event.amount)


def _filed(  # noqa: PLR0917 (a row, in the order of its columns)
    row: Document | None, number: str, kind: Kind, day: date, lines: int, units: int, total: Decimal
) -> Document:
    if row is None:
        return Document(number, kind, day, lines, units, total)
    return change(
        row,
        kind=min(row.kind, kind, key=_RANK.index),
        day=min(row.day, day),
        lines=row.lines + lines,
        units=row.units + units,
        total=row.total + total,
    )
