"""What may be asked about how products sell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from diptych import Cached, Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.views.prices import PriceChange
from retail.views.statistics import ProductSales

statistics_queries = Module("statistics_queries")


@dataclass(frozen=True, slots=True)
class GetProductSales(Query[ProductSales | None]):
    """Ask how much of a product was sold and came back."""

    product: str


@dataclass(frozen=True, slots=True)
class ListBestSellers(Query[Page[ProductSales]]):
    """Ask what sells best, by net revenue or by net units."""

    by: Literal["net_revenue", "net_units"] = "net_revenue"
    limit: Limit = 10
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListPrices(Query[Page[PriceChange]]):
    """Ask for every price that a product had, the last one first."""

    product: str
    limit: Limit = 50
    offset: Offset = 0


@statistics_queries.query
async def get_product_sales(query: GetProductSales, sold: Rows[ProductSales]) -> ProductSales | None:
    """Return the figures of the product of that code."""
    return await sold.get(query.product)


@statistics_queries.query(cache=Cached(until_change=True))
async def list_best_sellers(query: ListBestSellers, sold: Rows[ProductSales]) -> Page[ProductSales]:
    """Return products, the best one first."""
    return await sold.find(order=[f"-{query.by}", "product"], limit=query.limit, offset=query.offset)


@statistics_queries.query
async def list_prices(query: ListPrices, prices: Rows[PriceChange]) -> Page[PriceChange]:
    """Return the prices of the product of that code."""
    order = ["-position", "-index"]
    return await prices.find(product=query.product, order=order, limit=query.limit, offset=query.offset)
