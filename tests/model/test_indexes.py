"""An Index says by which columns, for which rows and with what beside rows are found; a wrong one fails at once."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import pytest

from diptych.errors import WiringError
from diptych.model.indexes import Index
from diptych.model.marks import Indexed, Unique
from diptych.model.projections import Projection
from diptych.model.specifications import fields, parameter
from diptych.read.fingerprint import fingerprint_of


@dataclass(frozen=True)
class Item:
    id: int
    name: str
    blob: bytes
    exact: Decimal


@dataclass(frozen=True)
class Other:
    id: int


item = fields(Item)


def fingerprint(*indexes: str | tuple[str, ...] | Index) -> str:
    projection = Projection("items")
    projection.read_model(Item, key="id", indexes=indexes)
    return fingerprint_of(projection)


@dataclass(frozen=True)
class Indexes:
    id: int
    day: Annotated[int, Indexed()]
    code: Annotated[str, Unique()]


@pytest.mark.parametrize(
    ("indexes", "told"),
    [
        (["day"], "(day)"),
        (["code"], "(code)"),
        ([("id", "day"), ("id", "day")], "(id, day)"),
        ([Index("-day", unique=True), Index("-day", unique=True)], "(-day; unique)"),
    ],
)
def test_an_index_that_is_declared_twice_is_named(indexes: list[Any], told: str) -> None:
    with pytest.raises(WiringError, match=re.escape(f"read model 'indexes' has the index {told} twice")):
        Projection("items").read_model(Indexes, key="id", indexes=indexes)


def test_every_feature_of_an_index_is_in_the_fingerprint() -> None:
    made = [
        (),
        ("name",),
        (Index("name"),),
        (Index("-name"),),
        (Index("name", unique=True),),
        (Index("name", covering="blob"),),
        (Index("name", where=item.id > 1),),
        (Index("name", where=item.id > 2),),
    ]

    assert len({fingerprint(*each) for each in made}) == len(made)
    assert fingerprint(Index("name"), "id") == fingerprint("id", Index("name"))


def test_a_projection_without_such_indexes_keeps_its_fingerprint() -> None:
    assert fingerprint("name", ("id", "name")) == "bcd9a87419ef040c071db583b57321b5"  # from before there were any


@pytest.mark.parametrize(
    ("index", "told"),
    [
        (Index, "no columns"),
        (lambda: Index("name", "-name"), "twice"),
        (lambda: Index("name", covering="name"), "twice"),
        (lambda: Index("name", covering="id", unique=True), "exclude each other"),
        (lambda: Index("name", where=fields(Other).id > 1), "rows Other"),
        (lambda: Index("name", where=item.id > parameter("least")), "open parameters least"),
        (lambda: Index("name", where=item.blob == b"x"), "bytes"),
        (lambda: Index("named"), "named"),
        (lambda: Index("name", covering=["nothing"]), "nothing"),
        (lambda: Index("exact"), "without a scale"),
    ],
)
def test_an_impossible_index_fails_where_it_is_declared(index: Callable[[], Any], told: str) -> None:
    with pytest.raises(WiringError, match=told):
        Projection("items").read_model(Item, key="id", indexes=[index()])
