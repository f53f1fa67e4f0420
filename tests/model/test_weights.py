"""A value weighs what it takes in memory."""

from __future__ import annotations

import enum
import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID

import msgspec
import pytest

from diptych.model.weights import weight_of


class Colour(enum.Enum):
    RED = 1


@dataclass(frozen=True, slots=True)
class Slotted:
    name: str
    price: Decimal
    id: UUID


@dataclass(frozen=True)
class Plain:
    name: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    pass


class Packed(msgspec.Struct, frozen=True):
    words: frozenset[str]


def slotted(number: int) -> Slotted:
    return Slotted(f"name {number}", Decimal(number) / 7, UUID(int=number << 64))


@pytest.mark.parametrize(
    "make",
    [
        slotted,
        lambda number: Plain(f"name {number}", tuple(range(number << 40, (number << 40) + 20))),
        lambda number: Packed(frozenset({f"{number}", f"{number} times"})),
        lambda number: MappingProxyType({f"{number}": slotted(number), "none": None}),
        lambda number: tuple(slotted(each) for each in range(number, number + 20)),
    ],
    ids=["slots", "dictionary", "struct", "mapping", "tuple"],
)
def test_the_weight_is_what_is_allocated(make: Callable[[int], Any]) -> None:
    weight_of(make(1))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        made = [make(number) for number in range(1000, 3000)]
        taken = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    weight = sum(map(weight_of, made))
    assert 0.9 * taken < weight < 1.4 * taken


@pytest.mark.parametrize("shared", [None, True, Colour.RED, int])
def test_what_there_is_only_one_of_weighs_nothing(shared: Any) -> None:
    assert weight_of(shared) == 0


def test_a_record_without_fields_weighs_itself() -> None:
    assert 0 < weight_of(Empty()) < 100


def test_what_is_too_heavy_is_not_weighed_to_its_end() -> None:
    seen = []

    class Text(str):
        __slots__ = ()

        def __sizeof__(self) -> int:
            seen.append(self)
            return 1000

    weight = weight_of(tuple(Text(number) for number in range(1000)), at_most=20_000)

    assert 20_000 < weight < 22_000
    assert len(seen) < 20
