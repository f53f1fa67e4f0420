"""Messages become canonical JSON and come back; what no log may hold is refused with its field."""

import math
from dataclasses import dataclass, make_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest

from diptych.codec import (
    EventCodec,
    content_hash,
    decode_message,
    encode,
    encode_message,
    encoded,
    fingerprint,
    verify_content,
)
from diptych.errors import CorruptionError, InvalidMessageError, MalformedError, UnreadableEventError, WiringError
from diptych.model.marks import NEW, Bounds, Generated, NotBlank, Scale
from diptych.model.messages import Command, event


@dataclass(frozen=True, kw_only=True)
class Register(Command[UUID]):
    customer: Annotated[UUID, Generated] = NEW
    name: Annotated[str, NotBlank]
    limit: Annotated[Decimal, Scale(2, ge=0)] = Decimal(0)
    age: Annotated[int, Bounds(ge=18)] = 18
    notes: dict[str, Any] | None = None


@event("customer.registered")
@dataclass(frozen=True)
class Registered:
    customer: UUID
    at: datetime
    limit: Decimal


@event("customer.registered", version=2)
@dataclass(frozen=True)
class RegisteredAgain:
    customer: UUID


@event("customer.left")
class Left(msgspec.Struct, frozen=True):
    codes: frozenset[str]
    table: dict[str, int]


def errors_of(call: Any) -> dict[str, tuple[str, ...]]:
    with pytest.raises(InvalidMessageError) as caught:
        call()
    return dict(caught.value.errors)


def test_canonical_json_is_the_same_for_equal_messages() -> None:
    one = encode_message(Left(frozenset({"b", "a", "c"}), {"y": 1, "x": 2}))
    two = encode_message(Left(frozenset({"c", "b", "a"}), {"x": 2, "y": 1}))

    assert one == two == b'{"codes":["a","b","c"],"table":{"x":2,"y":1}}'


def test_what_is_written_reads_back() -> None:
    at = datetime(2026, 1, 1, 12, 30, 0, 1, tzinfo=UTC)
    happened = Registered(UUID(int=1), at, Decimal("10.50"))
    codec = EventCodec([Registered])

    data = encode_message(happened)

    assert data == (
        b'{"customer":"00000000-0000-0000-0000-000000000001","at":"2026-01-01T12:30:00.000001Z","limit":"10.50"}'
    )
    assert codec.read("customer.registered", 1, data) == (happened,)


def test_a_message_is_decoded_and_checked() -> None:
    assert decode_message(Register, b'{"name":"Ann","limit":10.25}') == Register(name="Ann", limit=Decimal("10.25"))


def test_every_wrong_field_is_reported_at_once() -> None:
    assert errors_of(lambda: decode_message(Register, b'{"name":" ","limit":"-1","age":3}')) == {
        "name": ("must not be blank",),
        "limit": ("expected at least 0, found -1",),
        "age": ("expected at least 18",),
    }
    assert errors_of(lambda: decode_message(Register, b'{"name":"Ann","limit":"0.001"}')) == {
        "limit": ("expected at most 2 decimal places, found 0.001",)
    }


@pytest.mark.parametrize(
    "data", [b'{"customer":null,"name":"Ann"}', b'{"name":"Ann"}', b'{"customer": null ,"name":"Ann"}']
)
def test_null_for_a_generated_field_is_absent(data: bytes) -> None:
    assert decode_message(Register, data) == Register(name="Ann")


def test_a_generated_field_that_is_given_keeps_its_value_to_the_digit() -> None:
    one = UUID(int=1)

    assert decode_message(Register, f'{{"customer":"{one}","name":"null","limit":1.10}}'.encode()) == Register(
        customer=one, name="null", limit=Decimal("1.10")
    )
    assert errors_of(lambda: decode_message(Register, b'{"customer":"x","name":"null"}')) == {
        "customer": ("expected a UUID",)
    }


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b'{"name":"A"}x',
        b'{"name":"\\ud800"}',
        b'{"limit":NaN}',
        b'{"age":1e999}',
        b"[" * 100_000,
        b'{"notes":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"customer":null,"ignored":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=str,
)
def test_bytes_that_are_no_json_or_too_deep_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode_message(Register, data)


def test_json_that_is_no_object_is_invalid() -> None:
    assert errors_of(lambda: decode_message(Register, b"null")) == {"": ("expected `object`, got `null`",)}


def test_what_a_message_says_against_itself_is_reported() -> None:
    @dataclass
    class Span(Command[None]):
        first: int
        last: int

        def __post_init__(self) -> None:
            if self.last < self.first:
                raise ValueError("ends before it begins")

    assert errors_of(lambda: decode_message(Span, b'{"first":2,"last":1}')) == {"": ("ends before it begins",)}


