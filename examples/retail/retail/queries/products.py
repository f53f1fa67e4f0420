"""What may be asked about products."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import sqlalchemy as sa

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.values import ZERO, Money
from retail.views.products import ProductListItem, ProductView
from retail.views.statistics import PriceChange, ProductSales

product_queries = Module("product_queries")


@dataclass(frozen=True, slots=True)
class GetProduct(Query[ProductView | None]):
    """Ask for a product by its code."""

    product: str


@dataclass(frozen=True, slots=True)
class ProductForEdit:
    """What a form that edits a product begins with."""

    product: str
    description: str
    price: Money
    cost: Money
    minimum_stock: int
    discontinued: bool


@dataclass(frozen=True, slots=True)
class GetProductForEdit(Query[ProductForEdit | None]):
    """Ask for what can be edited about a product; send the position of the answer along with the change."""

    product: str


@dataclass(frozen=True, slots=True)
class FindProducts(Query[Page[ProductListItem]]):
    """Search products by a part of code or description; all of them by default, in the order of their descriptions."""

    text: str = ""
    in_stock: bool = False
    discontinued: bool = False
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListLowStock(Query[Page[ProductView]]):
    """Ask which products are below their minimum."""

    limit: Limit = 50
    offset: Offset = 0


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


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is on the shelves; the value is what it cost."""

    products: int
    units: int
    value: Money
    low_stock: int


@dataclass(frozen=True, slots=True)
class GetInventory(Query[Inventory]):
    """Ask what is on the shelves."""


@product_queries.query
async def get_product(query: GetProduct, products: Rows[ProductView]) -> ProductView | None:
    """Return the product of that code."""
    return await products.get(query.product)


@product_queries.query
async def get_product_for_edit(query: GetProductForEdit, products: Rows[ProductView]) -> ProductForEdit | None:
    """Return what can be edited about the product of that code."""
    row = await products.get(query.product)
    if row is None:
        return None
    return ProductForEdit(row.product, row.description, row.price, row.cost, row.minimum_stock, row.discontinued)


@product_queries.query
async def find_products(query: FindProducts, items: Rows[ProductListItem]) -> Page[ProductListItem]:
    """Return the page of products that match."""
    column = items.table.c
    where = []
    if query.text:
        part = {"other": query.text, "autoescape": True}
        where.append(sa.or_(column.description.icontains(**part), column.product.icontains(**part)))
    if query.in_stock:
        where.append(column.in_stock > 0)
    if not query.discontinued:
        where.append(column.discontinued.is_(False))
    return await items.find(*where, order=["description", "product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def list_low_stock(query: ListLowStock, products: Rows[ProductView]) -> Page[ProductView]:
    """Return the page of products below their minimum."""
    return await products.find(is_low_stock=True, order=["product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def get_product_sales(query: GetProductSales, sold: Rows[ProductSales]) -> ProductSales | None:
    """Return the figures of the product of that code."""
    return await sold.get(query.product)


@product_queries.query
async def list_best_sellers(query: ListBestSellers, sold: Rows[ProductSales]) -> Page[ProductSales]:
    """Return products, the best one first."""
    return await sold.find(order=[f"-{query.by}", "product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def list_prices(query: ListPrices, prices: Rows[PriceChange]) -> Page[PriceChange]:
    """Return the prices of the product of that code."""
    return await prices.find(product=query.product, order=["-position"], limit=query.limit, offset=query.offset)


@product_queries.query
async def get_inventory(query: GetInventory, products: Rows[ProductView]) -> Inventory:  # noqa: ARG001 (has no fields)
    """Return counts and sums over all products."""
    column = products.table.c
    low = sa.func.count(sa.case((column.is_low_stock.is_(True), 1)))
    sums = sa.select(sa.func.count(), sa.func.sum(column.in_stock), sa.func.sum(column.stock_value), low)
    [(count, units, value, low_stock)] = await products.select(sums.select_from(products.table))
    worth: Decimal = value or ZERO
    return Inventory(count, units or 0, worth, low_stock)
