"""FullText marks the text columns of a read model that are searched."""

from dataclasses import dataclass
from typing import Annotated, Any

import pytest

from diptych.errors import WiringError
from diptych.model.marks import FullText
from diptych.model.projections import Projection
from diptych.model.rows import columns_of, computed
from diptych.read.fingerprint import fingerprint_of


@dataclass(frozen=True)
class Item:
    code: str
    name: Annotated[str, FullText(weight=3)]
    about: Annotated[str | None, FullText] = None
    note: Annotated[str, FullText()] | None = None

    @computed
    def title(self) -> Annotated[str, FullText(weight=0.5)]:
        return f"{self.code} {self.name}"


def test_a_column_has_the_weight_of_its_mark() -> None:
    weights = {column.name: column.weight for column in columns_of(Item)}

    assert weights == {"code": None, "name": 3, "about": 1, "note": 1, "title": 0.5}


@dataclass(frozen=True)
class Number:
    code: Annotated[int, FullText()]


@dataclass(frozen=True)
class Several:
    codes: Annotated[tuple[str, ...], FullText()]


@dataclass(frozen=True)
class Weightless:
    name: Annotated[str, FullText(weight=0)]


@dataclass(frozen=True)
class Heavy:
    name: Annotated[str, FullText(weight=float("inf"))]


@dataclass(frozen=True)
class Rank:
    Rank: Annotated[str, FullText()]


@dataclass(frozen=True)
class Numbered:
    _id: int
    name: Annotated[str, FullText()]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (Number, r"column 'code' of Number .* on a column of int; mark a str"),
        (Several, "column 'codes' of Several"),
        (Weightless, r"FullText\(weight=0\).*a weight above 0"),
        (Heavy, r"FullText\(weight=inf\)"),
        (Rank, "Rank is searched, and its column 'Rank' has a name of the text index's own; call it otherwise: Rank_"),
        (Numbered, "its column '_id' has a name of the text index's own; call it otherwise: id_"),
    ],
)
def test_what_cannot_be_searched_fails_at_start(row: type, told: str) -> None:
    with pytest.raises(WiringError, match="(?s)" + told.replace("; ", ".*")):
        columns_of(row)


def fingerprint(row: Any) -> str:
    projection = Projection("items")
    projection.read_model(row, key="code", name="item")
    return fingerprint_of(projection)


def rows_with(mark: Any) -> type:
    @dataclass(frozen=True)
    class Row:
        code: str
        name: Annotated[str, *mark] if mark else str  # type: ignore[valid-type]  # made by the test

    return Row


def test_a_mark_changes_the_fingerprint_and_its_weight_does_not() -> None:
    plain, light, heavy = (fingerprint(rows_with(mark)) for mark in ((), (FullText(),), (FullText(9),)))

    assert plain != light
    assert light == heavy
