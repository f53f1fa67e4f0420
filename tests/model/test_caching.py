"""A cache policy says either how old an answer may be, or that it is never old."""

from __future__ import annotations

from typing import Any

import pytest

from diptych.errors import WiringError
from diptych.model.caching import Cached


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "neither"),
        ({"ttl": 5, "until_change": True}, "both"),
        ({"until_change": False}, "neither"),
    ],
)
def test_exactly_one_of_the_two_promises_is_made(given: dict[str, Any], found: str) -> None:
    with pytest.raises(WiringError, match=f"either ttl= or until_change=True, found {found}"):
        Cached(**given)


@pytest.mark.parametrize("ttl", [0, -1, float("inf"), float("nan")])
def test_a_ttl_is_a_number_of_seconds(ttl: float) -> None:
    with pytest.raises(WiringError, match="seconds above 0"):
        Cached(ttl=ttl)


def test_a_policy_shows_what_it_promises() -> None:
    shown = [repr(Cached(ttl=1.5)), repr(Cached(until_change=True, vary=lambda context: context.principal))]

    assert shown == ["Cached(ttl=1.5)", "Cached(until_change=True, vary=...)"]
