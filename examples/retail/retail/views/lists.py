"""Products in a list: no more than the list shows, so that its pages are small and its rows change seldom."""

from __future__ import annotations

import msgspec

from diptych import Index, change, fields, parameter
from retail.departments import DepartmentRenamed
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.stock import InventoryAdjusted
from retail.values import Money
from retail.views.departments import DepartmentView, assortment, departments


class ProductListItem(msgspec.Struct, frozen=True):
    """A product as a list shows it."""

    product: str
    description: str
    department: str | None
    department_name: str | None
    price: Money
    in_stock: int = 0
    discontinued: bool = False


_its = fields(ProductListItem)
on_sale = _its.discontinued == False  # noqa: E712 (a specification)
in_stock = _its.in_stock > 0
in_department = _its.department == parameter("department")

items = assortment.read_model(
    ProductListItem,
    key="product",
    indexes=[
        Index("description", "product", where=on_sale, covering="discontinued"),
        Index("department", "description", "product", where=on_sale, covering="discontinued"),
    ],
)


@items.on(department=departments["department"])
def listed(_: ProductListItem | None, event: ProductCreated, department: DepartmentView | None) -> ProductListItem:
    """List a new product."""
    name = None if department is None else department.name
    return ProductListItem(event.product, event.description, event.department, name, event.price)


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


@items.on(department=departments["department"])
def moved(row: ProductListItem, event: ProductMoved, department: DepartmentView) -> ProductListItem:
    """List the product in its new department."""
    return change(row, department=event.department, department_name=department.name)


@items.on
def restocked(row: ProductListItem, event: InventoryAdjusted) -> ProductListItem:
    """List the new stock."""
    return change(row, in_stock=row.in_stock + event.delta)


@items.where(department="department").on
def department_renamed(row: ProductListItem, event: DepartmentRenamed) -> ProductListItem:
    """List the new name of the department."""
    return change(row, department_name=event.name)
