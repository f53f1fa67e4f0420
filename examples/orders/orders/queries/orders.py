"""What may be asked about orders. Customers see their own, the staff sees all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from diptych import Context, CursorPage, Module, Page, Query, Rows, Specification
from orders.commands import Model
from orders.queries.paging import Cursor, Limit, Offset
from orders.settings import OrderSettings
from orders.values import Money, Status
from orders.views.details import OrderDetail
from orders.views.summaries import OrderSummary, at_least, at_most, before, of_customer, of_status, since

order_queries = Module("order_queries")
_NEWEST = ("-created", "order")
Sorting = Literal["created", "-created", "total", "-total", "customer_name", "-customer_name"]
_SORTS: Final[Mapping[Sorting, tuple[str, str]]] = {
    "created": ("created", "-order"),
    "-created": _NEWEST,
    "total": ("total", "order"),
    "-total": ("-total", "-order"),
    "customer_name": ("customer_name", "order"),
    "-customer_name": ("-customer_name", "-order"),
}
"""Orders that are equal come by id, so that an index read from one end or the other has every sorting."""


@dataclass(frozen=True, slots=True)
class GetOrder(Query[OrderDetail | None]):
    """Ask for an order with items, addresses and status history."""

    order: UUID


@dataclass(frozen=True, slots=True)
class ListOrders(Query[Page[OrderSummary]]):
    """Ask for the orders of a customer, the newest first."""

    customer: UUID
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ScrollOrders(Query[CursorPage[OrderSummary]]):
    """Ask for the same behind a cursor: orders that are made meanwhile move no page."""

    customer: UUID
    limit: Limit = 50
    cursor: Cursor | None = None


class SearchOrders(Model, Query[Page[OrderSummary]]):
    """Search orders, page by page; what is not said does not matter, both ends of the range of days (UTC) included."""

    customer: UUID | None = None
    status: Status | None = None
    minimum: Money | None = None
    maximum: Money | None = None
    first: date | None = None
    last: date | None = None
    sort: Sorting = "-created"
    page: Annotated[int, Field(ge=1, le=100_000)] = 1
    size: Annotated[int, Field(ge=1, le=200)] = 20


@order_queries.query
async def get_order(
    query: GetOrder, orders: Rows[OrderDetail], context: Context, settings: OrderSettings
) -> OrderDetail | None:
    """Return the order of that id, if there is one and the principal may see it."""
    found = await orders.get(query.order)
    return found if found is not None and settings.may_see(context.principal, found.customer) else None


@order_queries.query
async def list_orders(query: ListOrders, orders: Rows[OrderSummary]) -> Page[OrderSummary]:
    """Return the page of that customer's orders."""
    return await orders.find(
        of_customer.bind(customer=query.customer), order=_NEWEST, limit=query.limit, offset=query.offset
    )


@order_queries.query
async def scroll_orders(query: ScrollOrders, orders: Rows[OrderSummary]) -> CursorPage[OrderSummary]:
    """Return the page of that customer's orders behind the cursor."""
    mine = of_customer.bind(customer=query.customer)
    return await orders.scroll(mine, order=_NEWEST, limit=query.limit, cursor=query.cursor)


@order_queries.query
async def search_orders(query: SearchOrders, orders: Rows[OrderSummary]) -> Page[OrderSummary]:
    """Return the page of orders that match."""
    offset = (query.page - 1) * query.size
    return await orders.find(*_wanted(query), order=_SORTS[query.sort], limit=query.size, offset=offset)


def _wanted(query: SearchOrders) -> Iterator[Specification[OrderSummary]]:
    if query.customer is not None:
        yield of_customer.bind(customer=query.customer)
    if query.status is not None:
        yield of_status.bind(status=query.status)
    if query.minimum is not None:
        yield at_least.bind(minimum=query.minimum)
    if query.maximum is not None:
        yield at_most.bind(maximum=query.maximum)
    if query.first is not None:
        yield since.bind(first=_start_of(query.first))
    if query.last is not None and query.last < date.max:
        yield before.bind(end=_start_of(query.last + timedelta(days=1)))


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
