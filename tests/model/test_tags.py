"""Tags are read from the marks in the types of an event's own fields."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec

from diptych.model.fields import fields_of
from diptych.model.marks import Scale, Tag
from diptych.model.tags import tag_of, tag_text, tagger

Code = Annotated[str, Tag("product")]
OrderId = Annotated[UUID, Tag("order")]


@dataclass(frozen=True)
class Line:
    product: Code


@dataclass(frozen=True)
class Single:
    order: OrderId
    note: str = ""


class Optionally(msgspec.Struct, frozen=True):
    order: OrderId | None = None


@dataclass(frozen=True)
class Several:
    source: Code
    target: Code
    others: tuple[Code, ...] = ()
    lines: tuple[Line, ...] = ()
    spare: tuple[Code, ...] | None = None
    maybe: Code | None = None
    priced: tuple[Annotated[str, Scale(1)], ...] = ()


@dataclass(frozen=True)
class Untagged:
    note: str


def test_one_tagged_field_is_one_tag() -> None:
    assert tagger(Single)(Single(UUID(int=7))) == (tag_text(Tag("order"), UUID(int=7)),)


def test_an_absent_value_has_no_tag() -> None:
    assert tagger(Optionally)(Optionally()) == ()
    assert tagger(Optionally)(Optionally(UUID(int=7))) == (f"order:{UUID(int=7)}",)


def test_tags_are_sorted_and_without_repeats_and_reach_into_collections_only() -> None:
    event = Several("B", "A", ("C", "A"), (Line("D"),), None, "E")

    assert tagger(Several)(event) == ("product:A", "product:B", "product:C", "product:E")


def test_an_event_may_have_no_tag() -> None:
    assert tagger(Untagged)(Untagged("x")) == ()


def test_the_tag_of_a_field_is_its_own_or_that_of_its_items() -> None:
    found = {each.name: tag_of(each) for each in fields_of(Several)}

    assert found["source"] == found["others"] == found["spare"] == Tag("product")
    assert found["lines"] is found["priced"] is None
