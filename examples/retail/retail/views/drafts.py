"""Products as a form that edits them begins with: stock is none of it, so that no sale disturbs an edit."""

from __future__ import annotations

import msgspec

from diptych import change
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.values import Money
from retail.views.departments import assortment


class ProductForEdit(msgspec.Struct, frozen=True):
    """What a form that edits a product begins with."""

    product: str
    description: str
    department: str | None
    unit: str | None
    price: Money
    cost: Money
    minimum_stock: int
    discontinued: bool = False


drafts = assortment.read_model(ProductForEdit, key="product")


@drafts.on
def created(_: ProductForEdit | None, event: ProductCreated) -> ProductForEdit:
    """Begin with the product as it was created."""
    return ProductForEdit(
        event.product,
        event.description,
        event.department,
        event.unit,
        event.price,
        event.cost,
        event.minimum_stock,
    )


@drafts.on
def edited(
    row: ProductForEdit, event: ProductPriced | ProductDescribed | ProductMoved | ProductDiscontinued
) -> ProductForEdit:
    """Begin with what was edited last."""
    match event:
        case ProductPriced():
            return change(row, price=event.price)
        case ProductDescribed():
            return change(row, description=event.description)
        case ProductMoved():
            return change(row, department=event.department)
        case ProductDiscontinued():
            return change(row, discontinued=True)
