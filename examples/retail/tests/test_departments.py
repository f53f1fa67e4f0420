"""Departments and units: what their commands decide."""

from __future__ import annotations

from diptych import Missing
from diptych.testing import Scenario
from retail.departments import (
    DepartmentExists,
    DepartmentOpened,
    DepartmentRenamed,
    OpenDepartment,
    RenameDepartment,
    departments,
)
from retail.units import OpenUnit, RenameUnit, UnitExists, UnitOpened, UnitRenamed, units

given = Scenario(departments, units).given

KITCHEN, PIECE = DepartmentOpened("K", "Kitchen"), UnitOpened("PC", "piece")


def test_a_department_is_opened_once() -> None:
    given().when(OpenDepartment("K", "Kitchen")).then(KITCHEN).then_value("K")
    given(KITCHEN).when(OpenDepartment("K", "Kiosk")).then_refused(DepartmentExists, department="K")


def test_a_department_that_there_is_gets_another_name() -> None:
    given(KITCHEN).when(RenameDepartment("K", "Cooking")).then(DepartmentRenamed("K", "Cooking")).then_value("K")
    given(KITCHEN).when(RenameDepartment("K", "Kitchen")).then_nothing()
    given(KITCHEN).when(RenameDepartment("G", "Garden")).then_refused(Missing, department="G")


def test_a_unit_is_opened_once() -> None:
    given().when(OpenUnit("PC", "piece")).then(PIECE).then_value("PC")
    given(PIECE).when(OpenUnit("PC", "portion")).then_refused(UnitExists, unit="PC")


def test_a_unit_that_there_is_gets_another_name() -> None:
    given(PIECE).when(RenameUnit("PC", "each")).then(UnitRenamed("PC", "each")).then_value("PC")
    given(PIECE).when(RenameUnit("PC", "piece")).then_nothing()
    given(PIECE).when(RenameUnit("KG", "kilogram")).then_refused(Missing, unit="KG")


def test_blank_codes_and_names_are_refused_at_once() -> None:
    given().when(OpenDepartment(" ", "")).then_invalid({"department": "blank", "name": "blank"})
    given().when(OpenUnit("", " ")).then_invalid({"unit": "blank", "name": "blank"})
