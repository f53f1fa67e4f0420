"""What may be asked about products and what is sold of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated
from uuid import UUID

import sqlalchemy as sa

from diptych import Bounds, Cached, Context, Module, Page, Query, Rows, fields, parameter
from orders.queries.paging import Limit, Offset
from orders.values import Money, Text
from orders.views.entries import SalesEntry
from orders.views.parties import ProductView
from orders.views.products import ProductDay

product_queries = Module("product_queries")
_POPULAR_SECONDS = 300

_its = fields(ProductDay)
_since = _its.day >= parameter("first")
_until = _its.day <= parameter("last")


@dataclass(frozen=True, slots=True)
class GetProduct(Query[ProductView | None]):
    """Ask for a product by id."""

    product: UUID


@dataclass(frozen=True, slots=True)
class FindProducts(Query[Page[ProductView]]):
    """Search products by the words of name and category, or list those of a category, by name."""

    text: Text | None = None
    category: Text | None = None
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListProductSales(Query[Page[ProductDay]]):
    """Ask what was sold by product and day, the newest day first; both ends of the range are included."""

    product: UUID | None = None
    first: date | None = None
    last: date | None = None
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class PopularProduct:
    """What was sold of a product over some days."""

    product: UUID
    name: str
    category: str
    units: int
    revenue: Money


@dataclass(frozen=True, slots=True)
class ListPopularProducts(Query[tuple[PopularProduct, ...]]):
    """Ask what sold best over the last days, today included; answers may be five minutes old."""

    days: Annotated[int, Bounds(ge=1, le=3650)] = 30
    limit: Limit = 10


@dataclass(frozen=True, slots=True)
class ListSalesEntries(Query[Page[SalesEntry]]):
    """Ask for the entries of sales analytics, the newest first."""

    limit: Limit = 50
    offset: Offset = 0


@product_queries.query
async def get_product(query: GetProduct, products: Rows[ProductView]) -> ProductView | None:
    """Return the product of that id."""
    return await products.get(query.product)


@product_queries.query
async def find_products(query: FindProducts, products: Rows[ProductView]) -> Page[ProductView]:
    """Return the page of products that match."""
    equals = {} if query.category is None else {"category": query.category}
    if query.text is None:
        return await products.find(order=("name",), limit=query.limit, offset=query.offset, **equals)
    return await products.search(query.text, limit=query.limit, offset=query.offset, **equals)


@product_queries.query
async def list_product_sales(query: ListProductSales, days: Rows[ProductDay]) -> Page[ProductDay]:
    """Return the page of product days that match."""
    equals = {} if query.product is None else {"product": query.product}
    where = [
        *([] if query.first is None else [_since.bind(first=query.first)]),
        *([] if query.last is None else [_until.bind(last=query.last)]),
    ]
    return await days.find(*where, order=("-day", "product"), limit=query.limit, offset=query.offset, **equals)


@product_queries.query(cache=Cached(ttl=_POPULAR_SECONDS, vary=lambda context: context.now.date().isoformat()))
async def list_popular_products(
    query: ListPopularProducts, days: Rows[ProductDay], context: Context
) -> tuple[PopularProduct, ...]:
    """Return the products of which most units were sold."""
    row, first = days.table.c, context.now.date() - timedelta(days=query.days - 1)
    units, revenue = sa.func.sum(row.units).label("units"), sa.func.sum(row.revenue).label("revenue")
    best = (
        sa.select(row.product, row.name, row.category, units, revenue)
        .where(row.day >= first)
        .group_by(row.name, row.category, row.product)  # not in the order of the key: SQLite would read all of it
        .order_by(units.desc(), row.product)
        .limit(query.limit)
    )
    return tuple(PopularProduct(*found) for found in await days.select(best))


@product_queries.query
async def list_sales_entries(query: ListSalesEntries, entries: Rows[SalesEntry]) -> Page[SalesEntry]:
    """Return the page of entries."""
    return await entries.find(order=("-position", "-index"), limit=query.limit, offset=query.offset)
