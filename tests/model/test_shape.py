"""What can be wrong with a message by itself is found field by field, with one path syntax."""

import math
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Generic, NamedTuple, NewType, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest

from diptych.model.explanations import explain
from diptych.model.marks import NEW, Bounds, Generated, Indexed, NotBlank, Scale, Tag
from diptych.model.shape import checks_of, join
from diptych.model.soundness import soundness

Money = Annotated[Decimal, Scale(2)]
T = TypeVar("T")


@dataclass(frozen=True)
class Line:
    product: Annotated[str, NotBlank]
    quantity: Annotated[int, Bounds(gt=0)]
    price: Money | None = None


class Address(msgspec.Struct, frozen=True):
    street: str
    city: Annotated[str, Bounds(min_length=2)]


@dataclass(frozen=True)
class Order:
    order: Annotated[UUID, Tag("order"), Generated] = NEW
    lines: Annotated[tuple[Line, ...], Bounds(min_length=1)] = ()
    address: Address | None = None
    paid_at: datetime | None = None
    ratio: float = 0.0
    pair: tuple[int, float] = (0, 0.0)
    named: tuple[str, float] | None = None
    rates: dict[str, float] | None = None
    anything: Any = None
    either: int | float | None = None
    weights: list[Annotated[Decimal, Scale(1, gt=0, lt=5)]] | None = None


CORRECT = {"lines": [{"product": "A", "quantity": 1, "price": "1.5"}], "address": {"street": "", "city": "Rome"}}


def found_in(hint: Any, value: Any) -> list[tuple[str, str]]:
    """Return what the checks say, after seeing that the fast question agrees with them."""
    check, sound = checks_of(hint), soundness(hint)
    found = [] if check is None else list(check(value, ""))
    assert (sound is None or bool(sound(value))) is (not found)
    return found


def test_a_message_that_fits_has_nothing_to_explain() -> None:
    assert explain(Order, CORRECT) == {}
    assert explain(Order, {"order": None}) == {}


def test_every_field_that_does_not_fit_is_reported() -> None:
    found = explain(
        Order,
        {
            "order": "no id",
            "lines": [
                {"product": " ", "quantity": 0},
                {"quantity": "many", "price": "1.234"},
                [],
            ],
            "address": {"city": "X"},
            "paid_at": "2026-01-01T00:00:00",
            "ratio": None,
        },
    )

    assert found == {
        "order": ("expected a UUID",),
        "lines[0].product": ("must not be blank",),
        "lines[0].quantity": ("expected at least 1",),
        "lines[1].product": ("is required",),
        "lines[1].quantity": ("expected `int`, got `str`",),
        "lines[1].price": ("expected at most 2 decimal places, found 1.234",),
        "lines[2]": ("expected `object`, got `array`",),
        "address.street": ("is required",),
        "address.city": ("expected `str` of length >= 2",),
        "paid_at": ("expected a datetime with an offset such as 2026-01-01T00:00:00Z, found 2026-01-01T00:00:00",),
        "ratio": ("expected `float`, got `null`",),
    }


def test_the_length_of_a_list_is_checked_beside_its_items() -> None:
    assert explain(Order, {"lines": []}) == {"lines": ("expected `array` of length >= 1",)}


def test_the_first_fault_inside_a_mapping_is_reported_with_its_place() -> None:
    assert explain(Order, {"rates": {"a": 1.0, "b": "x"}}) == {"rates[...]": ("expected `float`, got `str`",)}


def test_a_value_that_is_no_object_is_explained_as_a_whole() -> None:
    assert explain(Order, [1]) == {"": ("expected `object`, got `array`",)}


def test_paths_join_with_dots() -> None:
    assert (join("", "a"), join("a", "b"), join("a[1]", "b")) == ("a", "a.b", "a[1].b")


NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 (naive on purpose)


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"ratio": math.nan}, "ratio"),
        ({"ratio": math.inf}, "ratio"),
        ({"paid_at": NAIVE}, "paid_at"),
        ({"paid_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))}, "paid_at"),
        ({"anything": datetime.max.replace(tzinfo=timezone(timedelta(hours=-1)))}, "anything"),
        ({"pair": (1 << 63, 0.5)}, "pair[0]"),
        ({"pair": (0, math.inf)}, "pair[1]"),
        ({"named": ("x", math.inf)}, "named[1]"),
        ({"rates": {"a": 1.0, "b": math.nan}}, "rates[b]"),
        ({"anything": math.nan}, "anything"),
        ({"anything": Decimal("NaN")}, "anything"),
        ({"anything": [1, {"x": 1 << 63}]}, "anything[1][x]"),
        ({"anything": (NAIVE,)}, "anything[0]"),
        ({"anything": Line("A", 1, Decimal("0.001"))}, "anything.price"),
        ({"either": math.nan}, "either"),
        ({"either": -(1 << 63) - 1}, "either"),
        ({"lines": (Line("A", 1), Line("A", 1, Decimal("Infinity")))}, "lines[1].price"),
        ({"lines": (Line("A", 1 << 63),)}, "lines[0].quantity"),
        ({"weights": [Decimal(1), Decimal(0)]}, "weights[1]"),
        ({"weights": [Decimal(5)]}, "weights[0]"),
        ({"weights": [Decimal("1.25")]}, "weights[0]"),
    ],
)
def test_a_value_that_no_log_may_hold_is_found(fields: dict[str, Any], path: str) -> None:
    assert [at for at, _ in found_in(Order, Order(**fields))] == [path]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ratio": 1.5, "paid_at": datetime(2026, 1, 1, tzinfo=UTC), "pair": ((1 << 63) - 1, -0.5)},
        {"rates": {"a": 1.0}, "either": 2, "anything": {"x": [None, "text", True, 1.5, Line("A", 1)]}},
        {"lines": (Line("A", 1, Decimal("1.500")), Line("A", 1, Decimal("1E+3"))), "weights": [Decimal("4.9")]},
        {"paid_at": datetime.min.replace(tzinfo=timezone(timedelta(hours=-1)))},
        {"anything": date(2026, 1, 1), "lines": (Line("A", 1, Decimal(0)),)},
    ],
)
def test_sound_values_pass(fields: dict[str, Any]) -> None:
    assert found_in(Order, Order(**fields)) == []


