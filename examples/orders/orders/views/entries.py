"""Sales analytics: a row for every order placed and every placed order cancelled; rows are only ever added."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from diptych import Index, Indexed, Meta
from orders.events import OrderPlaced, StatusUpdated
from orders.values import Money
from orders.views.parties import sales
from orders.views.summaries import OrderSummary, summaries


class SalesEntry(msgspec.Struct, frozen=True):
    """An order that was placed, or one that was and is cancelled: then items and total are negative."""

    order: UUID
    customer: UUID
    kind: Literal["sale", "cancellation"]
    at: datetime
    day: Annotated[date, Indexed()]
    items: int
    total: Money


entries = sales.append_only(SalesEntry, indexes=[Index("-position", "-index")])


@entries.on(summary=summaries["order"])
def entered(event: OrderPlaced | StatusUpdated, summary: OrderSummary, meta: Meta) -> SalesEntry | None:
    """Enter what counts from now on, and what does so no longer."""
    at = meta.recorded_at
    match event:
        case OrderPlaced():
            return SalesEntry(event.order, event.customer, "sale", at, at.date(), event.items, event.total)
        case StatusUpdated(status="cancelled", before=before) if before != "draft":
            return SalesEntry(
                event.order, summary.customer, "cancellation", at, at.date(), -summary.items, -summary.total
            )
        case StatusUpdated():
            return None
