"""Pydantic models go through the codec of all messages: the same JSON, the same paths, and their own validators too."""

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pydantic
import pytest
from hypothesis import given

from diptych.codec import EventCodec, decode_message, decoder, encode, encode_answer, encode_message
from diptych.errors import InvalidMessageError, UnreadableEventError, WiringError
from diptych.model.fields import fields_of
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Scale, Tag
from diptych.model.messages import Command, event, result_type
from diptych.model.rows import computed
from diptych.write.requests import canonical
from tests.models import SHAPES, VALUES, Frozen, order_of

Money = Annotated[Decimal, Scale(2, ge=0)]


class Item(Frozen):
    product: Annotated[str, NotBlank]
    quantity: int = pydantic.Field(gt=0, le=100)
    price: Money = Decimal("1.00")


class CreateOrder(Frozen, Command[UUID]):
    order: Annotated[UUID, Tag("order"), Generated] = NEW
    items: Annotated[tuple[Item, ...], Bounds(min_length=1)]
    coupon: Annotated[str, pydantic.StringConstraints(strip_whitespace=True, max_length=5)] = ""
    since: int = 0
    until: int = 9

    @pydantic.field_validator("coupon")
    @classmethod
    def _known(cls, coupon: str) -> str:
        if coupon == "FAKE":
            raise ValueError("is no coupon of ours")
        return coupon

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> "CreateOrder":
        if self.since > self.until:
            raise ValueError("since lies after until")
        return self


def errors_of(cls: type, data: bytes) -> dict[str, tuple[str, ...]]:
    with pytest.raises(InvalidMessageError) as caught:
        decode_message(cls, data)
    return dict(caught.value.errors)


@given(VALUES)
def test_the_same_order_is_the_same_json_in_every_shape_and_comes_back(values: dict[str, Any]) -> None:
    orders = [order_of(shape, values) for shape in SHAPES]

    written = {encode_message(order) for order in orders}

    assert len(written) == 1
    (data,) = written
    for order in orders:
        found = decoder(type(order))(data)
        assert found == order
        assert encode_message(found) == data


def test_a_model_is_a_command_with_its_result_and_its_marks() -> None:
    order, items, *_ = fields_of(CreateOrder)

    assert result_type(CreateOrder) is UUID
    assert (order.type, order.mark(Tag), order.required) == (UUID, Tag("order"), False)
    assert (items.type, items.required) == (tuple[Item, ...], True)


def test_every_field_that_is_wrong_is_named_with_the_paths_of_all_messages() -> None:
    items = b'[{"product":"a","quantity":1},{"quantity":"2"},{"product":" ","quantity":0}]'
    data = b'{"items":' + items + b',"coupon":"FAKE","since":"x"}'

    assert errors_of(CreateOrder, data) == {
        "items[1].product": ("is required",),
        "items[1].quantity": ("expected `int`, got `str`",),
        "items[2].product": ("must not be blank",),
        "items[2].quantity": ("expected more than 0",),
        "coupon": ("is no coupon of ours",),
        "since": ("expected `int`, got `str`",),
    }


def test_what_the_whole_model_refuses_has_the_path_of_the_model() -> None:
    assert errors_of(CreateOrder, b'{"items":[{"product":"a","quantity":1}],"since":10}') == {
        "": ("since lies after until",)
    }


def test_marks_of_ours_and_constraints_of_pydantic_hold_together() -> None:
    assert errors_of(CreateOrder, b'{"items":[],"coupon":"123456"}') == {
        "items": ("expected `array` of length >= 1",),
        "coupon": ("string should have at most 5 characters",),
    }
    assert errors_of(Item, b'{"product":"a","quantity":101,"price":"-1"}') == {
        "quantity": ("expected at most 100",),
    } | {"price": ("expected at least 0, found -1",)}


def test_validators_change_what_is_received() -> None:
    found = decode_message(CreateOrder, b'{"order":null,"items":[{"product":"a","quantity":1}],"coupon":"  X "}')

    assert (found.coupon, found.order) == ("X", None)
    assert found.model_fields_set == {"items", "coupon"}


def test_an_object_that_was_made_past_its_validators_is_judged_when_it_is_sent() -> None:
    broken = Item.model_construct(product="a", quantity=0, price=Decimal(1))
    order = CreateOrder.model_construct(items=(broken,), since=0, until=1, coupon="", order=None)

    with pytest.raises(InvalidMessageError) as caught:
        canonical(order)

    assert caught.value.errors == {"items[0].quantity": ("expected more than 0",)}


