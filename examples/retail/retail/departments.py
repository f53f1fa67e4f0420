"""Departments: opened and renamed; products are kept in them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import assert_never

import msgspec

from diptych import Command, Decider, DecisionModel, Missing, Module, Refusal, event
from retail.values import DepartmentCode, NewDepartmentCode, Opened, Text


@dataclass(frozen=True, slots=True)
class OpenDepartment(Command[str]):
    """Open a department, so that products can be kept in it."""

    department: NewDepartmentCode
    name: Text


@dataclass(frozen=True, slots=True)
class RenameDepartment(Command[str]):
    """Give a department another name; its code stays."""

    department: NewDepartmentCode
    name: Text


@event("department.opened")
class DepartmentOpened(msgspec.Struct, frozen=True, gc=False):
    """A department was opened."""

    department: DepartmentCode
    name: str


@event("department.renamed")
class DepartmentRenamed(msgspec.Struct, frozen=True, gc=False):
    """A department got another name."""

    department: DepartmentCode
    name: str


DepartmentEvent = DepartmentOpened | DepartmentRenamed


class DepartmentExists(Refusal):
    """The code is taken."""


@dataclass(frozen=True, slots=True)
class Department:
    """A department as its own commands see it: its name, or None where there is no such department."""

    name: str | None = None


def decide(command: OpenDepartment | RenameDepartment, department: Department) -> Generator[DepartmentEvent, None, str]:
    """Open a department under a code that is free, or rename one that there is. Returns its code."""
    code, name = command.department, command.name
    match command:
        case OpenDepartment():
            if department.name is not None:
                raise DepartmentExists(f"there is a department {code} already", department=code)
            yield DepartmentOpened(code, name)
        case RenameDepartment():
            if department.name is None:
                raise Missing(f"there is no department {code}", department=code)
            if department.name != name:
                yield DepartmentRenamed(code, name)
        case _:
            assert_never(command)
    return code


def evolve(_: Department, event: DepartmentEvent) -> Department:
    """Fold the events of one department."""
    return Department(event.name)


departments = Module("departments")
departments.decider(Decider(decide, evolve, initial=Department))


def open_(_: Opened, event: DepartmentOpened) -> Opened:  # noqa: ARG001 (that there is one is all)
    """Fold what a product must know about its department; its name is none of it, so renaming disturbs no product."""
    return Opened(opened=True)


open_departments = DecisionModel(open_, initial=Opened, tag="department")
