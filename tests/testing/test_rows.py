"""Specifications of read models: given events make rows; given rows answer queries."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated
from uuid import UUID

import pytest

from diptych import (
    Context,
    FoldError,
    Indexed,
    Meta,
    Module,
    Page,
    Projection,
    Query,
    Rows,
    UnknownMessageError,
    WiringError,
    computed,
)
from diptych.testing import NOON, Recorded, Scenario, given, rows
from tests.testing.store_room import BinFilled, BinOpened, Moved

ONE, TWO = UUID(int=101), UUID(int=102)


@dataclass(frozen=True)
class BinView:
    bin: UUID
    label: Annotated[str, Indexed()]
    quantity: int = 0
    opened_by: str | None = None

    @computed
    def is_empty(self) -> bool:
        return self.quantity == 0


@dataclass(frozen=True)
class Movement:
    bin: UUID
    quantity: int


@dataclass(frozen=True)
class Pair:
    source: UUID
    target: UUID
    moved: int = 0


views = Projection("store_room")
bins = views.read_model(BinView, key="bin")
movements = views.append_only(Movement)
pairs = views.read_model(Pair, key=("source", "target"))


@bins.on
def opened(_: BinView | None, event: BinOpened, meta: Meta) -> BinView:
    return BinView(event.bin, event.label, opened_by=meta.actor)


@bins.on
def filled(row: BinView, event: BinFilled) -> BinView:
    return replace(row, quantity=row.quantity + event.quantity)


@movements.on
def moved(event: Moved) -> list[Movement]:
    return [Movement(event.source, -event.quantity), Movement(event.target, event.quantity)]


@pairs.on
def paired(row: Pair | None, event: Moved) -> Pair:
    return Pair(event.source, event.target, (row.moved if row else 0) + event.quantity)


@dataclass(frozen=True)
class FindBins(Query[Page[BinView]]):
    empty: bool


@dataclass(frozen=True)
class GetTotal(Query[int]):
    pass


@dataclass(frozen=True)
class GetGreeting(Query[str]):
    pass


store_room = Module("store_room")


@store_room.query
async def find_bins(query: FindBins, bins: Rows[BinView]) -> Page[BinView]:
    return await bins.find(is_empty=query.empty, order=["-label"])


@store_room.query
async def get_total(query: GetTotal, movements: Rows[Movement]) -> int:
    return sum(each.quantity for each in await movements.find())


@store_room.query
async def get_greeting(query: GetGreeting, word: str, context: Context) -> str:
    return f"{word} {context.principal} at {context.now:%H}"


spec = Scenario(store_room, views, provide=["hello"])
OPENED = BinOpened(ONE, "left", NOON)


def test_a_row_is_the_fold_of_the_given_events() -> None:
    assert spec.given(OPENED, BinFilled(ONE, 3), BinFilled(ONE, 4)).row(BinView, ONE) == BinView(ONE, "left", 7)
    assert spec.given(OPENED).row(bins, TWO) is None


def test_a_fold_sees_what_was_recorded_beside_the_event() -> None:
    assert spec.given(Recorded(OPENED, actor="ann")).row(BinView, ONE) == BinView(ONE, "left", opened_by="ann")


def test_a_row_may_have_several_key_columns_or_a_position() -> None:
    moves = spec.given(OPENED, Moved(ONE, TWO, 2), Moved(ONE, TWO, 3))

    assert moves.row(Pair, ONE, TWO) == moves.row(Pair, (ONE, TWO)) == Pair(ONE, TWO, 5)
    assert moves.row(Movement, 3, 1) == Movement(TWO, 3)
    with pytest.raises(TypeError, match=r"a key of 'pair' is \(source, target\)"):
        moves.row(Pair, ONE)


def test_a_row_that_must_exist_and_does_not_is_an_error() -> None:
    with pytest.raises(FoldError, match=f"'bin_view' has no row {ONE}$"):
        spec.given(BinFilled(ONE, 1)).row(BinView, ONE)


def test_a_read_model_that_the_specification_does_not_know_is_an_error() -> None:
    with pytest.raises(WiringError, match=r"0 read models .* Moved"):
        spec.given().row(Moved, ONE)
    with pytest.raises(WiringError, match=r"0 read models .* bin_view"):
        Scenario(store_room).given().row(bins, ONE)


def test_rows_answer_queries_in_the_order_asked_for() -> None:
    left, right, full = BinView(ONE, "left"), BinView(TWO, "right"), BinView(UUID(int=103), "full", 1)
    stored = spec.rows(left, full, right)

    assert stored.ask(FindBins(empty=True)).items == (right, left)
    assert stored.ask(FindBins(empty=False)).items == (full,)


def test_append_only_rows_are_kept_apart() -> None:
    assert spec.rows(Movement(ONE, 2), Movement(ONE, 2), BinView(ONE, "left")).ask(GetTotal()) == 4


def test_a_query_handler_gets_what_is_provided() -> None:
    later = NOON + timedelta(hours=3)

    assert spec.rows().ask(GetGreeting(), now=later, principal="ann") == "hello ann at 15"
    assert spec.rows().ask(GetGreeting(), provide=["bye"]) == "bye None at 12"


def test_what_a_factory_opens_is_closed_after_the_query() -> None:
    seen = []

    async def words() -> AsyncIterator[str]:
        yield "opened"
        seen.append("closed")

    assert spec.rows().ask(GetGreeting(), provide=[words]).startswith("opened")
    assert seen == ["closed"]


async def test_rows_are_asked_inside_a_running_loop() -> None:
    assert spec.rows(Movement(ONE, 2)).ask(GetTotal()) == 2


def test_given_and_rows_may_name_their_parts() -> None:
    assert given(OPENED, parts=[views]).row(BinView, ONE) == BinView(ONE, "left")
    assert rows(Movement(ONE, 2), parts=[store_room, views]).ask(GetTotal(), provide=["hello"]) == 2


def test_a_query_that_nobody_answers_is_an_error() -> None:
    with pytest.raises(UnknownMessageError, match="GetTotal"):
        Scenario(views).rows().ask(GetTotal())
