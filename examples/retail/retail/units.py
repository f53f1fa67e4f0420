"""Units: what products are counted in, opened and renamed."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import assert_never

import msgspec

from diptych import Command, Decider, DecisionModel, Missing, Module, Refusal, event
from retail.values import NewUnitCode, Opened, Text, UnitCode


@dataclass(frozen=True, slots=True)
class OpenUnit(Command[str]):
    """Bring a unit into use, such as a piece, a box of six, or 500 g."""

    unit: NewUnitCode
    name: Text


@dataclass(frozen=True, slots=True)
class RenameUnit(Command[str]):
    """Give a unit another name; its code stays."""

    unit: NewUnitCode
    name: Text


@event("unit.opened")
class UnitOpened(msgspec.Struct, frozen=True, gc=False):
    """A unit came into use."""

    unit: UnitCode
    name: str


@event("unit.renamed")
class UnitRenamed(msgspec.Struct, frozen=True, gc=False):
    """A unit got another name."""

    unit: UnitCode
    name: str


UnitEvent = UnitOpened | UnitRenamed


class UnitExists(Refusal):
    """The code is taken."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as its own commands see it: its name, or None where there is no such unit."""

    name: str | None = None


def decide(command: OpenUnit | RenameUnit, unit: Unit) -> Generator[UnitEvent, None, str]:
    """Open a unit under a code that is free, or rename one that there is. Returns its code."""
    code, name = command.unit, command.name
    match command:
        case OpenUnit():
            if unit.name is not None:
                raise UnitExists(f"there is a unit {code} already", unit=code)
            yield UnitOpened(code, name)
        case RenameUnit():
            if unit.name is None:
                raise Missing(f"there is no unit {code}", unit=code)
            if unit.name != name:
                yield UnitRenamed(code, name)
        case _:
            assert_never(command)
    return code


def evolve(_: Unit, event: UnitEvent) -> Unit:
    """Fold the events of one unit."""
    return Unit(event.name)


units = Module("units")
units.decider(Decider(decide, evolve, initial=Unit))


def open_(_: Opened, event: UnitOpened) -> Opened:  # noqa: ARG001 (that there is one is all)
    """Fold what a product must know about its unit."""
    return Opened(opened=True)


open_units = DecisionModel(open_, initial=Opened, tag="unit")
