"""Listing: decide on products where departments and units matter as well."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping

from diptych import FieldErrors, Module
from retail.departments import open_departments
from retail.products import (
    CreateProduct,
    MoveProduct,
    Product,
    ProductCreated,
    ProductExists,
    ProductMoved,
    present,
    product_model,
    sold,
)
from retail.stock import InventoryAdjusted
from retail.units import open_units
from retail.values import Opened


def code(command: CreateProduct | MoveProduct) -> str:
    """Return the product's code."""
    return command.product


def department_of(command: CreateProduct | MoveProduct) -> Iterable[str]:
    """Return the department, if one is named."""
    return () if command.department is None else (command.department,)


def unit_of(command: CreateProduct) -> Iterable[str]:
    """Return the unit, if one is named."""
    return () if command.unit is None else (command.unit,)


listing = Module("listing")


@listing.decides(
    product=product_model.one(code),
    department=open_departments.of(department_of),
    unit=open_units.of(unit_of),
)
def create_product(
    command: CreateProduct, product: Product, department: Mapping[str, Opened], unit: Mapping[str, Opened]
) -> Generator[ProductCreated | InventoryAdjusted, None, str]:
    """Create a product under a code that is free; its opening stock follows as `inventory.adjusted`."""
    _check({"department": department, "unit": unit})
    if product.exists:
        raise ProductExists(f"there is a product {command.product} already", product=command.product)
    yield ProductCreated(
        command.product,
        command.description,
        command.price,
        command.cost,
        command.minimum_stock,
        command.department,
        command.unit,
    )
    if command.opening_stock:
        yield InventoryAdjusted(command.product, command.opening_stock, "opening", command.product)
    return command.product


@listing.decides(product=product_model.one(code), department=open_departments.of(department_of))
def move_product(
    command: MoveProduct, product: Product, department: Mapping[str, Opened]
) -> Generator[ProductMoved, None, str]:
    """Move a product that is still sold to a department that is open."""
    present(product, command.product)
    sold(product, command.product)
    _check({"department": department})
    if command.department != product.department:
        yield ProductMoved(command.product, command.department)
    return command.product


def _check(named: Mapping[str, Mapping[str, Opened]]) -> None:
    """Report every department and unit that is not there, all at once."""
    if wrong := dict(_unopened(named)):
        raise FieldErrors(wrong)


def _unopened(named: Mapping[str, Mapping[str, Opened]]) -> Iterator[tuple[str, str]]:
    for field, found in named.items():
        for each, state in found.items():
            if not state.opened:
                yield field, f"there is no {field} {each}"
