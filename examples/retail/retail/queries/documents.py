"""What may be asked about documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from diptych import Module, Query, Rows
from retail.values import Money
from retail.views.documents import Document, Kind

document_queries = Module("document_queries")


@dataclass(frozen=True, slots=True)
class GetDocument(Query[Document | None]):
    """Ask for a document by its number."""

    number: str


@dataclass(frozen=True, slots=True)
class Count:
    """How many documents of a kind a day has, with their units and their money; returns count negative."""

    day: date
    kind: Kind
    documents: int
    units: int
    total: Money


@dataclass(frozen=True, slots=True)
class CountDocuments(Query[tuple[Count, ...]]):
    """Ask for the documents of every day and kind in a range of days, both ends included, of all time by default."""

    first: date | None = None
    last: date | None = None


@document_queries.query
async def get_document(query: GetDocument, documents: Rows[Document]) -> Document | None:
    """Return the document of that number."""
    return await documents.get(query.number)


@document_queries.query
async def count_documents(query: CountDocuments, documents: Rows[Document]) -> tuple[Count, ...]:
    """Return the counts in the order of days."""
    column = documents.table.c
    groups = (column.day, column.kind)
    sums = sa.select(*groups, sa.func.count(), sa.func.sum(column.units), sa.func.sum(column.total))
    if query.first is not None:
        sums = sums.where(column.day >= query.first)
    if query.last is not None:
        sums = sums.where(column.day <= query.last)
    found = await documents.select(sums.group_by(*groups).order_by(*groups))
    return tuple(Count(*row) for row in found)
