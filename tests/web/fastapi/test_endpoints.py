"""Endpoints that do not fit their message are found when the router is made."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from fastapi import APIRouter

from diptych import Command, WiringError
from diptych.web.fastapi import Door, Endpoint
from tests.web.fastapi.lending import BuyBook, FindBooks, GetBook, LendBook


@dataclass(frozen=True)
class Unheard(Command[UUID]):
    book: UUID


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        (Endpoint(Unheard), "is no command or query of this application"),
        (Endpoint(LendBook, "/shelf/{shelf}"), "has no field 'shelf', which its path names"),
        (Endpoint(BuyBook, method="GET"), "cannot be served by GET"),
        (Endpoint(BuyBook, method="FETCH"), "cannot be served by FETCH"),
        (Endpoint(BuyBook, status=302), "cannot succeed with 302"),
        (Endpoint(GetBook, status=204), "cannot succeed with 204"),
        (Endpoint(BuyBook, statuses={"teapot": 418}), "names no kind of problem"),
    ],
)
def test_a_misfit_is_a_wiring_error(door: Door, endpoint: Endpoint, said: str) -> None:
    with pytest.raises(WiringError, match=said) as found:
        door.router(endpoint)

    assert found.value.fix


def test_paths_and_methods_follow_from_the_message() -> None:
    made = [(each.verb, each.route) for each in map(Endpoint, (BuyBook, FindBooks))]

    assert made == [("POST", "/buy-book"), ("GET", "/find-books")]


def test_a_router_takes_messages_as_they_are(door: Door) -> None:
    router = door.router(BuyBook, GetBook)

    assert isinstance(router, APIRouter)
    assert [route.path for route in router.routes] == ["/buy-book", "/get-book"]
