"""What may be asked about products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from diptych import CursorPage, Module, Page, Query, Rows, Specification
from retail.queries.paging import Cursor, Limit, Offset
from retail.values import Money
from retail.views import lists, search
from retail.views.drafts import ProductForEdit
from retail.views.lists import ProductListItem
from retail.views.products import ProductView, low_stock
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
    """Search products by words of description, code and department, the last of which may be cut short, best first.

    Without a text, all of them in the order of their descriptions.
    """

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
class ScrollProducts(Query[CursorPage[ProductListItem]]):
    """Ask for the same, page by page behind a cursor: what is created meanwhile moves no page."""

    department: str | None = None
    in_stock: bool = False
    limit: Limit = 50
    cursor: Cursor | None = None


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
    wanted = tuple(_searched(query))
    if query.text.strip():
        return await found.search(query.text, *wanted, limit=query.limit, offset=query.offset)
    return await found.find(*wanted, order=["description"], limit=query.limit, offset=query.offset)


def _searched(query: FindProducts) -> Iterator[Specification[ProductFound]]:
    if not query.discontinued:
        yield search.on_offer
    if query.department is not None:
        yield search.in_department.bind(department=query.department)
    if query.in_stock:
        yield search.available


@product_queries.query
async def list_products(query: ListProducts, items: Rows[ProductListItem]) -> Page[ProductListItem]:
    """Return the page of products."""
    return await items.find(_listed(query), order=["description"], limit=query.limit, offset=query.offset)


@product_queries.query
async def scroll_products(query: ScrollProducts, items: Rows[ProductListItem]) -> CursorPage[ProductListItem]:
    """Return the page behind the cursor."""
    return await items.scroll(_listed(query), order=["description"], limit=query.limit, cursor=query.cursor)


def _listed(query: ListProducts | ScrollProducts) -> Specification[ProductListItem]:
    wanted = lists.on_sale
    if query.department is not None:
        wanted &= lists.in_department.bind(department=query.department)
    return wanted & lists.in_stock if query.in_stock else wanted


@product_queries.query
async def list_low_stock(query: ListLowStock, products: Rows[ProductView]) -> Page[ProductView]:
    """Return the page of products below their minimum."""
    return await products.find(low_stock, order=["product"], limit=query.limit, offset=query.offset)


@product_queries.query
async def get_inventory(query: GetInventory, totals: Rows[StockTotals]) -> Inventory:  # noqa: ARG001 (has no fields)
    """Return the one row that all products are rolled up into."""
    row = await totals.get(SHOP) or StockTotals(SHOP)
    return Inventory(row.products, row.units, row.value, row.low_stock)
