"""Every document by its number, and how many there are of each kind on each day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from diptych import Indexed, Meta, Projection, RowChange, change
from retail.ledger import LedgerAdjusted
from retail.returns import ReturnAccepted
from retail.sales import SaleCancelled, SaleCompleted
from retail.stock import StockAdjusted
from retail.values import ZERO, Money

Kind = Literal["sale", "return", "movement", "adjustment"]
_RANK: tuple[Kind, ...] = ("sale", "return", "movement", "adjustment")

papers = Projection("papers", version=2)


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
    by: str | None
    cancelled: bool = False


class DocumentDay(msgspec.Struct, frozen=True):
    """The documents of a kind on a day, with their units and their money; returns count negative."""

    day: date
    kind: Kind
    documents: int = 0
    units: int = 0
    total: Money = ZERO


documents = papers.read_model(Document, key="number")
document_days = papers.read_model(DocumentDay, key=("day", "kind"))


@documents.on(key="sale")
def sold(row: Document | None, event: SaleCompleted, meta: Meta) -> Document:
    """File a sale."""
    return _filed(row, event.sale, "sale", event.day, event.lines, event.units, event.total, meta)


@documents.on(key="sale")
def cancelled(row: Document, event: SaleCancelled) -> Document:
    """Mark a sale as undone."""
    return change(row, units=row.units - event.units, total=row.total - event.total, cancelled=True)


@documents.on
def returned(row: Document | None, event: ReturnAccepted, meta: Meta) -> Document:
    """File a return."""
    return _filed(row, event.number, "return", event.day, event.lines, -event.units, -event.total, meta)


@documents.on
def moved(row: Document | None, event: StockAdjusted, meta: Meta) -> Document:
    """File a movement."""
    return _filed(row, event.number, "movement", event.day, 1, event.delta, ZERO, meta)


@documents.on
def adjusted(row: Document | None, event: LedgerAdjusted, meta: Meta) -> Document:
    """File an adjustment of the ledger."""
    return _filed(row, event.number, "adjustment", event.day, 1, event.units, event.amount, meta)


@document_days.rollup(documents)
def counted(row: DocumentDay | None, change: RowChange[Document]) -> DocumentDay | None:
    """Take out what the document was and put in what it is; a day without documents of a kind has no row."""
    counts = row or _day_of(change)
    if change.before is not None:
        counts = _with(counts, change.before, -1)
    if change.after is not None:
        counts = _with(counts, change.after, 1)
    return counts if counts.documents else None


def _day_of(change: RowChange[Document]) -> DocumentDay:
    document = change.after or change.before
    assert document is not None  # noqa: S101 (a change has one of the two)
    return DocumentDay(document.day, document.kind)


def _with(row: DocumentDay, document: Document, sign: Literal[1, -1]) -> DocumentDay:
    return DocumentDay(
        row.day,
        row.kind,
        row.documents + sign,
        row.units + sign * document.units,
        row.total + sign * document.total,
    )


def _filed(  # noqa: PLR0917 (a row, in the order of its columns)
    row: Document | None, number: str, kind: Kind, day: date, lines: int, units: int, total: Decimal, meta: Meta
) -> Document:
    if row is None:
        return Document(number, kind, day, lines, units, total, meta.actor)
    return change(
        row,
        kind=min(row.kind, kind, key=_RANK.index),
        day=min(row.day, day),
        lines=row.lines + lines,
        units=row.units + units,
        total=row.total + total,
    )
