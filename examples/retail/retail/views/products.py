"""Products with all that is known of them."""

from __future__ import annotations

from datetime import datetime

import msgspec

from diptych import Index, Meta, change, computed, fields
from retail.departments import DepartmentRenamed
from retail.products import ProductCreated, ProductDescribed, ProductDiscontinued, ProductMoved, ProductPriced
from retail.stock import InventoryAdjusted
from retail.units import UnitRenamed
from retail.values import Money
from retail.views.departments import DepartmentView, UnitView, assortment, departments, units


class ProductView(msgspec.Struct, frozen=True):
    """A product with all that is known of it."""

    product: str
    description: str
    department: str | None
    department_name: str | None
    unit: str | None
    unit_name: str | None
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
    def is_low_stock(self) -> bool:
        """Say whether there are fewer than the minimum of a product that is still sold."""
        return self.in_stock < self.minimum_stock and not self.discontinued

    @computed
    def stock_value(self) -> Money:
        """Return what the stock cost."""
        return self.in_stock * self.cost


low_stock = fields(ProductView).is_low_stock == True  # noqa: E712 (a specification)

products = assortment.read_model(
    ProductView, key="product", history=True, indexes=[Index("product", where=low_stock, covering="is_low_stock")]
)


@products.on(department=departments["department"], unit=units["unit"])
def created(
    _: ProductView | None,
    event: ProductCreated,
    department: DepartmentView | None,
    unit: UnitView | None,
    meta: Meta,
) -> ProductView:
    """Show a new product, with the names that its department and its unit have right now."""
    return ProductView(
        product=event.product,
        description=event.description,
        department=event.department,
        department_name=None if department is None else department.name,
        unit=event.unit,
        unit_name=None if unit is None else unit.name,
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


@products.on(department=departments["department"])
def moved(row: ProductView, event: ProductMoved, department: DepartmentView, meta: Meta) -> ProductView:
    """Show the new department and its name."""
    return change(
        row,
        department=event.department,
        department_name=department.name,
        updated=meta.recorded_at,
        updated_by=meta.actor,
    )


@products.on
def discontinued(row: ProductView, event: ProductDiscontinued, meta: Meta) -> ProductView:  # noqa: ARG001 (keyed by it)
    """Show that the product is sold no longer."""
    return change(row, discontinued=True, updated=meta.recorded_at, updated_by=meta.actor)


@products.on
def counted(row: ProductView, event: InventoryAdjusted, meta: Meta) -> ProductView:
    """Show the new stock."""
    return change(row, in_stock=row.in_stock + event.delta, updated=meta.recorded_at, updated_by=meta.actor)


@products.where(department="department").on
def department_renamed(row: ProductView, event: DepartmentRenamed) -> ProductView:
    """Show the new name of the department on each of its products."""
    return change(row, department_name=event.name)


@products.where(unit="unit").on
def unit_renamed(row: ProductView, event: UnitRenamed) -> ProductView:
    """Show the new name of the unit on each product that is counted in it."""
    return change(row, unit_name=event.name)
