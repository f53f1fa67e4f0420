"""How a view is declared, and when it is due."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from diptych import AfterEvents, Every, OnDemand, Rows, WiringError
from diptych.model.views import Refresh, view_of


@dataclass(frozen=True)
class Sale:
    number: int


@dataclass(frozen=True)
class SalesByDay:
    day: int
    count: int


@dataclass
class Mutable:
    day: int


def by_day(sales: Rows[Sale]) -> Any: ...


async def later(sales: Rows[Sale]) -> Any: ...


def of_a_number(sales: Rows[Sale], number: int) -> Any: ...


def of_nothing() -> Any: ...


def test_a_view_has_the_name_of_its_row_type_in_snake_case() -> None:
    view = view_of(by_day, SalesByDay, key="day", refresh=OnDemand())

    assert (view.name, view.model.key, view.model.projection) == ("sales_by_day", ("day",), "view sales_by_day")
    assert view_of(by_day, SalesByDay, key="day", refresh=OnDemand(), name="days").name == "days"


@pytest.mark.parametrize(
    ("function", "row", "key", "told"),
    [
        (later, SalesByDay, "day", "the function of view 'sales_by_day' is async"),
        (of_a_number, SalesByDay, "day", "takes number, not rows"),
        (of_nothing, SalesByDay, "day", "takes no rows"),
        (by_day, SalesByDay, "month", r"keyed or indexed by \['month'\], which its rows lack"),
        (by_day, Mutable, "day", "are mutable"),
    ],
)
def test_what_cannot_be_a_view_is_refused(function: Callable[..., Any], row: type[Any], key: str, told: str) -> None:
    with pytest.raises(WiringError, match=told) as refused:
        view_of(function, row, key=key, refresh=OnDemand())

    assert "test_views.py" in refused.value.where


def test_periods_add_up() -> None:
    assert Every(hours=1, minutes=2, seconds=3).period == 3723


@pytest.mark.parametrize("make", [Every, lambda: Every(minutes=-1), lambda: AfterEvents(0)])
def test_a_refresh_that_is_always_due_is_refused(make: Callable[[], Refresh]) -> None:
    with pytest.raises(ValueError, match="found"):
        make()


def test_a_refresh_tells_when_it_is_due() -> None:
    assert [str(each) for each in (Every(minutes=5), AfterEvents(10_000), OnDemand())] == [
        "every 300 s",
        "after 10000 events",
        "on demand",
    ]
