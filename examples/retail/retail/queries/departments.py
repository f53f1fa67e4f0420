"""What may be asked about departments and units."""

from __future__ import annotations

from dataclasses import dataclass

from diptych import Module, Page, Query, Rows
from retail.queries.paging import Limit, Offset
from retail.views.departments import DepartmentView, UnitView

department_queries = Module("department_queries")


@dataclass(frozen=True, slots=True)
class ListDepartments(Query[Page[DepartmentView]]):
    """Ask for the departments in the order of their names."""

    limit: Limit = 100
    offset: Offset = 0


@dataclass(frozen=True, slots=True)
class ListUnits(Query[Page[UnitView]]):
    """Ask for the units in the order of their names."""

    limit: Limit = 100
    offset: Offset = 0


@department_queries.query
async def list_departments(query: ListDepartments, departments: Rows[DepartmentView]) -> Page[DepartmentView]:
    """Return the page of departments."""
    return await departments.find(order=["name", "department"], limit=query.limit, offset=query.offset)


@department_queries.query
async def list_units(query: ListUnits, units: Rows[UnitView]) -> Page[UnitView]:
    """Return the page of units."""
    return await units.find(order=["name", "unit"], limit=query.limit, offset=query.offset)
