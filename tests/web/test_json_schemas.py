"""JSON Schemas say what the codec does, for messages of every style."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, HttpUrl, computed_field

from diptych import Bounds, Command, InvalidMessageError, NotBlank, Page, Scale
from diptych.codec import decode_message, encode
from diptych.web.json_schemas import Schemas

T = TypeVar("T")
Name = Annotated[str, NotBlank, Bounds(max_length=9)]
Count = Annotated[int, Bounds(ge=1, lt=10)]
Price = Annotated[Decimal, Scale(2, ge=0)]
Some = Annotated[tuple[Count, ...], Bounds(min_length=1)]


@dataclass(frozen=True)
class AsDataclass(Command[None]):
    name: Name
    count: Count
    price: Price
    when: datetime
    some: Some
    maybe: Price | None = None


class AsStruct(Command[None], msgspec.Struct, frozen=True):
    name: Name
    count: Count
    price: Price
    when: datetime
    some: Some
    maybe: Price | None = None


class AsModel(BaseModel, Command[None]):
    model_config = ConfigDict(frozen=True)

    name: Name
    count: Count
    price: Price
    when: datetime
    some: Some
    maybe: Price | None = None


def plain(schema: Any) -> Any:
    """A schema without the titles that pydantic gives every field."""
    if isinstance(schema, dict):
        return {key: plain(each) for key, each in schema.items() if key not in {"title", "description"}}
    return [plain(each) for each in schema] if isinstance(schema, list) else schema


@pytest.mark.parametrize("style", [AsStruct, AsModel])
def test_every_style_is_described_alike(style: type) -> None:
    schemas = Schemas((AsDataclass, style))

    assert plain(schemas.component(style)) == plain(schemas.component(AsDataclass))


def test_an_optional_field_has_its_default() -> None:
    assert Schemas((AsStruct,)).component(AsStruct)["properties"]["maybe"]["default"] is None


@dataclass(frozen=True)
class Priced(Command[None]):
    cents: Annotated[Decimal, Scale(2)]
    positive: Annotated[Decimal, Scale(3, gt=0)]
    whole: Annotated[Decimal, Scale(0, ge=0)]
    free: Decimal


PATTERNS = {name: told["pattern"] for name, told in Schemas((Priced,)).component(Priced)["properties"].items()}
FINE = {"cents": "1", "positive": "1", "whole": "1", "free": "1"}


def is_taken(name: str, text: str) -> bool:
    try:
        decode_message(Priced, encode({**FINE, name: text}))
    except InvalidMessageError:
        return False
    return True


@pytest.mark.parametrize("name", FINE)
@given(data=st.data())
def test_a_decimal_that_fits_its_pattern_is_taken(name: str, data: st.DataObject) -> None:
    text = data.draw(st.from_regex(re.compile(PATTERNS[name], re.ASCII), fullmatch=True))

    assert is_taken(name, text)


@settings(max_examples=300)
@given(text=st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,5})?", fullmatch=True))
def test_a_decimal_that_is_taken_fits_its_pattern(text: str) -> None:
    for name, pattern in PATTERNS.items():
        assert is_taken(name, text) == bool(re.search(pattern, text)) or text.startswith("-0")


class Holder(BaseModel, Generic[T]):
    item: T


class Row(BaseModel):
    """A row of a model."""

    order: UUID
    price: Annotated[Decimal, Scale(2)]
    page: HttpUrl | None = None
    limited: Decimal | None = Field(default=None, max_digits=4, decimal_places=1)

    @computed_field
    @property
    def double(self) -> Decimal:
        return self.price * 2


def test_a_model_in_an_answer_has_its_computed_fields() -> None:
    schemas = Schemas((), (Page[Row], Holder[Row]))
    row = schemas.components["Row"]

    assert list(row["properties"]) == ["order", "price", "page", "limited", "double"]
    assert row["properties"]["page"]["anyOf"][0]["format"] == "uri"
    assert row["properties"]["limited"]["anyOf"][0]["pattern"] == r"^-?0*\d{1,3}(\.\d{1,1})?$"
    assert schemas.components["Holder_Row"]["properties"]["item"] == {"$ref": "#/components/schemas/Row"}


class Node(BaseModel):
    kids: list["Node"] = []


def test_a_model_may_hold_itself() -> None:
    schemas = Schemas((Node,), (Node,))

    assert schemas.components["Node"]["properties"]["kids"]["items"] == schemas.answers[Node]


def test_an_answer_that_is_no_record_is_described_too() -> None:
    types = (datetime, dict[str, datetime], Decimal | None)

    told = json.dumps([Schemas((), types).answers[tp] for tp in types])

    assert told.count('"date-time"') == 2
    assert told.count('"decimal"') == 1


@dataclass(frozen=True)
class Sent:
    at: datetime


@dataclass(frozen=True)
class Lost:
    why: str


@dataclass(frozen=True)
class Either:
    what: Sent | Lost


def test_an_answer_of_a_union_that_json_does_not_tell_apart_is_described() -> None:
    types = (Sent | Lost, Node | Sent | None, Page[Sent | Lost], tuple[Lost | Sent, ...], UUID | str, Either)
    schemas = Schemas((), types)
    sent, lost, node = ({"$ref": f"#/components/schemas/{cls.__name__}"} for cls in (Sent, Lost, Node))

    assert schemas.answers[Sent | Lost] == {"anyOf": [sent, lost]}
    assert schemas.answers[Node | Sent | None] == {"anyOf": [node, sent, {"type": "null"}]}
    assert schemas.component_behind(schemas.answers[Page[Sent | Lost]])["properties"]["items"] == {
        "type": "array",
        "items": {"anyOf": [sent, lost]},
    }
    assert schemas.answers[tuple[Lost | Sent, ...]]["items"] == {"anyOf": [lost, sent]}
    assert schemas.answers[UUID | str] == {"anyOf": [{"type": "string", "format": "uuid"}, {"type": "string"}]}
    assert schemas.answers[Either] == {}
    assert schemas.components["Sent"]["properties"]["at"]["format"] == "date-time"
    assert "x-member" not in json.dumps([schemas.components, *schemas.answers.values()])
