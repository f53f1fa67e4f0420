"""Aggregate views: computed by SQL as a whole, and made anew when somebody asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from diptych import Module, OnDemand, Page, Query, Rows
from orders.queries.paging import Limit, Offset
from orders.values import Money, Segment
from orders.views.customers import CustomerAnalytics
from orders.views.products import OrderedProduct

aggregate_queries = Module("aggregate_queries")


class CategorySales(msgspec.Struct, frozen=True):
    """What was sold of a category, as of the last refresh."""

    category: str
    orders: int
    units: int
    revenue: Money


class SegmentTotals(msgspec.Struct, frozen=True):
    """The customers of a segment and what they spent, as of the last refresh."""

    segment: Segment
    customers: int
    spent: Money


@dataclass(frozen=True, slots=True)
class ListCategorySales(Query[Page[CategorySales]]):
    """Ask what was sold by category, the best one first."""

    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListSegments(Query[Page[SegmentTotals]]):
    """Ask for the segments of customers."""

    limit: Limit = 50
    offset: Offset = 0


@aggregate_queries.materialised(CategorySales, key="category", refresh=OnDemand())
def category_sales(ordered: Rows[OrderedProduct]) -> sa.Select[Any]:
    """Add up what counts, by category."""
    item = ordered.table.c
    return (
        sa.select(
            item.category,
            sa.func.count(sa.distinct(item.order)).label("orders"),
            sa.func.sum(item.units).label("units"),
            sa.func.sum(item.amount).label("revenue"),
        )
        .where(item.counts)
        .group_by(item.category)
    )


@aggregate_queries.materialised(SegmentTotals, key="segment", refresh=OnDemand())
def segment_totals(analytics: Rows[CustomerAnalytics]) -> sa.Select[Any]:
    """Add up customers by segment."""
    customer = analytics.table.c
    return sa.select(
        customer.segment, sa.func.count().label("customers"), sa.func.sum(customer.spent).label("spent")
    ).group_by(customer.segment)


@aggregate_queries.query
async def list_category_sales(query: ListCategorySales, categories: Rows[CategorySales]) -> Page[CategorySales]:
    """Return the page of categories."""
    return await categories.find(order=("-revenue", "category"), limit=query.limit, offset=query.offset)


@aggregate_queries.query
async def list_segments(query: ListSegments, segments: Rows[SegmentTotals]) -> Page[SegmentTotals]:
    """Return the page of segments."""
    return await segments.find(order=("segment",), limit=query.limit, offset=query.offset)
