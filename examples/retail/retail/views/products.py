"""Products as shown: the full product, and the item of a list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from diptych import Indexed, Meta, Projection, change, computed
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductPriced
from retail.stock import InventoryAdjusted
from retail.values import Money

assortment = Projection("assortment")


class ProductView(msgspec.Struct, frozen=True):
    """A product with all that is known of it."""

    product: str
    description: str
    price: Money
    cost: Money
    minimum_stock: int
    in_stock: int
    discontinued: bool
    created: datetime
    created_by: str | None
    updated: datetime
    updated_by: str | None

    @computed
    def is_low_stock(self) -> Annotated[bool, Indexed()]:
        """Say whether there are fewer than the minimum of a product that is still sold."""
        return self.in_stock < self.minimum_stock and not self.discontinued

    @computed
    def stock_value(self) -> Money:
        """Return what the stock cost."""
        return self.in_stock * self.cost


class ProductListItem(msgspec.Struct, frozen=True):
    """A product as a list shows it."""

    product: str
    description: Annotated[str, Indexed()]
    price: Money
    in_stock: Annotated[int, Indexed()]
    discontinued: bool = False


products = assortment.read_model(ProductView, key="product")
items = assortment.read_model(ProductListItem, key="product")


@products.on
def created(_: ProductView | None, event: ProductCreated, meta: Meta) -> ProductView:
    """Show a new product."""
    return ProductView(
        product=event.product,
        description=event.description,
        price=event.price,
        cost=event.cost,
        minimum_stock=event.minimum_stock,
        in_stock=0,
        discontinued=False,
        created=meta.recorded_at,
        created_by=meta.actor,
        updated=meta.recorded_at,
        updated_by=meta.actor,
    )


@products.on
def priced(row: ProductView, event: ProductPriced, meta: Meta) -> ProductView:
    """Show the new price."""
    return change(row, price=event.price, updated=meta.recorded_at, updated_by=meta.actor)


@products.on
def described(row: ProductView, event: ProductDescribed, meta: Meta) -> ProductView:
    """Show the new description."""
    return change(row, description=event.description, updated=meta.recorded_at, updated_by=meta.actor)


@products.on
def discontinued(row: ProductView, event: ProductDiscontinued, meta: Meta) -> ProductView:  # noqa: ARG001 (keyed by it)
    """Show that the product is sold no longer."""
    return change(row, discontinued=True, updated=meta.recorded_at, updated_by=meta.actor)


@products.on
def counted(row: ProductView, event: InventoryAdjusted, meta: Meta) -> ProductView:
    """Show the new stock."""
    return change(row, in_stock=row.in_stock + event.delta, updated=meta.recorded_at, updated_by=meta.actor)


@items.on
def listed(_: ProductListItem | None, event: ProductCreated) -> ProductListItem:
    """List a new product."""
    return ProductListItem(event.product, event.description, event.price, 0)


@items.on
def relisted(row: ProductListItem, event: ProductPriced | ProductDescribed | ProductDiscontinued) -> ProductListItem:
    """List what changed about a product."""
    match event:
        case ProductPriced():
            return change(row, price=event.price)
        case ProductDescribed():
            return change(row, description=event.description)
        case ProductDiscontinued():
            return change(row, discontinued=True)


@items.on
def restocked(row: ProductListItem, event: InventoryAdjusted) -> ProductListItem:
    """List the new stock."""
    return change(row, in_stock=row.in_stock + event.delta)
