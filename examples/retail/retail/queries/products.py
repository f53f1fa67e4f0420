"""What may be asked about products."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.values import Money
from retail.views.drafts import ProductForEdit
from retail.views.lists import ProductListItem
from retail.views.products import ProductView
from retail.views.search import ProductFound
from retail.views.stock import SHOP, StockTotals

product_queries = Module("product_queries")


@dataclass(frozen=True, slots=True)
class GetProduct(Query[ProductView | None]):
    """Ask for a product by its code."""

    product: str


@dataclass(frozen=True, slots=True)
class GetProductForEdit(Query[ProductForEdit | None]):
    """Ask for what can be edited about a product; send the position of the answer along with the change."""

    product: str


@dataclass(frozen=True, slots=True)
class FindProducts(Query[Page[ProductFound]]):
    """Search products by words of description, code or department; all of them by default, ordered by description."""

    text: str = ""
    department: str | None = None
    in_stock: bool = False
    discontinued: bool = False
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListProducts(Query[Page[ProductListItem]]):
    """Ask for the products that are sold, of one department or of all, in the order of their descriptions."""

    department: str | None = None
    in_stock: bool = False
    limit: Limit = 50
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListLowStock(Query[Page[ProductView]]):
    """Ask which products are below their minimum."""

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
async def get_product_for_edit(query: GetProductForEdit, drafts: Rows[ProductForEdit]) -> ProductForEdit | None:
    """Return what can be edited about the product of that code."""
    return await drafts.get(query.product)


@product_queries.query
async def find_products(query: FindProducts, found: Rows[ProductFound]) -> Page[ProductFound]:
    """Return the page of products that match."""
    column = found.table.c
    where: list[sa.ColumnElement[bool]] = []
    if query.text:
        part = {"other": query.text, "autoescape": True}
        where.append(sa.or_(column.description.icontains(**part), column.product.icontains(**part)))
    if query.department is not None:
        where.append(column.department == query.department)
    if query.in_stock:
        where.append(column.available.is_(True))
    if not query.discontinued:
        where.append(column.discontinued.is_(False))
    return await found.find(*where, order=["description", "product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def list_products(query: ListProducts, items: Rows[ProductListItem]) -> Page[ProductListItem]:
    """Return the page of products."""
    column = items.table.c
    where: list[sa.ColumnElement[bool]] = [column.discontinued.is_(False)]
    if query.department is not None:
        where.append(column.department == query.department)
    if query.in_stock:
        where.append(column.in_stock > 0)
    return await items.find(*where, order=["description", "product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def list_low_stock(query: ListLowStock, products: Rows[ProductView]) -> Page[ProductView]:
    """Return the page of products below their minimum."""
    return await products.find(is_low_stock=True, order=["product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def get_inventory(query: GetInventory, totals: Rows[StockTotals]) -> Inventory:  # noqa: ARG001 (has no fields)
    """Return the one row that all products are rolled up into."""
    row = await totals.get(SHOP) or StockTotals(SHOP)
    return Inventory(row.products, row.units, row.value, row.low_stock)
