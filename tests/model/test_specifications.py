"""A specification says which rows are meant, in two values, and refuses at once what it could not keep."""

import operator
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import pytest

from diptych.model.marks import Scale
from diptych.model.rows import computed
from diptych.model.specifications import Specification, fields, parameter


class Kind(Enum):
    BOOK = "book"
    PEN = "pen"


@dataclass(frozen=True, kw_only=True)
class Item:
    name: str = "a"
    label: str | None = None
    stock: int = 1
    price: Annotated[Decimal, Scale(2)] = Decimal(1)
    fine: Annotated[Decimal, Scale(4)] = Decimal(1)
    ratio: float | None = None
    at: datetime = datetime(2011, 10, 6, tzinfo=UTC)
    day: date = date(2011, 10, 6)
    opens: time = time(8)
    kind: Kind = Kind.BOOK
    ok: bool = True
    status: Literal["new", "old"] = "new"
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] | None = None
    exact: Decimal = Decimal(0)

    @computed
    def worth(self) -> Annotated[Decimal, Scale(2)]:
        return self.price * self.stock


@dataclass(frozen=True)
class Other:
    name: str


item = fields(Item)


@pytest.mark.parametrize(
    ("specification", "row"),
    [
        (item.name == "a", Item()),
        (item.name != "b", Item()),
        ((item.stock > 0) & (item.price <= 1), Item()),
        (item.worth >= 6, Item(stock=3, price=Decimal(2))),
        (item.name.starts_with("Ä%"), Item(name="Ä%x")),
        (item.name.contains("_"), Item(name="a_b")),
        (item.kind.in_([Kind.PEN, Kind.BOOK]), Item()),
        (item.label.in_(["a", None]), Item()),
        (item.label.is_none(), Item()),
        (item.label == None, Item()),  # noqa: E711 (asks for None)
        (item.notes.is_none(), Item()),
        (item.at == datetime(2011, 10, 6, 5, 30, tzinfo=timezone(timedelta(hours=5, minutes=30))), Item()),
        (item.price < item.worth, Item(stock=2)),
        (item.day < date(2011, 10, 7), Item(day=datetime(2011, 10, 6, 23, tzinfo=UTC))),
    ],
)
def test_a_specification_holds_for_the_rows_it_describes_and_its_opposite_does_not(
    specification: Specification[Item], row: Item
) -> None:
    assert specification(row)
    assert not (~specification)(row)
    assert (~~specification)(row)


@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge])
def test_a_comparison_with_none_is_false_and_its_opposite_true(compare: Callable[[Any, Any], Any]) -> None:
    for made in (compare(item.label, "a"), compare(item.label, item.name), compare(item.name, item.label)):
        assert not made(Item())
        assert (~made)(Item())


def test_a_nan_counts_as_none_since_stores_keep_it_as_null() -> None:
    assert item.ratio.is_none()(Item(ratio=float("nan")))
    assert not (item.ratio != 1)(Item(ratio=float("nan")))


def test_datetimes_of_one_zone_are_compared_as_instants() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    summer, winter = (datetime(2011, 10, 30, 2, 30, tzinfo=berlin, fold=fold) for fold in (0, 1))

    assert (item.at > summer)(Item(at=winter))
    assert not (item.at == summer)(Item(at=winter))


def test_specifications_filter_and_are_equal_by_value() -> None:
    cheap = item.price < 2

    assert list(filter(cheap, [Item(), Item(price=Decimal(3))])) == [Item()]
    assert cheap == (item.price < Decimal(2))
    assert len({cheap, item.price < 2}) == 1


def test_parameters_are_bound_before_use() -> None:
    asked = (item.name == parameter("name")) & item.kind.in_(parameter("kinds"))

    bound = asked.bind(name="a").bind(kinds=[Kind.BOOK])

    assert asked.parameters == ("name", "kinds")
    assert bound(Item())
    with pytest.raises(TypeError, match=r"unbound parameters: call bind\(name=\.\.\., kinds=\.\.\.\)"):
        asked(Item())
    with pytest.raises(TypeError, match="no parameter 'named'; its open parameters: name, kinds"):
        asked.bind(named="a")
    with pytest.raises(TypeError, match="no parameter 'name'"):
        bound.bind(name="a")
    with pytest.raises(TypeError, match="column 'name' is compared with a str"):
        asked.bind(name=1)


def test_a_parameter_bound_to_none_asks_for_none() -> None:
    assert (item.label == parameter("label")).bind(label=None)(Item())


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: item.parts == (),
        item.parts.is_none,
        lambda: item.exact > 1,
        lambda: item.exact == parameter("x"),
        lambda: item.exact.in_(parameter("x")),
        lambda: item.name == 1,
        lambda: item.name > None,
        lambda: item.stock == True,  # noqa: E712 (a truth is no number)
        lambda: item.stock == 1.5,
        lambda: item.price == 1.5,
        lambda: item.ok == 1,
        lambda: item.ok > True,
        lambda: item.kind == "book",
        lambda: item.kind < Kind.PEN,
        lambda: item.day == datetime(2011, 10, 6, tzinfo=UTC),
        lambda: item.at == date(2011, 10, 6),
        lambda: item.stock.contains("1"),
        lambda: item.name.starts_with(item.label),
        lambda: item.name.in_("abc"),
        lambda: item.name.in_([1]),
        lambda: item.name == item.stock,
        lambda: item.price == item.fine,
        lambda: item.price == item.exact,
        lambda: item.name == fields(Other).name,
        lambda: (item.name == "a") & (fields(Other).name == "a"),
        lambda: (item.name == "a") & True,
        lambda: (item.name == "a") and (item.stock == 1),
        lambda: 1 < item.stock < 5,
        lambda: bool(item.ok),
    ],
)
def test_what_cannot_be_compared_is_a_type_error(wrong: Callable[[], Any]) -> None:
    with pytest.raises(TypeError):
        wrong()


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: item.stock == 1 << 63,
        lambda: item.stock.in_([-(1 << 63) - 1]),
        lambda: item.ratio == float("nan"),  # noqa: PLW0177 (the point)
        lambda: item.ratio < float("inf"),
        lambda: item.ratio == (1 << 53) + 1,
        lambda: item.price == Decimal("NaN"),
        lambda: item.at == datetime(2011, 10, 6),  # noqa: DTZ001 (the point)
        lambda: item.at == datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=5))),
        lambda: item.opens == time(8, tzinfo=UTC),
        lambda: item.name == "a\x00",
        lambda: item.name.contains("\ud800"),
        lambda: item.status == "gone",
    ],
)
def test_a_value_that_no_store_can_hold_is_a_value_error(wrong: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="column '"):
        wrong()


def test_an_unknown_column_is_told_with_those_that_there_are() -> None:
    with pytest.raises(AttributeError, match=r"Item has no column 'cost'; it has name, label, .*worth"):
        item.cost  # noqa: B018 (that it is missing)
    assert "worth" in dir(item)
    assert repr(copy(item).name) == "Item.name"


def test_a_naive_datetime_of_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="has no offset"):
        (item.at == Item().at)(Item(at=datetime(2011, 10, 6)))  # noqa: DTZ001 (the point)


def test_a_specification_is_told_in_one_text() -> None:
    made = ~((item.price > Decimal("0.50")) | item.kind.in_([Kind.PEN, Kind.BOOK])) & (item.label != None)  # noqa: E711

    assert str(made) == "(~(price > 0.50 | kind in (BOOK, PEN)) & ~label is None)"
    assert repr(item.name == "é") == "Specification[Item](name == '\\xe9')"
    assert repr(item.name) == "Item.name"
