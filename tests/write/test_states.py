"""The cache of states: bounded in bytes, and never a step back."""

from __future__ import annotations

from diptych.write.entities import Known
from diptych.write.states import StateCache


def test_a_state_is_kept_under_its_fold_and_tag() -> None:
    cache = StateCache(1_000_000)

    cache.put((1, "a"), Known("state", 3, 5))

    assert cache.get((1, "a")) == Known("state", 3, 5)
    assert cache.get((2, "a")) is None


def test_a_state_that_knows_less_never_replaces_one_that_knows_more() -> None:
    cache = StateCache(1_000_000)
    cache.put((1, "a"), Known("new", 9, 9))

    cache.put((1, "a"), Known("old", 3, 5))

    assert cache.get((1, "a")) == Known("new", 9, 9)


def test_what_was_used_longest_ago_is_dropped_when_the_bytes_run_out() -> None:
    cache = StateCache(5_000)
    for n in range(100):
        cache.put((1, f"tag-{n}"), Known("x" * 100, n, n))
        cache.get((1, "tag-0"))

    assert cache.bytes <= 5_000
    assert cache.get((1, "tag-0")) is not None
    assert cache.get((1, "tag-1")) is None
    assert cache.get((1, "tag-99")) is not None


def test_a_cache_without_room_keeps_nothing() -> None:
    cache = StateCache(0)

    cache.put((1, "a"), Known("state", 3, 5))

    assert len(cache) == 0


def test_a_state_that_grows_is_weighed_again() -> None:
    cache = StateCache(1_000_000)
    for length in range(0, 10_000, 500):
        for number in range(100):
            cache.put((1, f"tag-{number}"), Known("x" * length, length, length + 1))

    kept = [known for number in range(100) if (known := cache.get((1, f"tag-{number}"))) is not None]
    assert 500_000 < cache.bytes <= 1_000_000
    assert 500_000 < sum(len(known.state) for known in kept) <= 1_000_000


def test_folds_whose_states_weigh_differently_share_the_bound() -> None:
    cache = StateCache(200_000)
    for number in range(1_000):
        cache.put((1, f"light-{number}"), Known("x", number, number))
        cache.put((2, f"heavy-{number}"), Known("x" * 10_000, number, number))

    heavy = [number for number in range(1_000) if cache.get((2, f"heavy-{number}")) is not None]
    light = [number for number in range(1_000) if cache.get((1, f"light-{number}")) is not None]
    assert 180_000 < cache.bytes <= 200_000
    assert heavy == [*range(1_000 - len(heavy), 1_000)]
    assert len(heavy) == len(light)
    assert 15 <= len(heavy) <= 20
