"""Departments and units as shown: their names, which products refer to."""

from __future__ import annotations

from typing import Annotated

import msgspec

from diptych import Indexed, Projection, change
from retail.departments import DepartmentOpened, DepartmentRenamed
from retail.units import UnitOpened, UnitRenamed

assortment = Projection("assortment", version=2)


class DepartmentView(msgspec.Struct, frozen=True):
    """A department and its name."""

    department: str
    name: Annotated[str, Indexed()]


class UnitView(msgspec.Struct, frozen=True):
    """A unit and its name."""

    unit: str
    name: Annotated[str, Indexed()]


departments = assortment.read_model(DepartmentView, key="department")
units = assortment.read_model(UnitView, key="unit")


@departments.on
def department_opened(_: DepartmentView | None, event: DepartmentOpened) -> DepartmentView:
    """Show a new department."""
    return DepartmentView(event.department, event.name)


@departments.on
def department_renamed(row: DepartmentView, event: DepartmentRenamed) -> DepartmentView:
    """Show the new name."""
    return change(row, name=event.name)


@units.on
def unit_opened(_: UnitView | None, event: UnitOpened) -> UnitView:
    """Show a new unit."""
    return UnitView(event.unit, event.name)


@units.on
def unit_renamed(row: UnitView, event: UnitRenamed) -> UnitView:
    """Show the new name."""
    return change(row, name=event.name)
