"""A catalogue of products: its departments and units are opened first, then every line is a product.

Lines are read twice and never held; what is kept grows with departments and units.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from retail.departments import OpenDepartment
from retail.importing.records import Malformed, fields_of, records
from retail.importing.stages import Act, Hear, Plan, Reject, told
from retail.products import CreateProduct
from retail.settings import ShopSettings
from retail.units import OpenUnit
from retail.values import ZERO

HEADER = "product_id,manufacturer_id,department,brand,product_category,product_type,package_size"
_COLUMNS = HEADER.count(",") + 1
_LONGEST_CODE, _LONGEST_TEXT = 64, 500


class Entry(NamedTuple):
    """A product of the catalogue; department and unit are None where the line has none."""

    place: int
    number: str
    description: str
    department: str | None
    unit: str | None
    text: str


class Survey(NamedTuple):
    """What the catalogue holds beside its products, in the order in which it comes up."""

    lines: int
    departments: dict[str, None]
    units: dict[str, None]


def planned(file: Path, settings: ShopSettings, reject: Reject, hear: Hear) -> Plan:  # noqa: ARG001 (all formats alike)
    """Survey the catalogue and return what it asks for."""
    survey = survey_of(file, hear)
    return Plan(survey.lines, _stages(file, survey, reject, hear))


def survey_of(file: Path, hear: Hear) -> Survey:
    """Read the whole file once."""
    departments: dict[str | None, None] = {}
    units: dict[str | None, None] = {}
    count = 0
    for count, entry in enumerate(entries(file), 1):
        if isinstance(entry, Entry):
            departments[entry.department] = units[entry.unit] = None
        hear("survey", count, None)
    hear("survey", count, count)
    return Survey(count, _named(departments), _named(units))


def entries(file: Path) -> Iterator[Entry | Malformed]:
    """Yield the lines of a catalogue."""
    return records(file, read)


def read(place: int, text: str) -> Entry:
    """Read one line; raise ValueError for one that is no product."""
    code, _maker, department, _brand, _category, kind, size = (each.strip() for each in fields_of(text, _COLUMNS))
    if not code:
        raise ValueError("product_id: expected a code, found nothing")
    for column, value, most in (
        ("product_id", code, _LONGEST_CODE),
        ("department", department, _LONGEST_CODE),
        ("package_size", size, _LONGEST_CODE),
        ("product_type", kind, _LONGEST_TEXT),
    ):
        if len(value) > most:
            raise ValueError(f"{column}: expected at most {most} characters, found {len(value)}")
    return Entry(place, code, kind or code, department or None, size or None, text)


def _stages(file: Path, survey: Survey, reject: Reject, hear: Hear) -> Iterator[Iterator[Act]]:
    yield told(_departments(survey), hear, "departments", len(survey.departments))
    yield told(_units(survey), hear, "units", len(survey.units))
    yield told(_products(file, reject), hear, "products", survey.lines)


def _departments(survey: Survey) -> Iterator[Act]:
    for code in survey.departments:
        yield Act(OpenDepartment(code, code), f"department:{code}")


def _units(survey: Survey) -> Iterator[Act]:
    for code in survey.units:
        yield Act(OpenUnit(code, code), f"unit:{code}")


def _products(file: Path, reject: Reject) -> Iterator[Act]:
    for entry in entries(file):
        if isinstance(entry, Malformed):
            reject(entry)
        else:
            yield Act(_created(entry), f"product:{entry.number}", (entry,))


def _created(entry: Entry) -> CreateProduct:
    return CreateProduct(
        product=entry.number,
        description=entry.description,
        price=ZERO,
        department=entry.department,
        unit=entry.unit,
    )


def _named(found: dict[str | None, None]) -> dict[str, None]:
    return {name: None for name in found if name is not None}
