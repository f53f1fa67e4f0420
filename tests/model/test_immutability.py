"""What is mutable in a state type is found, with its path; what cannot be judged is trusted."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple, Protocol, TypeVar
from uuid import UUID

import msgspec
import pytest

from diptych.model.immutability import mutable_part
from diptych.model.marks import Tag
from diptych.model.pages import Page

T = TypeVar("T")


class Colour(enum.Enum):
    RED = 1


@dataclass(frozen=True)
class Leaf:
    id: Annotated[UUID, Tag("leaf")]
    colour: Colour | None = None


@dataclass(frozen=True)
class Tree:
    leaves: tuple[Leaf, ...]
    parent: "Tree | None" = None
    prices: MappingProxyType[str, Decimal] | None = None
    children: "tuple[Tree, ...]" = ()
    at: datetime | None = None
    anything: Any = None
    view: Mapping[str, int] | None = None


@dataclass
class Open:
    count: int = 0


@dataclass(frozen=True)
class Holder:
    inner: tuple[Open, ...]


class Packed(msgspec.Struct, frozen=True):
    names: frozenset[str]


class Loose(msgspec.Struct):
    names: frozenset[str]


class Point(NamedTuple):
    x: int
    tags: list[int]


class Pair(NamedTuple):
    left: "Pair | None"
    right: tuple[int, ...]


class Plain:
    """A class whose fields nobody knows."""


class Settable:
    def __init__(self) -> None:
        self.count = 0


class Slotted:
    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


class Guarded(Settable):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


class Counting(Protocol):
    count: int


@dataclass(frozen=True)
class Around:
    inner: Settable


@pytest.mark.parametrize(
    "tp",
    [
        int,
        str,
        Leaf,
        Tree,
        Packed,
        tuple[int, ...],
        frozenset[Leaf],
        Pair,
        int | None,
        Any,
        T,
        Plain,
        Slotted,
        Guarded,
        Counting,
        Around,
    ],
)
def test_immutable_and_unjudged_types_have_no_mutable_part(tp: Any) -> None:
    assert mutable_part(tp) is None


@pytest.mark.parametrize(
    ("tp", "found"),
    [
        (list, "state: list"),
        (dict[str, int], "state: dict"),
        (int | set[int], "state: set"),
        (bytearray, "state: bytearray"),
        (Open, "state: Open is not frozen"),
        (Loose, "state: Loose is not frozen"),
        (Holder, "state.inner[]: Open is not frozen"),
        (tuple[list[int], ...], "state[]: list"),
        (MappingProxyType[str, list[int]], "state[]: list"),
        (Point, "state.tags: list"),
        (Page[Open], "state[]: Open is not frozen"),
        (Settable, "state: Settable lets its attributes be set"),
        (Settable | None, "state: Settable lets its attributes be set"),
    ],
)
def test_the_first_mutable_part_is_named_with_its_path(tp: Any, found: str) -> None:
    assert mutable_part(tp) == found