def test_an_object_that_was_made_without_a_field_lacks_it_when_it_is_sent() -> None:
    with pytest.raises(InvalidMessageError) as caught:
        canonical(CreateOrder.model_construct(coupon="", since=0, until=1, order=None))

    assert caught.value.errors == {"items": ("is required",)}


class Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", strict=True, frozen=True)
    id: UUID
    total: Decimal


def test_a_strict_model_is_read_from_json_and_refuses_what_it_does_not_know() -> None:
    data = b'{"id":"00000000-0000-0000-0000-000000000001","total":"1.0"}'

    assert decode_message(Strict, data) == Strict(id=UUID(int=1), total=Decimal("1.0"))
    assert errors_of(Strict, data[:-1] + b',"more":1}') == {"more": ("is not known",)}


class Card(Frozen):
    kind: str = "card"
    number: Annotated[str, pydantic.Field(min_length=4)]


class Cash(Frozen):
    kind: str = "cash"
    paid: Money


class Told(Frozen):
    site: pydantic.HttpUrl | None = None
    payment: Card | Cash
    amount: Annotated[int, pydantic.BeforeValidator(lambda given: int(str(given).removeprefix("n")))] = 0
    spelt: Annotated[int, pydantic.PlainSerializer(str, return_type=str)] = 0
    shop: str = pydantic.Field("main", alias="shopName")

    @pydantic.computed_field  # type: ignore[prop-decorator]  # pydantic's own way
    @property
    def half(self) -> Money:
        return Decimal(self.amount) / 2


def test_what_only_pydantic_reads_goes_through_it() -> None:
    told = Told(site="https://example.com/a", payment=Cash(paid=Decimal("2.50")), amount="n7", spelt=8)  # type: ignore[arg-type]  # it validates

    data = encode_message(told)

    assert data == (
        b'{"site":"https://example.com/a","payment":{"kind":"cash","paid":"2.50"},"amount":7,"spelt":"8","shop":"main"}'
    )
    assert decode_message(Told, data) == told
    assert errors_of(Told, b'{"payment":{"number":"1234"},"amount":"seven","site":"nowhere"}').keys() == {
        "site",
        "amount",
    }


class Note(Frozen):
    kind: Literal["note"] = "note"
    text: str = pydantic.Field(alias="noteText")


class Scan(Frozen):
    kind: Literal["scan"] = "scan"
    page: bytes


class Deed(Frozen):
    model_config = pydantic.ConfigDict(strict=True)
    kind: Literal["deed"] = "deed"
    id: UUID
    signed: datetime
    sums: tuple[Decimal, ...]


@dataclass(frozen=True)
class Seal:
    wax: bytes
    kind: Literal["seal"] = "seal"


Paper = Annotated[Note | Scan | Deed | Seal, pydantic.Field(discriminator="kind")]
DEED = Deed(id=UUID(int=1), signed=datetime(2026, 1, 1, tzinfo=UTC), sums=(Decimal("1.50"), Decimal(2)))
PAPERS = (Note(noteText="a"), Scan(page=b"\xff\x00ab"), Scan(page=b"abcd"), DEED, Seal(b"abcd"))  # type: ignore[call-arg]  # its alias


class Folder(Frozen):
    papers: tuple[Paper, ...]
    by_name: dict[str, Note | Scan | Deed | Seal]
    last: Paper | None = None
    numbered: tuple[int, Note | Scan | Deed | Seal] | None = None


class Shelf(Frozen):
    folders: list[Folder]


@pytest.mark.parametrize("paper", PAPERS)
def test_a_union_of_records_comes_back_as_it_was_written_wherever_it_stands(paper: Any) -> None:
    shelf = Shelf(folders=[Folder(papers=(*PAPERS, paper), by_name={"x": paper}, last=paper, numbered=(1, paper))])

    data = encode_message(shelf)

    assert decode_message(Shelf, data) == shelf
    assert encode_message(decode_message(Shelf, data)) == data


def test_what_fits_no_record_of_a_union_is_named_by_its_fields() -> None:
    wrong = b'{"papers":[{"kind":"note","text":"a"},{"kind":"note"},{"kind":"deed","id":"1","sums":[]},{"kind":"x"}],'

    assert errors_of(Folder, wrong + b'"by_name":{}}').keys() == {
        "papers[1].note.text",
        "papers[2].deed.id",
        "papers[2].deed.signed",
        "papers[2].deed.sums",
        "papers[3]",
    }


