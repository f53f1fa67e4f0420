"""A cursor is taken back only by the list that gave it; whatever else comes is a wrong field, never a crash."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from diptych.codec import encode
from diptych.errors import InvalidMessageError
from diptych.model.rows import change
from diptych.read.cursors import _digest, cursor_of, values_at
from diptych.read.ordering import ordering_of
from tests.kinds import OPERANDS, rows
from tests.row_stores import NEWEST_POSTGRES, row_store
from tests.shelf import SampleShelf, opened

quiet = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
names = st.sampled_from([*sorted(OPERANDS), "id"])
numbers = st.integers(-(1 << 70), 1 << 70) | st.sampled_from(("1E+999999999", "NaN", "-1E-99", "0.001", "inf", "1e999"))
json = st.none() | st.booleans() | numbers | st.text(max_size=5) | st.lists(st.integers(), max_size=2)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as running:
        yield running


@pytest.fixture(scope="module", params=("memory", NEWEST_POSTGRES))
def shelf(runner: asyncio.Runner, request: pytest.FixtureRequest) -> Iterator[SampleShelf]:
    entered = opened(unopened=row_store(request, request.param))
    yield runner.run(entered.__aenter__())
    runner.run(entered.__aexit__(None, None, None))


@settings(deadline=None, suppress_health_check=quiet)
@given(st.lists(names, min_size=1, max_size=3, unique=True), rows)
def test_a_cursor_gives_back_the_values_behind_which_it_stands(shelf: SampleShelf, order: list[str], row: Any) -> None:
    ordering = ordering_of(shelf.model, shelf.table, order)
    values = tuple(getattr(row, place.column.name) for place in ordering.places)

    cursor = cursor_of(ordering, values)

    assert values_at(ordering, cursor) == values
    assert set(cursor) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


@settings(max_examples=300, deadline=None, suppress_health_check=quiet)
@given(st.lists(names, max_size=2, unique=True), st.lists(json, max_size=4))
def test_a_forged_cursor_is_a_wrong_field_or_a_place_like_others(
    shelf: SampleShelf, runner: asyncio.Runner, order: list[str], forged: list[Any]
) -> None:
    ordering = ordering_of(shelf.model, shelf.table, order)
    cursor = urlsafe_b64encode(encode([_digest(ordering), *forged])).decode().rstrip("=")

    try:
        runner.run(shelf.rows.scroll(order=order, cursor=cursor))
    except InvalidMessageError as refused:
        assert list(refused.errors) == ["cursor"]  # noqa: PT017 (others are places like any)


@pytest.mark.parametrize("price", ["99999999999999999.99", "92233720368547758.08", "0.00001", "NaN", "1E+999999"])
def test_a_decimal_that_no_row_can_have_is_a_wrong_field(shelf: SampleShelf, price: str) -> None:
    ordering = ordering_of(shelf.model, shelf.table, ["price"])
    cursor = urlsafe_b64encode(encode([_digest(ordering), price, 1])).decode().rstrip("=")

    with pytest.raises(InvalidMessageError) as refused:
        values_at(ordering, cursor)

    assert list(refused.value.errors) == ["cursor"]


@settings(deadline=None, suppress_health_check=quiet)
@given(st.text(max_size=30))
def test_garbage_is_a_wrong_field(shelf: SampleShelf, garbage: str) -> None:
    with pytest.raises(InvalidMessageError) as refused:
        values_at(ordering_of(shelf.model, shelf.table, ()), garbage)

    assert list(refused.value.errors) == ["cursor"]


@given(rows)
def test_a_cursor_is_bound_to_order_direction_and_columns(shelf: SampleShelf, row: Any) -> None:
    given_out = cursor_of(ordering_of(shelf.model, shelf.table, ["count"]), (row.count, row.id))

    for other in (["-count"], ["spare"], ["count", "-id"], [], ["id", "count"]):
        with pytest.raises(InvalidMessageError):
            values_at(ordering_of(shelf.model, shelf.table, other), given_out)


@pytest.mark.parametrize("number", [1 << 63, 10**30, -1])
@pytest.mark.parametrize("part", ["limit", "offset"])
def test_a_number_that_no_page_can_have_is_a_wrong_field(
    shelf: SampleShelf, runner: asyncio.Runner, part: str, number: int
) -> None:
    asks = [shelf.rows.find, shelf.rows.scroll] if part == "limit" else [shelf.rows.find]
    for ask in asks:
        with pytest.raises(InvalidMessageError, match=f"{part}: expected at (least|most) .*, found {number}"):
            runner.run(ask(**{part: number}))


AWAY = timezone(timedelta(hours=5, seconds=7))


@settings(max_examples=5, deadline=None, suppress_health_check=quiet)
@given(rows)
@pytest.mark.parametrize(
    ("column", "values"), [("text", ("", "\0", "\0a")), ("opens", (time(9, tzinfo=AWAY), time(10)))]
)
def test_what_no_specification_compares_has_its_place(
    shelf: SampleShelf, runner: asyncio.Runner, column: str, values: tuple[Any, ...], row: Any
) -> None:
    async def pages() -> list[Any]:
        await shelf.fill(change(row, **{column: value}) for value in values)
        found: list[Any] = []
        cursor = None
        for _ in values:
            page = await shelf.rows.scroll(order=[column], limit=1, cursor=cursor)
            found, cursor = [*found, *page], page.next
        return [getattr(each, column) for each in found]

    assert runner.run(pages()) == list(values)


@settings(max_examples=5, deadline=None, suppress_health_check=quiet)
@given(rows)
def test_an_infinite_float_has_its_place(shelf: SampleShelf, runner: asyncio.Runner, row: Any) -> None:
    async def pages() -> list[int]:
        await shelf.fill(change(row, ratio=ratio) for ratio in (float("inf"), 1.0, float("-inf")))
        first = await shelf.rows.scroll(order=["-ratio"], limit=1)
        second = await shelf.rows.scroll(order=["-ratio"], limit=2, cursor=first.next)
        return [each.id for page in (first, second) for each in page]

    assert runner.run(pages()) == [0, 1, 2]
