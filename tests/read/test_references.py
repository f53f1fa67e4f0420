"""References, fan-outs and rollups: a row reads others, follows others, and is counted by others."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any

import pytest

from diptych.errors import FoldError, WiringError
from diptych.history.check import check
from diptych.model.marks import Scale
from diptych.model.meta import Meta
from diptych.model.projections import Projection
from diptych.model.rowfolds import RowChange
from diptych.read.panel import ReadPanel
from diptych.stores.memory import MemoryEventStore
from diptych.testing import Scenario
from tests.read.shop import Closed, Created, Removed, Renamed, Sold, codec, opened, record, shop
from tests.read.stalls import Good, Stall, Total, stalls

PRICE = Decimal(1)
MORNING = datetime(2026, 1, 5, 3, tzinfo=timezone(timedelta(hours=5)))


@dataclass(frozen=True, slots=True)
class Priced:
    code: str
    price: Annotated[Decimal, Scale(2)]
    sold: int
    parts: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Pair:
    stall: str
    day: datetime


@dataclass(frozen=True, slots=True)
class Cost:
    price: Annotated[Decimal, Scale(2)]


class Market:
    """A log, and the panel that folds it."""

    def __init__(self, store: MemoryEventStore, panel: ReadPanel) -> None:
        self.store, self.panel = store, panel

    async def rows(self, *events: Any) -> dict[str, dict[Any, Any]]:
        """Record the events as one command and return every row, read models by name."""
        await self.panel.caught_up(await record(self.store, *events))
        assert (await check(stalls(), self.store, self.panel.rows, codec())).is_right
        async with self.panel.rows.reader() as reader:
            stored = (await reader.snapshot(stalls())).rows
        return {name: {key[0]: row for key, row in rows.items()} for name, rows in stored.items()}


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    store = MemoryEventStore()
    async with opened(store, [shop(), stalls()]) as panel:
        yield Market(store, panel)


async def test_a_fold_gets_the_row_that_its_event_points_to_as_it_stands_there(market: Market) -> None:
    rows = await market.rows(Created("p1", "fruit", PRICE), Created("p2", "fruit", PRICE))

    assert rows["stall"] == {"fruit": Stall("fruit", 1)}
    assert rows["good"] == {"p1": Good("p1", "fruit", 1), "p2": Good("p2", "fruit", 1)}


async def test_a_fan_out_reaches_every_row_that_matches_stored_or_not(market: Market) -> None:
    await market.rows(Created("p1", "fruit", PRICE), Created("p2", "herbs", PRICE))
    rows = await market.rows(Created("p3", "fruit", PRICE), Closed("fruit"), Created("p4", "herbs", PRICE))

    assert {code: row.closed for code, row in rows["good"].items()} == {
        "p1": True,
        "p2": False,
        "p3": True,
        "p4": False,
    }


async def test_a_row_that_no_longer_matches_is_left_alone(market: Market) -> None:
    rows = await market.rows(Created("p1", "fruit", PRICE), Renamed("p1", "herbs"), Closed("fruit"))

    assert not rows["good"]["p1"].closed


async def test_a_fan_out_pages_through_more_rows_than_fit_one(market: Market) -> None:
    await market.rows(*(Created(f"p{number}", "fruit", PRICE) for number in range(2500)))
    rows = await market.rows(Closed("fruit"))

    assert all(row.closed for row in rows["good"].values())
    assert rows["total"]["fruit"] == Total("fruit", goods=2500, closed=2500)


async def test_an_event_may_change_rows_that_it_also_makes(market: Market) -> None:
    rows = await market.rows(Sold(1, (("p1", 2), ("p2", 3), ("p1", 1))))

    assert rows["good"] == {"p1": Good("p1", "", 0, 3), "p2": Good("p2", "", 0, 3)}


async def test_a_rollup_follows_rows_from_key_to_key(market: Market) -> None:
    await market.rows(Created("p1", "fruit", PRICE), Created("p2", "fruit", PRICE), Sold(1, (("p1", 5),)))
    rows = await market.rows(Renamed("p1", "herbs"), Removed("p2"))

    assert rows["total"] == {"herbs": Total("herbs", goods=1, sold=5)}


def made() -> tuple[Projection, Any, Any]:
    projection = Projection("p")
    return projection, projection.read_model(Stall, key="name"), projection.read_model(Good, key="code")


def test_a_parameter_that_nobody_gives_is_refused() -> None:
    _, _, goods = made()

    with pytest.raises(WiringError, match=r"nobody gives .* its 'stall'"):

        @goods.on
        def moved(row: Good | None, event: Created, stall: Stall | None) -> Good | None: ...


def test_a_reference_across_projections_is_refused() -> None:
    _, _, goods = made()
    others = Projection("others").read_model(Stall, key="name")

    with pytest.raises(WiringError, match="of projection 'others'"):

        @goods.on(stall=others["name"])
        def moved(row: Good | None, event: Created, stall: Stall | None) -> Good | None: ...


def test_a_reference_to_rows_of_another_type_than_the_parameter_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="rows of 'stall' are Stall"):

        @goods.on(stall=places["name"])
        def moved(row: Good | None, event: Created, stall: Total | None) -> Good | None: ...


def test_a_reference_by_a_field_that_the_event_lacks_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="Created has no field 'place'"):

        @goods.on(stall=places["place"])
        def moved(row: Good | None, event: Created, stall: Stall | None) -> Good | None: ...


def test_a_reference_that_no_parameter_takes_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="no parameter 'stall'"):

        @goods.on(stall=places["name"])
        def moved(row: Good | None, event: Created, meta: Meta) -> Good | None: ...


@pytest.mark.parametrize(("columns", "lacking"), [({"place": "shop"}, "place"), ({"stall": "place"}, "place")])
def test_a_fan_out_by_what_is_not_there_is_refused(columns: dict[str, str], lacking: str) -> None:
    _, _, goods = made()

    with pytest.raises(WiringError, match=f"has no '{lacking}'"):

        @goods.where(**columns).on
        def shut(row: Good, event: Closed) -> Good: ...


def test_a_rollup_of_what_is_declared_below_it_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="not declared below it"):

        @places.rollup(goods, key="stall")
        def counted(row: Stall | None, change: RowChange[Good]) -> Stall | None: ...


def test_a_rollup_whose_second_parameter_is_no_change_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="no row change"):

        @goods.rollup(places, key="name")
        def counted(row: Good | None, change: Stall) -> Good | None: ...


def test_a_rollup_into_append_only_rows_is_refused() -> None:
    projection, places, _ = made()
    lines = projection.append_only(Total)

    with pytest.raises(WiringError, match="'total', which is append-only"):

        @lines.rollup(places, key="name")
        def counted(row: Total | None, change: RowChange[Stall]) -> Total | None: ...


def test_what_is_no_reference_is_refused() -> None:
    _, _, goods = made()
    given: Any = "stall"

    with pytest.raises(WiringError, match="stall='stall', which is no reference to rows"):

        @goods.on(stall=given)
        def moved(row: Good | None, event: Created, stall: Stall | None) -> Good | None: ...


def test_a_key_and_keys_at_once_are_refused() -> None:
    _, _, goods = made()

    with pytest.raises(WiringError, match="is given key and keys"):

        @goods.on(key="code", keys=lambda event: [event.code])
        def moved(row: Good | None, event: Created) -> Good | None: ...


def test_a_key_of_append_only_rows_is_refused() -> None:
    lines = Projection("p").append_only(Stall)

    with pytest.raises(WiringError, match="is given key, and 'stall' is append-only"):

        @lines.on(key="shop")
        def shut(event: Closed) -> Stall | None: ...


def test_a_key_by_a_field_of_another_type_is_refused() -> None:
    priced = Projection("p").read_model(Priced, key="code")

    with pytest.raises(
        WiringError, match=r"'sale' of Sold in the key 'code' of 'priced'.*\n.*\n.*on\(key=lambda event"
    ):

        @priced.on(key="sale")
        def moved(row: Priced | None, event: Sold) -> Priced | None: ...


def test_a_reference_by_a_field_of_another_type_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="'sale' of Sold in the key 'name' of 'stall', which is of another type"):

        @goods.on(key=lambda _: None, stall=places["sale"])
        def moved(row: Good | None, event: Sold, stall: Stall | None) -> Good | None: ...


@pytest.mark.parametrize(
    ("columns", "event"),
    [({"sold": "name"}, Renamed), ({"code": "sale"}, Sold), ({"price": "price"}, Created), ({"parts": "lines"}, Sold)],
    ids=["a text among numbers", "a number among texts", "more places than are stored", "JSON"],
)
def test_a_fan_out_by_a_field_that_no_stored_value_equals_is_refused(columns: dict[str, str], event: type) -> None:
    priced = Projection("p").read_model(Priced, key="code")

    def folded(row: Priced, event: Any) -> Priced: ...

    folded.__annotations__["event"] = event
    with pytest.raises(WiringError, match="of another type, or no single value"):
        priced.where(**columns).on(folded)


@pytest.mark.parametrize("found", [7, ("fruit", 1)], ids=["of another type", "of too many parts"])
async def test_a_computed_key_that_fits_no_row_stops_the_projection(found: Any) -> None:
    projection, store = Projection("p"), MemoryEventStore()
    places = projection.read_model(Stall, key="name")

    @places.on(key="name", other=places[lambda _: found])
    def opened_(row: Stall | None, event: Created, other: Stall | None) -> Stall: ...

    async with opened(store, [shop(), projection]) as panel:
        with pytest.raises(FoldError, match=r"a key of \(name: str\) was to be computed"):
            await panel.caught_up(await record(store, Created("p1", "fruit", PRICE)))


async def test_a_computed_key_with_a_part_that_is_none_changes_no_row() -> None:
    projection, store = Projection("p"), MemoryEventStore()
    pairs = projection.read_model(Pair, key=("stall", "day"))

    @pairs.on(keys=lambda event: [None, (event.name, None), (event.name, MORNING)])
    def sold(row: Pair | None, event: Created, key: tuple[str, datetime]) -> Pair:
        return Pair(*key)

    async with opened(store, [shop(), projection]) as panel:
        await panel.caught_up(await record(store, Created("p1", "fruit", PRICE)))
        async with panel.rows.reader() as reader:
            stored = (await reader.snapshot(projection)).rows["pair"]

    assert list(stored.values()) == [Pair("fruit", MORNING)]


async def test_a_reference_is_not_asked_for_by_an_event_that_changes_no_row() -> None:
    projection, store, points = Projection("p"), MemoryEventStore(), {"fruit": "herbs"}
    places = projection.read_model(Stall, key="name")

    @places.on(key=lambda event: event.name or None, other=places[lambda event: points[event.name]])
    def made_(row: Stall | None, event: Created, other: Stall | None) -> Stall:
        return Stall(event.name, 1)

    async with opened(store, [shop(), projection]) as panel:
        await panel.caught_up(await record(store, Created("p1", "", PRICE), Created("p2", "fruit", PRICE)))
        async with panel.rows.reader() as reader:
            assert (await reader.snapshot(projection)).rows["stall"] == {("fruit",): Stall("fruit", 1)}


async def test_a_fold_is_given_its_key_as_it_is_stored() -> None:
    projection, seen = Projection("p"), []
    pairs = projection.read_model(Pair, key=("stall", "day"))
    prices = projection.read_model(Cost, key="price")

    @pairs.on(key=lambda event: (event.name, MORNING))
    def sold(row: Pair | None, event: Created, key: tuple[str, datetime]) -> Pair:
        seen.append(key[1].isoformat())
        return Pair(*key)

    @prices.on
    def priced(row: Cost | None, event: Created, key: Decimal) -> Cost:
        seen.append(str(key))
        return Cost(key)

    Scenario(projection).given(Created("p1", "fruit", PRICE)).row(prices, PRICE)

    assert seen == ["2026-01-04T22:00:00+00:00", "1.00"]


def test_a_rollup_by_a_column_that_its_rows_lack_is_refused() -> None:
    _, places, goods = made()

    with pytest.raises(WiringError, match="have no column 'code'"):

        @goods.rollup(places)
        def counted(row: Good | None, change: RowChange[Stall]) -> Good | None: ...