def test_computed_fields_are_shown_in_answers_and_never_stored() -> None:
    told = Told(payment=Card(number="1234"), amount=3)

    assert b"half" not in encode(told)
    assert encode_answer((told,)).endswith(b'"half":"1.5"}]')


def test_aliases_are_no_part_of_the_json() -> None:
    told = Told(payment=Card(number="1234"), shopName="north")  # type: ignore[call-arg]  # its alias

    assert b'"shop":"north"' in encode(told)
    assert decode_message(Told, encode(told)).shop == "north"
    assert decode_message(Told, b'{"payment":{"number":"1234"},"shopName":"north"}').shop == "main"


@dataclass(frozen=True)
class Basket:
    items: dict[str, Item]
    first: tuple[int, Item] | None = None


def test_a_model_inside_a_dataclass_is_judged_with_its_path() -> None:
    assert errors_of(Basket, b'{"items":{"a":{"product":"a","quantity":0}}}') == {
        "items[...].quantity": ("expected more than 0",)
    }
    assert errors_of(Basket, b'{"items":{},"first":[1,{"product":"a","quantity":-1}]}') == {
        "first[1].quantity": ("expected more than 0",)
    }
    assert decoder(Basket)(b'{"items":{"a":{"product":"a","quantity":1}}}').items["a"] == Item(product="a", quantity=1)


class PackedPoint(msgspec.Struct, frozen=True):
    x: int


class Placed(Frozen):
    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
    at: PackedPoint


def test_a_struct_inside_a_model_is_read_as_a_struct() -> None:
    assert decode_message(Placed, b'{"at":{"x":1}}') == Placed(at=PackedPoint(1))
    assert errors_of(Placed, b'{"at":{"x":"1"}}') == {"at.x": ("expected `int`, got `str`",)}


@event("page.seen")
class Seen(Frozen):
    page: pydantic.PositiveInt


def test_a_stored_event_that_its_validators_refuse_is_unreadable() -> None:
    with pytest.raises(UnreadableEventError, match="does not fit its class"):
        EventCodec([Seen]).read("page.seen", 1, b'{"page":0}')


class Secret(Frozen):
    password: pydantic.SecretStr | None


class Hidden(Frozen):
    password_hash: str = pydantic.Field("", exclude=True)


class Open(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")


class Rooted(pydantic.RootModel[list[int]]):
    pass


class Sketch(Frozen):
    name: str

    @pydantic.model_serializer
    def _write(self) -> str:
        return self.name


@pydantic.dataclasses.dataclass(frozen=True)
class Hybrid:
    name: str


class Hanging(Frozen):
    other: "Missing"  # type: ignore[name-defined]  # noqa: F821 (that it is missing)


@pytest.mark.parametrize(
    ("cls", "what"),
    [
        (Secret, "Secret.password is a secret"),
        (Hidden, "Hidden.password_hash is excluded from JSON, and would be lost"),
        (Open, "allows fields that it does not name"),
        (Rooted, "is a RootModel and has no fields"),
        (Sketch, "writes itself by a model_serializer"),
        (Hybrid, "is a dataclass of pydantic"),
        (Hanging, "a type hint of Hanging cannot be resolved"),
    ],
)
def test_a_model_that_cannot_be_read_field_by_field_is_a_wiring_error_with_its_place(cls: type, what: str) -> None:
    with pytest.raises(WiringError, match=what) as caught:
        fields_of(cls)

    assert "test_pydantic.py" in str(caught.value)


class Shown(Frozen):
    model_config = pydantic.ConfigDict(ignored_types=(computed,))
    price: Money

    @computed
    def double(self) -> Money:
        return self.price * 2


def test_our_own_computed_columns_stand_on_models_too() -> None:
    assert encode_answer(Shown(price=Decimal("1.50"))) == b'{"price":"1.50","double":"3.00"}'


def test_nobody_imports_pydantic_but_its_users() -> None:
    code = (
        "import sys; from dataclasses import dataclass; from diptych import *; from diptych.codec import encode;"
        "\nimport diptych.application"
        "\n@dataclass\nclass A:\n    x: int\nencode(A(1)); print('pydantic' in sys.modules)"
    )

    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert shown == "False\n"
