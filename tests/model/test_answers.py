"""Answers: rows are shown with their computed columns, wherever in an answer they stand."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

import msgspec
import pytest

from diptych.codec import encode_answer
from diptych.model.answers import rows_in, shape_of, shown
from diptych.model.marks import Indexed, Scale
from diptych.model.pages import Page
from diptych.model.rows import computed

Money = Annotated[Decimal, Scale(4)]


class Item(msgspec.Struct, frozen=True):
    code: str
    price: Money
    count: int = 0

    @computed
    def worth(self) -> Annotated[Money, Indexed()]:
        return self.price * self.count


@dataclass(frozen=True, slots=True)
class Shelf:
    name: str
    items: tuple[Item, ...]
    best: Item | None = None


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    parent: Plain | None = None


MUG = Item("MUG", Decimal("2.50"), 2)
SHOWN = b'{"code":"MUG","price":"2.50","count":2,"worth":"5.00"}'


@pytest.mark.parametrize(
    ("answer", "json"),
    [
        (MUG, SHOWN),
        (None, b"null"),
        (3, b"3"),
        ((MUG, MUG), b"[" + SHOWN + b"," + SHOWN + b"]"),
        ({"mug": MUG}, b'{"mug":' + SHOWN + b"}"),
        (Page((MUG,), 1), b'{"items":[' + SHOWN + b'],"total":1,"offset":0,"limit":50}'),
        (Shelf("top", (MUG,)), b'{"name":"top","items":[' + SHOWN + b'],"best":null}'),
        (Shelf("top", (), MUG), b'{"name":"top","items":[],"best":' + SHOWN + b"}"),
        (frozenset({"b", "a"}), b'["a","b"]'),
    ],
)
def test_an_answer_shows_computed_columns(answer: object, json: bytes) -> None:
    assert encode_answer(answer) == json


def test_what_holds_no_computed_column_is_shown_as_it_is() -> None:
    plain = Plain("child", Plain("parent"))

    assert shown(plain) is plain


def test_a_type_says_which_rows_with_computed_columns_it_can_hold() -> None:
    assert rows_in(Shelf | None) == (Item,)
    assert rows_in(Page[Item]) == (Item,)
    assert rows_in(Plain) == ()
    assert shape_of(Plain) is None
    assert shape_of(int) is None
