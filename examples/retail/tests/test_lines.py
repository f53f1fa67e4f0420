"""Lines of an import: which rule takes them, and what is said of those that none takes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path

import pytest

from retail.importing.lines import HEADER, Line, lines_of, parsed
from retail.importing.records import HeaderError, Malformed, format_of
from retail.importing.run import FORMATS


def line(
    *,
    number: str = "536365",
    code: str = "85123A",
    description: str = "HOLDER",
    quantity: str = "6",
    at: str = "2010-12-01 08:26:00",
    price: str = "2.55",
    customer: str = "17850",
) -> str:
    return f"{number},{code},{description},{quantity},{at},{price},{customer},United Kingdom"


def test_a_line_is_read_exactly() -> None:
    text = '536365,85123A," ""RED"", SPOTTY ",6,2010-12-01 08:26:00,2.550,,United Kingdom'

    assert parsed(7, text) == Line(
        7,
        "536365",
        "85123A",
        '"RED", SPOTTY',
        6,
        datetime(2010, 12, 1, 8, 26),  # noqa: DTZ001 (what the shop's clock showed)
        Decimal("2.550"),
        None,
        "sale",
        text,
    )


@pytest.mark.parametrize(
    ("number", "quantity", "price", "rule"),
    [
        ("536365", "6", "2.55", "sale"),
        ("C536365", "-6", "2.55", "return"),
        ("536365", "-6", "0", "movement"),
        ("536365", "6", "0.0", "movement"),
        ("C536365", "-6", "0", "movement"),
        ("A563185", "1", "11062.06", "adjustment"),
        ("A563186", "1", "-11062.06", "adjustment"),
    ],
)
def test_every_kind_of_line_has_its_rule(number: str, quantity: str, price: str, rule: str) -> None:
    found = parsed(2, line(number=number, quantity=quantity, price=price))

    assert isinstance(found, Line)
    assert found.rule == rule


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (line(quantity="-6"), "no rule takes quantity -6 at price 2.55"),
        (line(number="C536365"), "no rule takes quantity 6 at price 2.55"),
        (line(price="-2.55"), "no rule takes quantity 6 at price -2.55"),
        (line(quantity="0", price="0"), "no rule takes quantity 0 at price 0"),
        (line(quantity="0"), "no rule takes quantity 0"),
        (line(number="B536365"), "no rule takes invoice number 'B536365'"),
        (line(number=""), "no rule takes invoice number ''"),
        (line(number="53 65"), "no rule takes invoice number"),
        (line(code=" "), "expected a stock code"),
        (line(code="x" * 65), "expected a stock code"),
        (line(description="x" * 501), "too long"),
        (line(quantity="six"), "quantity: expected a whole number, found 'six'"),
        (line(quantity="1_0"), "quantity: expected a whole number"),
        (line(quantity="6.5"), "quantity: expected a whole number"),
        (line(quantity="9999999999"), "quantity: expected at most"),
        (line(price="NaN"), "unit price: expected a decimal, found 'NaN'"),
        (line(price="1e3"), "unit price: expected a decimal"),
        (line(price=""), "unit price: expected a decimal"),
        (line(price="2.55555"), "unit price: expected at most 4 decimal places"),
        (line(at="01/12/2010 08:26"), "invoice date: expected YYYY-MM-DD HH:MM:SS"),
        (line(at="2010-13-01 08:26:00"), "month must be in 1..12"),
        (line() + ",more", "expected 8 fields, found 9"),
        ("536365", "expected 8 fields, found 1"),
        ("", "expected 8 fields, found 1"),
        (line(description='"open'), "unexpected end of data"),
        (line(description="NU\x00L"), "no text"),
        (line(description="\ufffd"), "not UTF-8"),
    ],
)
def test_every_fault_of_a_line_is_named(text: str, reason: str) -> None:
    found = parsed(3, text)

    assert isinstance(found, Malformed)
    assert reason in found.reason
    assert (found.place, found.text) == (3, text)


def test_a_broken_line_names_its_document_where_it_can() -> None:
    assert parsed(2, "536365,only").number == "536365"
    assert parsed(2, ",only").number is None


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b,c\n1,2,3\n")

    with pytest.raises(HeaderError, match=r"expected 'InvoiceNo.* or 'product_id"):
        format_of(file, FORMATS)


def test_windows_line_ends_a_byte_order_mark_and_wrong_bytes_harm_only_their_line(tmp_path: Path) -> None:
    file = tmp_path / "odd.csv"
    file.write_bytes(f"\ufeff{HEADER}\r\n{line()}\r\n{line(number='7')}\r\n".encode() + b"8,\xff,x\n")

    first, second, third = lines_of(file)

    assert isinstance(first, Line)
    assert first.text == line()
    assert second.number == "7"
    assert isinstance(third, Malformed)
