"""Products as a search finds them."""

from __future__ import annotations

from typing import Annotated

import msgspec

from diptych import FullText, Index, change, fields, parameter
from retail.departments import DepartmentRenamed
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.stock import InventoryAdjusted
from retail.values import Money
from retail.views.departments import DepartmentView, assortment, departments
from retail.views.lists import ProductListItem, items


class ProductFound(msgspec.Struct, frozen=True):
    """A product as a search finds it: by words of its description, its code or its department."""

    product: Annotated[str, FullText(weight=2)]
    description: Annotated[str, FullText(weight=3)]
    department: str | None
    department_name: Annotated[str | None, FullText()]
    price: Money
    available: bool = False
    discontinued: bool = False


_its = fields(ProductFound)
on_offer = _its.discontinued == False  # noqa: E712 (a specification)
available = _its.available == True  # noqa: E712 (a specification)
in_department = _its.department == parameter("department")

found = assortment.read_model(
    ProductFound,
    key="product",
    indexes=[
        ("description", "product"),
        Index("description", "product", where=on_offer, covering="discontinued"),
        Index("description", "product", where=on_offer & available, covering=("discontinued", "available")),
        Index(
            "department",
            "description",
            "product",
            where=on_offer,
            covering=("discontinued", "department_name", "price", "available"),
        ),
    ],
)


@found.on(department=departments["department"])
def created(_: ProductFound | None, event: ProductCreated, department: DepartmentView | None) -> ProductFound:
    """Find a new product."""
    name = None if department is None else department.name
    return ProductFound(event.product, event.description, event.department, name, event.price)


@found.on
def changed(row: ProductFound, event: ProductPriced | ProductDescribed | ProductDiscontinued) -> ProductFound:
    """Find a product as it is now."""
    match event:
        case ProductPriced():
            return change(row, price=event.price)
        case ProductDescribed():
            return change(row, description=event.description)
        case ProductDiscontinued():
            return change(row, discontinued=True)


@found.on(department=departments["department"])
def moved(row: ProductFound, event: ProductMoved, department: DepartmentView) -> ProductFound:
    """Find the product in its new department."""
    return change(row, department=event.department, department_name=department.name)


@found.on(item=items["product"])
def restocked(row: ProductFound, event: InventoryAdjusted, item: ProductListItem) -> ProductFound:  # noqa: ARG001 (keyed)
    """Say whether there are any now; most changes of stock change nothing here, and so cost no row."""
    any_left = item.in_stock > 0
    return row if any_left is row.available else change(row, available=any_left)


@found.where(department="department").on
def department_renamed(row: ProductFound, event: DepartmentRenamed) -> ProductFound:
    """Find the product by the new name of its department."""
    return change(row, department_name=event.name)
