"""The survey: a first pass over sale lines, which finds what the second must know.

What it keeps grows with products, customers and documents, not with lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from retail.importing.lines import Line, lines_of
from retail.importing.records import Malformed
from retail.values import ZERO

Tick = Callable[[int], None]
"""Hear how many lines were read."""


@dataclass(slots=True)
class Product:
    """What the file says of a stock code: the first description that is not empty, the first price above 0."""

    description: str = ""
    price: Decimal = ZERO


@dataclass(slots=True)
class Survey:
    """What the file holds; `sizes` are the lines of each document without its movements."""

    lines: int = 0
    products: dict[str, Product] = field(default_factory=dict)
    customers: dict[str | None, None] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    buyers: dict[str, str | None] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)


def survey_of(file: Path, tick: Tick) -> Survey:
    """Read the whole file once."""
    survey = Survey()
    for line in lines_of(file):
        survey.lines += 1
        if isinstance(line, Malformed):
            if line.number is not None:
                survey.rejected.setdefault(line.number, f"line {line.place} of this document: {line.reason}")
        else:
            _note(survey, line)
        tick(survey.lines)
    survey.customers.pop(None, None)
    return survey


def _note(survey: Survey, line: Line) -> None:
    product = survey.products.get(line.code)
    if product is None:
        product = survey.products[line.code] = Product()
    product.description = product.description or line.description
    if product.price <= 0 < line.price:
        product.price = line.price
    survey.customers[line.customer] = None
    if line.rule != "movement":
        survey.sizes[line.number] = survey.sizes.get(line.number, 0) + 1
    if survey.buyers.setdefault(line.number, line.customer) != line.customer:
        survey.rejected.setdefault(line.number, f"line {line.place} of this document: names another customer")
