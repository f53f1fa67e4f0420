"""Every answer to a command has the same face, and only Accepted unwraps."""

from types import MappingProxyType
from uuid import UUID

import pytest

from diptych.errors import FieldErrors, Missing, NotAllowed, Refusal, UnwrapError
from diptych.model.results import Accepted, Conflict, Forbidden, Invalid, NotFound, Refused, Result

ID = UUID(int=1)
FAILURES: list[Result[int]] = [
    Invalid({"code": ("is required",), "": ("is odd",)}),
    Refused("out-of-stock", "3 there", {"there": 3}, 7),
    NotFound("no such thing", {}, 7),
    Conflict("somebody was faster", 8),
    Forbidden("not you", 7),
]


def test_a_code_is_no_data_of_a_refusal() -> None:
    with pytest.raises(TypeError, match="write code = 'out-of-stock' in Refusal"):
        Refusal("3 there", code="out-of-stock")


def test_accepted_carries_value_and_position() -> None:
    result = Accepted(5, 9, ID)

    assert (result.status, result.is_success, result.is_failure) == ("accepted", True, False)
    assert (result.value, result.position, result.error, dict(result.errors)) == (5, 9, None, {})
    assert result.unwrap() == 5
    assert result == Accepted(5, 9, ID, replayed=True)
    assert hash(result) == hash(Accepted(5, 9, ID, replayed=True))
    assert result not in (Accepted(6, 9, ID), Accepted(5, 8, ID), Refused("no", "no"))


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.status)
def test_a_failure_has_no_value_and_does_not_unwrap(failure: Result[int]) -> None:
    assert (failure.is_success, failure.is_failure, failure.value) == (False, True, None)
    with pytest.raises(UnwrapError) as caught:
        failure.unwrap()
    assert caught.value.result is failure


def test_the_status_tells_them_apart() -> None:
    assert [each.status for each in FAILURES] == ["invalid", "refused", "not_found", "conflict", "forbidden"]


def test_each_says_what_is_wrong() -> None:
    assert [each.error for each in FAILURES] == [
        "code: is required; message: is odd",
        "3 there",
        "no such thing",
        "somebody was faster",
        "not you",
    ]
    assert [dict(each.errors) for each in FAILURES[1:]] == [{}] * 4
    assert [each.position for each in FAILURES] == [None, 7, 7, 8, 7]


def test_the_errors_that_all_share_cannot_be_changed() -> None:
    assert all(isinstance(each.errors, MappingProxyType) for each in FAILURES[1:])
    assert isinstance(Accepted(1, 1, ID).errors, MappingProxyType)


class OutOfStock(Refusal):
    """More was asked for than there is."""


class HTTPQuotaReached(Refusal):
    """Asked too often."""


class Renamed(OutOfStock):
    code = "gone"


def test_the_code_of_a_refusal_is_its_name_unless_it_says_another() -> None:
    assert [kind().code for kind in (Refusal, OutOfStock, HTTPQuotaReached, Renamed, Missing, NotAllowed)] == [
        "refused",
        "out-of-stock",
        "http-quota-reached",
        "gone",
        "not-found",
        "forbidden",
    ]
    assert OutOfStock().message == "out of stock"
    assert (str(OutOfStock("3 there", there=3)), OutOfStock("3 there", there=3).data) == ("3 there", {"there": 3})


def test_field_errors_carry_every_message() -> None:
    refusal = FieldErrors({"lines[2].product": "is unknown", "code": ["is taken", "is long"]})

    assert refusal.errors == {"lines[2].product": ("is unknown",), "code": ("is taken", "is long")}
    assert refusal.message == "lines[2].product: is unknown; code: is taken, is long"
