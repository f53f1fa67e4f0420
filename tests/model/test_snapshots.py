"""How often states are saved, and which types of state can be."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, NewType
from uuid import UUID

import msgspec
import pytest

from diptych.errors import WiringError
from diptych.model.restorability import difference, unrestorable_part
from diptych.model.snapshots import Snapshots

Code = NewType("Code", str)


class Colour(enum.Enum):
    RED = "red"


class Point(NamedTuple):
    x: int
    y: Decimal


class Own:
    pass


class Text(str):
    __slots__ = ()


class Draft(msgspec.Struct, frozen=True, tag=True):
    title: str


class Printed(msgspec.Struct, frozen=True, tag=True):
    on: date


@dataclass(frozen=True)
class Leaf:
    code: Code
    colour: Colour
    kind: Literal["a", "b"]
    points: tuple[Point, ...]
    seen: frozenset[UUID]
    prices: Mapping[date, Decimal]
    counts: MappingProxyType[int, tuple[int, str]]
    book: Draft | Printed | None
    inner: Leaf | None = None


@dataclass(frozen=True)
class Branch:
    leaves: tuple[Leaf, ...]
    owns: Mapping[str, tuple[Own, ...]]


@dataclass(frozen=True)
class Pairs:
    found: Mapping[tuple[str, str], int]


@dataclass(frozen=True)
class Listed:
    codes: Sequence[str]


@dataclass(frozen=True)
class Other:
    name: str


@dataclass(frozen=True)
class Loose:
    value: Any


@pytest.mark.parametrize(
    "tp", [int, str | None, Leaf, tuple[Leaf, ...], Point, Draft | Printed, int | str, frozenset[int]]
)
def test_values_records_and_containers_come_back_from_json(tp: Any) -> None:
    assert unrestorable_part(tp) is None


@pytest.mark.parametrize(
    ("tp", "part"),
    [
        (complex, "state: complex, which JSON has no form for"),
        (Own | None, "state: Own, which JSON has no form for"),
        (Text, "state: Text, which JSON has no form for"),
        (Branch, "state.owns[][]: Own, which JSON has no form for"),
        (Pairs, "state.found: collections.abc.Mapping[tuple[str, str], int], whose keys JSON has no form for"),
        (Listed, "state.codes: collections.abc.Sequence[str], which comes back as a list"),
        (frozenset[AbstractSet[int]], "state[]: collections.abc.Set[int], which comes back as a set"),
        (Loose, "state.value: Any, of which nobody knows what to read"),
        (tuple[object, ...], "state[]: object, of which nobody knows what to read"),
        (Leaf | Loose, "state.value: Any, of which nobody knows what to read"),
        (datetime | str, "state: datetime | str, which JSON does not tell apart; Structs with tag=True are told apart"),
        (Leaf | Other, "state: Leaf | Other, which JSON does not tell apart; Structs with tag=True are told apart"),
    ],
)
def test_the_part_that_does_not_come_back_is_named(tp: Any, part: str) -> None:
    assert unrestorable_part(tp) == part


@pytest.mark.parametrize("wrong", [{"every": 0}, {"every": 2.5}, {"every": True}, {"version": 0}])
def test_every_and_version_are_whole_numbers_from_1(wrong: dict[str, Any]) -> None:
    with pytest.raises(WiringError, match="whole number from 1"):
        Snapshots(**wrong)


@pytest.mark.parametrize(
    ("state", "restored", "told"),
    [
        (1, True, "state: 1 comes back as True"),
        ((1, 2), (1,), "state: (1, 2) comes back as (1,)"),
        ({"a": 1.0}, {"a": 1}, "state['a']: 1.0 comes back as 1"),
        ({1: 2}, {"1": 2}, "state[1]: 1 comes back as '1'"),
        ({1: 2, 3: 4}, {3: 4, 1: 2}, "state[1]: 1 comes back as 3"),
        ({1: 2}, {}, "state: {1: 2} comes back as {}"),
        (Other("a"), Other("b"), "state.name: 'a' comes back as 'b'"),
        (Decimal("1.0"), Decimal("1.00"), "state: Decimal('1.0') comes back as Decimal('1.00')"),
        (frozenset({1}), frozenset({2}), "state: frozenset({1}) comes back as frozenset({2})"),
        (Point(1, Decimal(2)), (1, Decimal(2)), "state: Point(x=1, y=Decimal('2')) comes back as (1, Decimal('2'))"),
    ],
)
def test_what_came_back_otherwise_is_told(state: Any, restored: Any, told: str) -> None:
    assert difference(state, restored) == told


def test_what_came_back_as_it_was_has_no_difference() -> None:
    state = (
        Other("a"),
        MappingProxyType({1: frozenset({1, 2})}),
        None,
        Point(1, Decimal("1.0")),
        datetime(2026, 1, 2, tzinfo=UTC),
    )

    assert (
        difference(
            state,
            (Other("a"), {1: frozenset({2, 1})}, None, Point(1, Decimal("1.0")), datetime(2026, 1, 2, tzinfo=UTC)),
        )
        is None
    )
