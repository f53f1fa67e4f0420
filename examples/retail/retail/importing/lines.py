"""Lines of sales: read one by one, checked, and told which rule takes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

from retail.importing.records import Malformed, fields_of, records, taken

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
_COLUMNS = HEADER.count(",") + 1
_MOST, _PLACES, _LONGEST_CODE, _LONGEST_TEXT = 1_000_000_000, 4, 64, 500
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)

Rule = Literal["sale", "return", "movement", "adjustment"]


class Line(NamedTuple):
    """A line that is well formed and that a rule takes; `at` is what the shop's clock showed."""

    place: int
    number: str
    code: str
    description: str
    quantity: int
    at: datetime
    price: Decimal
    customer: str | None
    rule: Rule
    text: str


def lines_of(file: Path) -> Iterator[Line | Malformed]:
    """Yield the lines of a csv or csv.gz file after its header."""
    return records(file, _read)


def parsed(place: int, text: str) -> Line | Malformed:
    """Read one line."""
    return taken(place, text, _read)


def rule_of(number: str, quantity: int, price: Decimal) -> Rule:
    """Return the rule that takes a line; raise ValueError when none does."""
    kind, digits = ("", number) if number[:1].isdigit() else (number[:1], number[1:])
    if not (digits.isascii() and digits.isdigit()) or kind not in {"", "C", "A"}:
        raise ValueError(f"no rule takes invoice number {number!r}")
    if price == 0 and quantity:
        return "movement"
    if not kind and quantity > 0 and price > 0:
        return "sale"
    if kind == "C" and quantity < 0 and price > 0:
        return "return"
    if kind == "A" and price != 0:
        return "adjustment"
    raise ValueError(f"no rule takes quantity {quantity} at price {price} on invoice {number}")


def _read(place: int, text: str) -> Line:
    number, code, description, quantity, at, price, customer, _country = fields_of(text, _COLUMNS)
    units, amount = _whole(quantity), _money(price)
    if not code.strip() or len(code) > _LONGEST_CODE:
        raise ValueError(f"expected a stock code, found {code[:_LONGEST_CODE]!r}")
    if len(description) > _LONGEST_TEXT or len(customer) > _LONGEST_CODE:
        raise ValueError("the description or the customer is too long")
    return Line(
        place,
        number,
        code,
        description.strip(),
        units,
        _moment(at),
        amount,
        customer or None,
        rule_of(number, units, amount),
        text,
    )


def _whole(text: str) -> int:
    if not (text.isascii() and text.removeprefix("-").isdigit()):
        raise ValueError(f"quantity: expected a whole number, found {text[:_LONGEST_CODE]!r}")
    found = int(text)
    if abs(found) > _MOST:
        raise ValueError(f"quantity: expected at most {_MOST}, found {text}")
    return found


def _money(text: str) -> Decimal:
    whole, point, places = text.removeprefix("-").partition(".")
    if not (text.isascii() and whole.isdigit() and (places.isdigit() or not point)):
        raise ValueError(f"unit price: expected a decimal, found {text[:_LONGEST_CODE]!r}")
    found = Decimal(text)
    if len(places) > _PLACES or abs(found) > _MOST:
        raise ValueError(f"unit price: expected at most {_PLACES} decimal places and {_MOST}, found {text!r}")
    return found


def _moment(text: str) -> datetime:
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"invoice date: expected YYYY-MM-DD HH:MM:SS, found {text[:_LONGEST_CODE]!r}")
    return datetime.fromisoformat(text)