def test_characters_that_no_store_keeps_are_refused_with_their_field() -> None:
    nul = ("contains the character U+0000, which no store can keep",)

    assert errors_of(lambda: decode_message(Register, b'{"name":"a\\u0000b","notes":{"k":["\\u0000"]}}')) == {
        "name": nul,
        "notes.k[0]": nul,
    }
    assert errors_of(lambda: encode_message(Register(name="A", notes={"\x00": 1}))) == {"notes": nul}
    assert decode_message(Register, b'{"name":"\\\\u0000"}').name == "\\u0000"
    assert errors_of(lambda: encode_message(Register(name="\ud800"))) == {
        "name": ("contains half of a surrogate pair, which is no character",)
    }


def test_values_that_no_log_holds_are_refused_with_their_field() -> None:
    assert errors_of(lambda: encode_message(Register(name="A", notes={"x": math.nan, "y": 1 << 64}))) == {
        "notes[x]": ("expected a finite number, found nan",),
        "notes[y]": (f"expected a whole number of 64 bits, found {1 << 64}",),
    }


@dataclass(frozen=True)
class Priced:
    price: Annotated[Decimal, Scale(2)]
    at: datetime | None = None


@pytest.mark.parametrize("price", [1.5, "1.5", None])
def test_a_value_of_another_type_is_told_with_its_field(price: Any) -> None:
    told = errors_of(lambda: encode_message(Priced(price)))

    assert told == {"price": (f"expected a Decimal, found the {type(price).__name__} {price!r}",)}


@pytest.mark.parametrize(
    "hint", [Annotated[Decimal, Bounds(ge=0)], Annotated[int, NotBlank], Annotated[UUID, NotBlank]]
)
def test_bounds_that_do_not_fit_their_type_are_refused(hint: Any) -> None:
    bounded = make_dataclass("Bounded", [("value", hint)])

    with pytest.raises(
        WiringError, match=r"Bounded has bounds that do not fit: Can only set(.|\n)*fix  bound a Decimal"
    ):
        decode_message(bounded, b"{}")


def test_what_is_no_json_cannot_be_written() -> None:
    assert (
        "cannot be written as JSON"
        in errors_of(lambda: encoded(Register, Register(name="A", notes={"x": print})))[""][0]
    )


def test_the_hash_of_an_event_covers_every_part() -> None:
    parts = ("a.b", 1, ("x:1", "y:2"), b"{}", b"{}")
    others = [("a.c", *parts[1:]), ("a.b", 2, *parts[2:]), (*parts[:2], ("x:1",), *parts[3:])]
    others += [(*parts[:2], ("x:1 y:2",), *parts[3:]), (*parts[:3], b"[]", b"{}"), (*parts[:4], b"[]")]

    hashes = {content_hash(*each) for each in [parts, *others]}

    assert len(hashes) == 7
    assert {len(each) for each in hashes} == {16}
    verify_content(1, content_hash(*parts), *parts)
    with pytest.raises(CorruptionError, match=r"position 9 \(a.b version 1\)"):
        verify_content(9, content_hash(*others[0]), *parts)


def test_a_fingerprint_tells_requests_apart() -> None:
    assert fingerprint("A", b"{}") == fingerprint("A", b"{}")
    assert len({fingerprint("A", b"{}"), fingerprint("B", b"{}"), fingerprint("A", b"[]")}) == 3


def test_events_are_read_by_name_and_version() -> None:
    codec = EventCodec([Left, Registered])

    assert codec.reads("customer.left", 1)
    assert not codec.reads("customer.left", 2)
    assert set(codec.types) == {Left, Registered}
    with pytest.raises(UnreadableEventError, match=r"known: versions 1 of it"):
        codec.read("customer.registered", 3, b"{}")
    with pytest.raises(UnreadableEventError, match=r"known: no version of it"):
        codec.read("nothing", 1, b"{}")


@pytest.mark.parametrize("data", [b"{}", b"{", b"\xff", b'{"codes":[1],"table":{}}', b"[" * 100_000])
def test_bytes_that_do_not_fit_their_class_are_unreadable(data: bytes) -> None:
    with pytest.raises(UnreadableEventError, match=r"'customer.left' version 1 does not fit its class"):
        EventCodec([Left]).read("customer.left", 1, data)


def test_two_classes_cannot_have_one_stored_name() -> None:
    with pytest.raises(
        WiringError, match=r"two events are stored as 'customer.registered': Registered .* and RegisteredAgain"
    ):
        EventCodec([Registered, RegisteredAgain])
    assert EventCodec([Left, Left]).reads("customer.left", 1)


def test_numbers_and_ids_have_one_form() -> None:
    assert encode({"b": Decimal("1.50"), "a": UUID(int=1)}) == (
        b'{"a":"00000000-0000-0000-0000-000000000001","b":"1.50"}'
    )
