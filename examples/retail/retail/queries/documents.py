"""What may be asked about documents."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from diptych import Module, Query, Rows
from retail.views.documents import Document, DocumentDay

document_queries = Module("document_queries")
_ALL = 1_000_000


@dataclass(frozen=True, slots=True)
class GetDocument(Query[Document | None]):
    """Ask for a document by its number."""

    number: str


@dataclass(frozen=True, slots=True)
class CountDocuments(Query[tuple[DocumentDay, ...]]):
    """Ask for the documents of every day and kind in a range of days, both ends included, of all time by default."""

    first: date | None = None
    last: date | None = None


@document_queries.query
async def get_document(query: GetDocument, documents: Rows[Document]) -> Document | None:
    """Return the document of that number."""
    return await documents.get(query.number)


@document_queries.query
async def count_documents(query: CountDocuments, days: Rows[DocumentDay]) -> tuple[DocumentDay, ...]:
    """Return the counts in the order of days and kinds."""
    day = days.table.c.day
    where = []
    if query.first is not None:
        where.append(day >= query.first)
    if query.last is not None:
        where.append(day <= query.last)
    return (await days.find(*where, order=["day", "kind"], limit=_ALL)).items