def test_types_that_say_everything_leave_nothing_to_check() -> None:
    @dataclass
    class Plain:
        name: str
        codes: tuple[str, ...]
        pair: tuple[str, bool]
        table: Mapping[str, UUID]
        day: date

    assert checks_of(Plain) is None
    assert checks_of(tuple[()]) is None
    assert soundness(Plain) is None


def test_collections_are_checked_whatever_they_are_called() -> None:
    assert [at for at, _ in found_in(Sequence[float], [0.5, math.nan])] == ["[1]"]
    assert [at for at, _ in found_in(frozenset[float], frozenset({math.inf}))] == ["[0]"]
    assert found_in(list, [math.nan]) == []  # nothing is known of its items; encoding decides


@pytest.mark.parametrize(
    ("scale", "value", "message"),
    [
        (Scale(2), "NaN", "expected a finite number, found NaN"),
        (Scale(2), "1.005", "expected at most 2 decimal places, found 1.005"),
        (Scale(0), "0.5", "expected at most 0 decimal places, found 0.5"),
        (Scale(2, gt=0), "0", "expected more than 0, found 0"),
        (Scale(2), "1E+16", "expected at most 16 digits before the point"),
        (Scale(0), "-1E+300", "expected at most 18 digits before the point"),
        (Scale(2), "sNaN", "expected a finite number, found sNaN"),
        (Scale(2, ge=0), "-0.01", "expected at least 0, found -0.01"),
        (Scale(2, lt=Decimal("1.5")), "1.5", "expected less than 1.5, found 1.5"),
        (Scale(2, le=1), "1.01", "expected at most 1, found 1.01"),
    ],
)
def test_a_decimal_is_bounded_by_its_scale(scale: Scale, value: str, message: str) -> None:
    assert found_in(Annotated[Decimal, scale, Indexed()], Decimal(value)) == [("", message)]


def test_zero_has_no_digits_whatever_its_exponent() -> None:
    check = checks_of(Annotated[Decimal, Scale(2)])

    assert check
    assert list(check(Decimal("0E+20"), "")) == []


def test_a_decimal_without_a_scale_is_finite() -> None:
    assert found_in(Decimal, Decimal("1.123456789")) == []
    assert found_in(Decimal | None, None) == []
    assert found_in(Decimal, Decimal("-Infinity")) == [("", "expected a finite number, found -Infinity")]


Price, Pieces = NewType("Price", Decimal), NewType("Pieces", int)
Weight, Moment = NewType("Weight", float), NewType("Moment", datetime)


@dataclass(frozen=True)
class Parcel:
    price: Annotated[Price, Scale(2)]
    pieces: tuple[Pieces, ...]
    weight: Weight
    at: Moment | None = None


def test_a_new_type_is_held_to_what_it_is_made_of() -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 (that is what is refused)
    wrong = Parcel(Price(Decimal("1.005")), (Pieces(1), Pieces(1 << 64)), Weight(math.nan), Moment(naive))
    right = Parcel(Price(Decimal("1.50")), (Pieces(1),), Weight(0.5), Moment(datetime(2026, 1, 1, tzinfo=UTC)))

    assert [path for path, _ in found_in(Parcel, wrong)] == ["price", "pieces[1]", "weight", "at"]
    assert found_in(Parcel, right) == []


class Reading(NamedTuple):
    at: datetime
    value: float


class Extra(TypedDict, total=False):
    weight: float


@dataclass(frozen=True)
class Box(Generic[T]):
    value: T
    others: tuple[T, ...] = ()
    inner: "Box[T] | None" = None


class Crate(msgspec.Struct, Generic[T], frozen=True):
    boxes: dict[str, Box[T]]
    first: Annotated[T, Indexed()] | None = None


@pytest.mark.parametrize(
    ("hint", "value", "paths"),
    [
        (Reading, Reading(datetime(2026, 1, 1), math.nan), ["[0]", "[1]"]),  # noqa: DTZ001 (that is what is refused)
        (Extra, {"weight": math.inf}, ["weight"]),
        (Extra, {}, []),
        (Box[float], Box(1.0, (math.nan,), Box(math.nan)), ["others[0]", "inner.value"]),
        (Box[str], Box("a", ("b",), Box("c")), []),
        (Box[Money] | None, Box(Decimal("1.001")), ["value"]),
        (Crate[Decimal], Crate({"a": Box(Decimal("NaN"))}, Decimal("Infinity")), ["boxes[a].value", "first"]),
        (typing.Mapping, {"a": math.nan}, []),  # nothing is known of its items; encoding decides
    ],
)
def test_values_are_checked_wherever_a_type_can_hold_them(hint: Any, value: Any, paths: list[str]) -> None:
    assert [path for path, _ in found_in(hint, value)] == paths
