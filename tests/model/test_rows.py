"""Columns are read from the annotations of a row type; a row changes without being written in place."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from diptych.errors import WiringError
from diptych.model.marks import Indexed, Scale, Tag, Unique
from diptych.model.pages import Page
from diptych.model.rows import Column, as_stored, change, columns_of, computed, row_type_of
from diptych.read.rows import Rows


@dataclass(frozen=True)
class Product:
    product: Annotated[UUID, Tag("product")]
    code: Annotated[str, Unique()]
    price: Annotated[Decimal, Scale(2), Indexed] | None = None
    cost: Decimal = Decimal(0)
    stock: int = 0

    @computed
    def is_low(self) -> Annotated[bool, Indexed()]:
        """Say whether there is little left."""
        return self.stock < 3

    @computed
    def value(self) -> Annotated[Decimal, Scale(4)] | None:
        return None if self.price is None else self.price * self.stock


@dataclass(frozen=True, slots=True)
class Extended(Product):
    note: str = ""

    @computed
    def length(self) -> int:
        return len(self.note)


class Packed(msgspec.Struct, frozen=True):
    product: int
    stock: int = 0

    @computed
    def is_low(self) -> bool:
        return self.stock < 3


@dataclass(frozen=True)
class Single:
    name: str


PRODUCT = Product(UUID(int=1), "A", Decimal("2.50"), stock=4)


def test_columns_are_the_fields_and_then_what_is_computed() -> None:
    assert columns_of(Product) == (
        Column("product", UUID, optional=False),
        Column("code", str, optional=False, unique=True),
        Column("price", Decimal, optional=True, scale=2, indexed=True),
        Column("cost", Decimal, optional=False),
        Column("stock", int, optional=False),
        Column("is_low", bool, optional=False, indexed=True, computed=True),
        Column("value", Decimal, optional=True, scale=4, computed=True),
    )


def test_what_is_computed_is_inherited() -> None:
    assert [column.name for column in columns_of(Extended) if column.computed] == ["is_low", "value", "length"]
    assert [column.name for column in columns_of(Packed)] == ["product", "stock", "is_low"]


def test_a_computed_column_reads_like_a_property() -> None:
    assert (PRODUCT.is_low, PRODUCT.value) == (False, Decimal("10.00"))
    assert Packed(1).is_low
    assert isinstance(Product.is_low, computed)
    assert Product.is_low.__doc__ == "Say whether there is little left."


@pytest.mark.parametrize("mark", [Indexed(), Unique(), Indexed])
def test_an_indexed_decimal_has_a_scale(mark: Any) -> None:
    @dataclass(frozen=True)
    class Wrong:
        price: Annotated[Decimal, mark]

    with pytest.raises(WiringError, match=r"column 'price' of .*Wrong is an indexed Decimal without a scale"):
        columns_of(Wrong)


@pytest.mark.parametrize("row", [PRODUCT, Extended(UUID(int=1), "A", note="x"), Packed(7)])
def test_a_changed_row_is_another_one(row: Any) -> None:
    changed = change(row, stock=9)

    assert (changed.stock, changed.product, type(changed)) == (9, row.product, type(row))
    assert row.stock != 9
    assert change(row) == row


def test_a_row_of_one_field_changes() -> None:
    assert change(Single("a"), name="b") == Single("b")
    assert change(Single("a")) == Single("a")


@pytest.mark.parametrize("row", [PRODUCT, Packed(7), Single("a")])
def test_a_field_that_the_row_does_not_have_is_refused(row: Any) -> None:
    with pytest.raises(TypeError, match="colour"):
        change(row, colour="red")


def test_the_row_type_of_rows_is_known() -> None:
    assert row_type_of(Rows[Product]) is Product
    assert row_type_of(list[Product]) is None
    assert row_type_of(Product) is None


def test_a_page_is_a_collection_of_its_items() -> None:
    page = Page((1, 2), total=7, offset=4, limit=2)

    assert (list(page), len(page), page.total) == ([1, 2], 2, 7)


@dataclass
class Open:
    code: str


@dataclass(frozen=True)
class Listed:
    codes: list[str]


@pytest.mark.parametrize(("row", "part"), [(Open, "row: Open is not frozen"), (Listed, r"row\.codes: list")])
def test_rows_that_could_change_in_place_are_refused(row: type, part: str) -> None:
    with pytest.raises(WiringError, match=part):
        columns_of(row)


@dataclass(frozen=True)
class Dated:
    at: datetime
    until: datetime | None = None


def test_datetimes_of_a_row_are_turned_to_utc() -> None:
    there = datetime(2011, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    turn = as_stored(Dated)
    assert turn is not None

    assert turn(Dated(there), None).at.isoformat() == "2010-12-31T22:30:00+00:00"
    assert turn(there_already := Dated(there.astimezone(UTC), there.astimezone(UTC)), None) is there_already
    assert as_stored(Packed) is None


@dataclass(frozen=True)
class Priced:
    price: Annotated[Decimal, Scale(4)]
    rate: Decimal = Decimal("0.10")


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("9.5", "9.5000"),
        ("1E+3", "1000.0000"),
        ("-0", "0.0000"),
        ("-0.0000", "0.0000"),
        ("0.123456", "0.123456"),  # refused when it is stored: nothing is rounded here
        ("NaN", "NaN"),
        ("123456789012345678901234567890.5", "123456789012345678901234567890.5000"),
    ],
)
def test_decimals_of_a_row_get_all_of_their_places(given: str, stored: str) -> None:
    form = as_stored(Priced)
    assert form is not None

    formed = form(Priced(Decimal(given)), None)

    assert (str(formed.price), str(formed.rate)) == (stored, "0.10")
    assert form(settled := Priced(Decimal("9.5000")), None) is settled


def test_a_whole_number_in_the_place_of_a_decimal_becomes_one() -> None:
    form = as_stored(Priced)
    assert form is not None

    assert str(form(Priced(0), None).price) == "0.0000"  # type: ignore[arg-type]  # what a careless default is


def test_a_changed_row_is_formed_where_it_changed() -> None:
    form = as_stored(Priced)
    assert form is not None
    before = Priced(Decimal("9.5000"))

    assert form(same := replace(before, rate=Decimal("0.20")), before) is same
    assert str(form(replace(before, price=Decimal("9.5")), before).price) == "9.5000"
