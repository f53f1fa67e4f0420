"""Projections declare read models; folds find their rows by the fields of the event, and mistakes are found at once."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest

from diptych.errors import WiringError
from diptych.model.marks import Scale, Tag
from diptych.model.messages import event
from diptych.model.meta import Meta
from diptych.model.projections import Projection, ReadModel, snake


@event("sale.made")
@dataclass(frozen=True)
class Sold:
    sale: Annotated[int, Tag("sale")]
    day: date
    customer: int | None = None
    lines: tuple[str, ...] = ()


@event("sale.cancelled")
@dataclass(frozen=True)
class Cancelled:
    sale: int


@dataclass(frozen=True)
class SaleView:
    sale: int
    day: date
    total: Annotated[Decimal, Scale(2)] = Decimal(0)
    weight: Decimal = Decimal(0)


@dataclass(frozen=True)
class LineView:
    product: str
    customer: int | None = None


DAY = date(2026, 1, 1)
SOLD = Sold(1, DAY, 7, ("A", "B"))


def keys_of(model: ReadModel[Any], event: Any = SOLD) -> list[Any]:
    ((fold,),) = model.folds.values()
    return list(fold.keys(event))


def refused(match: str, call: Any) -> WiringError:
    with pytest.raises(WiringError, match=match) as caught:
        call()
    assert caught.value.fix
    return caught.value


def test_a_read_model_is_named_after_its_rows_unless_told_otherwise() -> None:
    projection = Projection("sales", version=3)

    model, other = projection.read_model(SaleView, key="sale"), projection.append_only(LineView, name="lines")

    assert (model.name, model.key, model.projection, other.name) == ("sale_view", ("sale",), "sales", "lines")
    assert projection.models == [model, other]
    assert [snake(name) for name in ("Sale", "SaleView", "HTTPLogEntry", "A1View")] == [
        "sale",
        "sale_view",
        "http_log_entry",
        "a1_view",
    ]


def test_append_only_rows_have_their_position_as_key() -> None:
    model = Projection("sales").append_only(LineView, indexes=["product", ("position", "product")])

    assert (model.key, model.append_only) == (("position", "index"), True)
    assert model.indexes == (("product",), ("position", "product"))
    assert [column.name for column in model.columns] == ["position", "index", "product", "customer"]


def test_a_row_knows_its_key() -> None:
    model = Projection("sales").read_model(SaleView, key=("day", "sale"), history=True, indexes=[("total",)])

    assert model.key_of(SaleView(1, DAY)) == (DAY, 1)
    assert model.history


def test_an_event_finds_its_row_by_the_field_of_the_same_name() -> None:
    model = Projection("sales").read_model(SaleView, key="sale")

    @model.on
    def sold(row: SaleView | None, event: Sold) -> SaleView:
        return SaleView(event.sale, event.day)

    assert keys_of(model) == [(1,)]
    assert sold(None, SOLD) == SaleView(1, DAY)
    ((fold,),) = model.folds.values()
    assert (fold.must_exist, fold.wants_meta, fold.key_fields) == (False, False, ("sale",))


def test_a_row_with_several_key_columns_is_found_by_as_many_fields() -> None:
    model = Projection("sales").read_model(SaleView, key=("day", "sale"))

    @model.on
    def sold(row: SaleView, event: Sold, meta: Meta) -> SaleView:
        return row

    assert keys_of(model) == [(DAY, 1)]
    ((fold,),) = model.folds.values()
    assert (fold.must_exist, fold.wants_meta) == (True, True)


def test_a_key_may_be_another_field() -> None:
    model = Projection("sales").read_model(SaleView, key="sale")

    @model.on(key="customer")
    def sold(row: SaleView | None, event: Sold) -> SaleView | None:
        return row

    assert keys_of(model) == [(7,)]
    assert keys_of(model, Sold(1, DAY)) == []


def test_a_key_may_be_computed_and_be_none() -> None:
    model = Projection("sales").read_model(SaleView, key="sale")

    @model.on(key=lambda event: event.customer)
    def sold(row: SaleView | None, event: Sold) -> SaleView | None:
        return row

    assert keys_of(model) == [(7,)]
    assert keys_of(model, Sold(1, DAY)) == []


def test_an_event_may_change_several_rows() -> None:
    model = Projection("sales").read_model(LineView, key="product")

    @model.on(keys=lambda event: event.lines)
    def sold(row: LineView | None, event: Sold) -> LineView | None:
        return row

    assert keys_of(model) == [("A",), ("B",)]


def test_a_fold_takes_a_union_of_events_and_a_projection_knows_them_all() -> None:
    projection = Projection("sales")
    model, lines = projection.read_model(SaleView, key="sale"), projection.append_only(LineView)

    @model.on
    def changed(row: SaleView | None, event: Sold | Cancelled) -> SaleView | None:
        return row

    @lines.on
    def line(event: Sold) -> list[LineView]:
        return [LineView(product) for product in event.lines]

    assert projection.events == (Sold, Cancelled)
    assert projection.types == ("sale.cancelled", "sale.made")
    assert [(owner.name, fold.event) for owner, fold in projection.folds()] == [
        ("sale_view", Sold),
        ("sale_view", Cancelled),
        ("line_view", Sold),
    ]


def test_a_key_that_the_event_lacks_is_refused_with_the_place_of_the_fold() -> None:
    model = Projection("sales").read_model(LineView, key="product")

    def sold(row: LineView | None, event: Sold) -> LineView | None: ...

    wrong = refused("Sold has no field 'product' to key a row of 'line_view' by", lambda: model.on(sold))

    assert wrong.where == f"{__file__}:{sold.__code__.co_firstlineno}"
    assert "one of sale, day, customer, lines" in wrong.fix


def test_a_key_has_as_many_fields_as_the_read_model() -> None:
    model = Projection("sales").read_model(SaleView, key=("day", "sale"))

    def sold(row: SaleView | None, event: Sold) -> SaleView | None: ...

    refused(r"keyed by \(day, sale\), and .*sold by \(sale\)", lambda: model.on(key="sale")(sold))


@pytest.mark.parametrize("name", ["sales__h", "sales__g1", "sales__g1__h", "sqlite_sales", "diptych_feed"])
def test_names_of_the_row_stores_own_are_refused(name: str) -> None:
    refused("of the row store's own", lambda: Projection("sales").read_model(SaleView, key="sale", name=name))


@pytest.mark.parametrize("name", ["sales__heavy", "sales_h", "my_sqlite_sales"])
def test_names_like_those_of_the_row_store_are_kept(name: str) -> None:
    assert Projection("sales").read_model(SaleView, key="sale", name=name).name == name


@dataclass(frozen=True)
class Moved:
    sale: int
    _from: str


def test_columns_of_versions_are_refused_where_rows_have_a_past() -> None:
    sales = Projection("sales")

    wrong = refused("column '_from' has a name of the versions' own", lambda: sales.append_only(Moved, name="moves"))
    refused("column '_from'", lambda: sales.read_model(Moved, key="sale", history=True))

    assert wrong.fix == "call it otherwise: from_"
    assert sales.read_model(Moved, key="sale").name == "moved"


@dataclass(frozen=True)
class Indexed:
    sale: int
    index: int


def test_columns_of_the_key_are_refused_in_append_only_rows() -> None:
    sales = Projection("sales")

    refused("are append-only, and have their own 'index'", lambda: sales.append_only(Indexed, name="moves"))

    assert sales.read_model(Indexed, key="sale").name == "indexed"


@pytest.mark.parametrize("name", ["", "Sales", "1sales", "sales-by-day", "sales\n", "x" * 64])
def test_names_are_lower_case_with_underscores(name: str) -> None:
    refused("cannot be kept", lambda: Projection(name))
    refused(
        r"read model .* cannot be kept", lambda: Projection("sales").read_model(SaleView, key="sale", name=name or "-")
    )


def test_a_version_counts_from_one() -> None:
    refused("version 0", lambda: Projection("sales", version=0))


def test_keys_and_indexes_are_columns_of_the_row() -> None:
    refused(r"keyed or indexed by \['code'\]", lambda: Projection("sales").read_model(SaleView, key="code"))
    refused(r"\['code'\]", lambda: Projection("sales").read_model(SaleView, key="sale", indexes=[("code", "day")]))


def test_a_decimal_without_a_scale_is_neither_key_nor_indexed() -> None:
    refused("column 'weight' of SaleView", lambda: Projection("s").read_model(SaleView, key="weight"))
    refused("column 'weight'", lambda: Projection("s").read_model(SaleView, key="sale", indexes=[("day", "weight")]))
    assert Projection("s").read_model(SaleView, key="total").key == ("total",)
