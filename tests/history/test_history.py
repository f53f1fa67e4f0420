"""What a row was, since when, and which event, command and principal were behind it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from diptych.application import Application
from diptych.errors import (
    CostError,
    InvalidMessageError,
    NoHistoryError,
    PositionError,
    UnknownRowError,
    WiringError,
)
from diptych.history.blame import FieldChange
from diptych.history.keys import key_of_text, moment_of_text
from diptych.history.refold import Cost
from diptych.model.messages import Query
from diptych.model.projections import Projection
from diptych.module import Module
from diptych.testing.clock import FixedClock
from tests.history.shop import (
    NOON,
    Both,
    CountSales,
    Drop,
    FindPlains,
    FindShelves,
    GetPlain,
    GetShelf,
    InText,
    Plain,
    Price,
    Sell,
    Shelf,
    application,
)
from tests.read.sales import events_at, home_of
from tests.row_stores import KINDS


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture(params=KINDS)
async def app(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Application]:
    """Six events, an hour apart from 12:00: priced, sold, sold, dropped, priced, and another product."""
    events = events_at(home_of(request, request.param, tmp_path))
    async with application(events, clock=clock) as app:
        for command, principal in (
            (Price("lamp", Decimal("9.50")), "ann"),
            (Sell("lamp", 2), "bob"),
            (Sell("lamp", 3), None),
            (Drop("lamp"), "ann"),
            (Price("lamp", Decimal("8.00")), "cid"),
            (Price("desk", Decimal("90.00")), "ann"),
        ):
            (await app.send(command, principal=principal)).unwrap()
            clock.advance(timedelta(hours=1))
        await app.caught_up()
        yield app


def lamp(price: str, sold: int) -> Shelf:
    return Shelf("lamp", Decimal(price), sold)


LAMPS = [None, lamp("9.50", 0), lamp("9.50", 2), lamp("9.50", 5), None, lamp("8", 0), lamp("8", 0)]


async def test_a_query_is_answered_as_of_any_position(app: Application) -> None:
    for position, expected in enumerate(LAMPS):
        answer = await app.answer(GetShelf("lamp"), as_of=position)

        assert (answer.value, answer.position) == (expected, position)
        found = await app.ask(FindShelves(), as_of=position)
        assert [row for row in found if row.product == "lamp"] == ([expected] if expected else [])
    assert (await app.ask(FindShelves(at_least=5), as_of=3)).total == 1


async def test_a_read_model_without_history_is_refolded_by_key_and_lists_are_refused(app: Application) -> None:
    for position, row in enumerate(LAMPS):
        expected = row and Plain(row.product, row.price, row.sold)
        assert await app.ask(GetPlain("lamp"), as_of=position) == expected
    with pytest.raises(NoHistoryError, match=r"'plains', which keeps no history,.*history=True"):
        await app.ask(FindPlains(), as_of=3)


async def test_append_only_rows_have_a_past_without_keeping_one(app: Application) -> None:
    assert [await app.ask(CountSales(), as_of=position) for position in range(7)] == [0, 0, 1, 2, 2, 2, 2]


async def test_all_that_a_query_reads_is_of_one_position(app: Application) -> None:
    assert [await app.ask(Both(), as_of=position) for position in range(7)] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 2),
        (0, 2),
        (1, 2),
        (2, 2),
    ]


async def test_sql_as_text_is_refused_as_nobody_sees_what_it_reads(app: Application) -> None:
    assert await app.ask(InText()) == 2
    with pytest.raises(NoHistoryError, match="SQL as text"):
        await app.ask(InText(), as_of=3)


@pytest.mark.parametrize(
    ("moment", "position"),
    [
        (NOON - timedelta(microseconds=1), 0),
        (NOON, 1),
        (NOON + timedelta(minutes=59), 1),
        (NOON + timedelta(hours=2), 3),
        (NOON + timedelta(days=9), 6),
        (5, 5),
    ],
)
async def test_a_time_means_the_last_position_recorded_by_then(
    app: Application, moment: datetime | int, position: int
) -> None:
    assert (await app.answer(GetShelf("lamp"), as_of=moment)).position == position


@pytest.mark.parametrize("moment", ["yesterday", 1.5, True, date(2026, 3, 1)])
async def test_what_is_no_moment_is_refused(app: Application, moment: Any) -> None:
    with pytest.raises(TypeError, match=r"a moment is a position or a time, found .*; pass result\.position"):
        await app.ask(GetShelf("lamp"), as_of=moment)


async def test_events_of_one_command_share_their_time_and_the_last_of_them_counts(clock: FixedClock) -> None:
    async with application(clock=clock) as app:
        for _ in range(5):
            await app.send(Sell("lamp", 1))

        assert await app.history.position_of(NOON) == 5
        assert await app.history.position_of(NOON - timedelta(seconds=1)) == 0


async def test_a_moment_that_is_none_is_refused(app: Application) -> None:
    with pytest.raises(PositionError):
        await app.ask(GetShelf("lamp"), as_of=7)
    with pytest.raises(ValueError, match="0 or more, found -1"):
        await app.ask(GetShelf("lamp"), as_of=-1)
    with pytest.raises(ValueError, match="needs a zone"):
        await app.ask(GetShelf("lamp"), as_of=datetime(2026, 3, 1))  # noqa: DTZ001 (it is what is refused)
    with pytest.raises(PositionError):
        await app.history.blame("plains", "lamp", as_of=7)


@pytest.mark.parametrize("model", ["shelves", "plains"])
async def test_blame_names_the_event_that_set_each_field(app: Application, model: str) -> None:
    blame = await app.history.blame(model, "lamp", as_of=3)

    assert {each.field: (each.value, each.cause.position) for each in blame.fields if each.field != "turnover"} == {
        "product": ("lamp", 1),
        "price": (Decimal("9.50"), 1),
        "sold": (5, 3),
    }
    price = blame.fields[1].cause
    assert (price.event, price.version, price.actor, price.recorded_at) == ("product.priced", 3, "ann", NOON)
    assert price.command is not None
    record = await app.outcome(price.command)
    assert record is not None
    assert record.name == "Price"


async def test_computed_fields_are_blamed_too_and_one_field_alone(app: Application) -> None:
    (only,) = (await app.history.blame("shelves", "lamp", field="turnover", as_of=2)).fields

    assert (only.field, only.value, only.cause.position, only.cause.actor) == ("turnover", Decimal(19), 2, "bob")


async def test_a_row_that_came_back_is_blamed_on_its_return(app: Application) -> None:
    for model in ("shelves", "plains"):
        blame = await app.history.blame(model, "lamp")
        assert {each.cause.position for each in blame.fields} == {5}


@pytest.mark.parametrize("model", ["shelves", "plains"])
async def test_a_diff_tells_both_states_and_every_event_between(app: Application, model: str) -> None:
    diff = await app.history.diff(model, "lamp", 1, NOON + timedelta(hours=2))

    assert (diff.start, diff.end, diff.before.sold, diff.after.sold) == (1, 3, 0, 5)
    assert [each for each in diff.fields if each.field != "turnover"] == [FieldChange("sold", 0, 5)]
    told = [(each.cause.position, each.cause.actor, each.fields[0]) for each in diff.events]
    assert told == [(2, "bob", FieldChange("sold", 0, 2)), (3, None, FieldChange("sold", 2, 5))]


async def test_a_diff_over_a_deletion_has_no_row_on_one_side(app: Application) -> None:
    gone = await app.history.diff("shelves", "lamp", 3, 4)
    made = await app.history.diff("shelves", "lamp", 0, 1)

    assert (gone.before, gone.after) == (LAMPS[3], None)
    assert (made.before, made.after) == (None, LAMPS[1])
    assert FieldChange("price", None, Decimal("9.50")) in made.fields
    assert (await app.history.diff("shelves", "lamp", 3, 5)).fields[0].field == "price"
    with pytest.raises(ValueError, match="come in order, found position 3 before 1"):
        await app.history.diff("shelves", "lamp", 3, 1)


@pytest.mark.parametrize("model", ["shelves", "plains"])
async def test_versions_come_page_by_page(app: Application, model: str) -> None:
    first = await app.history.versions(model, "lamp", count=3)
    rest = await app.history.versions(model, "lamp", after=first[-1].cause.position)

    assert [each.cause.position for each in (*first, *rest)] == [1, 2, 3, 4, 5]
    assert [each.row is None for each in (*first, *rest)] == [False, False, False, True, False]
    assert first[1].fields[0] == FieldChange("sold", 0, 2)


async def test_an_append_only_row_is_blamed_on_its_event(app: Application) -> None:
    blame = await app.history.blame("sales", (3, 0))

    assert {each.field: each.cause.position for each in blame.fields} == {"product": 3, "pieces": 3, "at": 3}


async def test_a_rolled_up_row_is_refolded_from_all_that_it_counts(app: Application) -> None:
    (count,) = (await app.history.blame("totals", Decimal("9.50"), field="products")).fields

    assert (count.value, count.cause.position, count.cause.event) == (0, 4, "product.dropped")
    assert await app.history.cost("totals", Decimal("9.50")) == Cost(events=6, scans=True)


async def test_the_cost_is_told_before_it_is_paid_and_a_limit_refuses(app: Application) -> None:
    assert await app.history.cost("plains", "lamp") == Cost(events=5, scans=False)
    assert await app.history.cost("plains", "lamp", as_of=2) == Cost(events=2, scans=False)
    assert await app.history.cost("shelves", "lamp") == Cost(events=0, scans=False)
    with pytest.raises(CostError, match="5 events are read, all of them by tags; the limit is 4"):
        await app.history.blame("plains", "lamp", limit=4)


async def test_what_is_not_there_is_told_with_what_is(app: Application) -> None:
    history = app.history
    with pytest.raises(UnknownRowError, match="no read model 'shelf'; there are: shelves, plains, totals, sales"):
        await history.blame("shelf", "lamp")
    with pytest.raises(UnknownRowError, match="no field 'cost'; it has: product, price, sold, turnover"):
        await history.blame("shelves", "lamp", field="cost")
    with pytest.raises(UnknownRowError, match="no row 'sofa' at position 6"):
        await history.blame("shelves", "sofa")
    with pytest.raises(UnknownRowError, match="no row 'lamp' at position 4"):
        await history.blame("plains", "lamp", as_of=4)
    with pytest.raises(UnknownRowError, match="had no row 'sofa' from position 0 to 3"):
        await history.diff("plains", "sofa", 0, 3)
    with pytest.raises(TypeError, match=r"a key of 'sales' is \(position, index\), found 3"):
        await history.blame("sales", 3)


async def test_a_key_in_text_is_read_by_the_types_of_its_columns(app: Application) -> None:
    models = app.history.models

    assert key_of_text(models["shelves"], "a,b") == ("a,b",)
    assert key_of_text(models["sales"], '3,"0"') == (3, 0)
    assert key_of_text(models["totals"], "9.50") == (Decimal("9.50"),)
    with pytest.raises(InvalidMessageError, match="the key of sales is invalid: index: expected `int`, found 'x'"):
        key_of_text(models["sales"], "3,x")
    with pytest.raises(InvalidMessageError, match=r"2 parts parted by commas \(position,index\), found 1"):
        key_of_text(models["sales"], "3")


def test_a_moment_in_text_is_a_position_or_a_time_with_a_zone() -> None:
    assert moment_of_text("12") == 12
    assert moment_of_text("2026-03-01T12:00:00Z") == datetime(2026, 3, 1, 12, tzinfo=UTC)
    for text in ("", "-1", "x", "2026-03-01", "2026-03-01T12:00:00", "1" * 30, "²"):
        with pytest.raises(ValueError, match="expected a position or a time with a zone"):
            moment_of_text(text)


async def test_a_query_that_has_a_field_named_as_of_is_refused_at_start() -> None:
    module = Module("odd")
    fields: dict[str, Any] = {"__annotations__": {"as_of": int}}
    query = type("Odd", (Query,), fields)

    async def odd(query: Any) -> None:
        return None

    odd.__annotations__["query"] = dataclass(query)
    module.query(odd)
    with pytest.raises(WiringError, match="has a field named as_of"):
        Application(module, Projection("none"))
