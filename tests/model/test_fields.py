"""Fields are read once from type hints: names, marks, defaults, and what is optional."""

import builtins
import dataclasses
import functools
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any, Optional
from uuid import UUID

import msgspec
import pytest

from diptych.errors import WiringError
from diptych.model.fields import REQUIRED, fields_of, hints_of, is_record, members_of, place_of, split_optional
from diptych.model.marks import Indexed, Scale, Tag


@dataclass(frozen=True)
class Frozen:
    order: Annotated[UUID, Tag("order")]
    note: Optional[str] = None  # noqa: UP045 (both spellings are read)
    price: Annotated[Decimal, Scale(2)] | None = None
    lines: tuple[int, ...] = field(default_factory=tuple)
    total: Annotated[Annotated[Decimal, Scale(4)], Indexed()] = Decimal(0)


class Packed(msgspec.Struct, frozen=True):
    order: Annotated[UUID, Tag("order")]
    lines: tuple[int, ...] = ()
    made: list[int] = msgspec.field(default_factory=list)


def test_the_fields_of_a_dataclass_are_read_in_order() -> None:
    order, note, price, lines, total = fields_of(Frozen)

    assert (order.name, order.type, order.marks, order.required) == ("order", UUID, (Tag("order"),), True)
    assert (note.type, note.optional, note.default) == (str, True, None)
    assert (price.type, price.optional, price.mark(Scale)) == (Decimal, True, Scale(2))
    assert (lines.required, lines.default) == (False, tuple)
    assert total.marks == (Scale(4), Indexed())


@pytest.mark.parametrize("tp", [float, int, tuple[Decimal, ...], Decimal | str])
def test_a_scale_of_what_is_no_decimal_is_refused(tp: Any) -> None:
    priced = dataclasses.make_dataclass("Priced", [("price", Annotated[tp, Scale(2, ge=0)])])

    with pytest.raises(WiringError, match=r"Priced\.price has a Scale, which is for a Decimal, and is "):
        fields_of(priced)


def test_the_fields_of_a_struct_are_read_in_order() -> None:
    order, lines, made = fields_of(Packed)

    assert (order.default, order.mark(Tag), order.mark(Scale)) == (REQUIRED, Tag("order"), None)
    assert (lines.default, made.required) == ((), False)


def test_only_dataclasses_and_structs_are_records() -> None:
    assert [is_record(each) for each in (Frozen, Packed, str, Frozen(UUID(int=1)), None)] == [
        True,
        True,
        False,
        False,
        False,
    ]
    with pytest.raises(WiringError, match="has no fields that can be read"):
        fields_of(str)


def test_a_hint_that_cannot_be_resolved_is_named() -> None:
    def handle(query: "Unheard") -> None: ...  # noqa: F821 (on purpose)

    with pytest.raises(WiringError, match=r"the type hint 'Unheard' of .*handle cannot be resolved\n  at   .*:\d+\n"):
        hints_of(handle)


@pytest.mark.parametrize(
    ("hint", "split"),
    [
        (int, (int, False)),
        (int | None, (int, True)),
        (Optional[int], (int, True)),  # noqa: UP045 (both spellings are read)
        (int | str, (int | str, False)),
        (int | str | None, (int | str, True)),
    ],
)
def test_none_is_split_from_a_union(hint: Any, split: Any) -> None:
    assert split_optional(hint) == split


def test_the_members_of_a_union_come_without_marks_and_none() -> None:
    assert members_of(Annotated[Annotated[int, Scale(1)] | str | None, Indexed()]) == (int, str)
    assert members_of(int) == (int,)


def test_a_place_is_file_and_line() -> None:
    file = __file__
    first = place_of_a_function.__code__.co_firstlineno

    assert place_of(place_of_a_function) == f"{file}:{first}"
    assert place_of(Frozen).startswith(f"{file}:")
    assert int(place_of(Frozen).rpartition(":")[2]) < int(place_of(Packed).rpartition(":")[2]) < first
    assert place_of(Frozen(UUID(int=1))) == place_of(Frozen)


def test_a_place_without_a_source_is_a_name() -> None:
    assert place_of(builtins.int) == "builtins.int"
    assert place_of(type("Made", (), {"__module__": "nowhere"})) == "nowhere.Made"


@functools.wraps(test_a_place_is_file_and_line)
def place_of_a_function() -> None: ...


del place_of_a_function.__wrapped__
