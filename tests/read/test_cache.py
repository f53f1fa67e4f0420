"""The cache of answers keeps what was used last, within its bytes: those that memory really takes."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID

import msgspec
import pytest

from diptych.model.pages import Page
from diptych.read.cache import AnswerCache, Kept, written


@dataclass(frozen=True, slots=True)
class Row:
    id: UUID
    name: str
    price: Decimal
    stock: int
    since: datetime
    note: str | None


@dataclass(frozen=True)
class Loose:
    name: str
    counts: tuple[int, ...]


class Packed(msgspec.Struct, frozen=True):
    name: str
    share: float
    words: frozenset[str]


class Query:
    pass


def kept(value: Any, number: int = 1) -> Kept:
    return Kept(value, written(value), 1, 1, frozenset(), 0, 0.0, number)


def key(name: str) -> tuple[type, bytes]:
    return Query, name.encode()


def test_what_was_used_longest_ago_makes_room() -> None:
    cache = AnswerCache(40_000)
    for number in range(100):
        cache.put(key(str(number)), kept("x" * 500 + str(number)))
        cache.get(key("0"))

    assert cache.figures.bytes <= cache.figures.limit == 40_000
    assert cache.get(key("0")) is not None
    assert cache.get(key("1")) is None
    assert cache.get(key("99")) is not None
    assert cache.figures.evictions == 100 - cache.figures.entries


def test_an_answer_takes_at_most_a_sixteenth() -> None:
    cache = AnswerCache(160_000)

    cache.put(key("small"), kept("x" * 4_000))
    cache.put(key("big"), kept("x" * 6_000))

    assert cache.get(key("small")) is not None
    assert cache.get(key("big")) is None
    assert (cache.figures.oversize, cache.figures.entries) == (1, 1)


def test_an_answer_that_has_grown_too_big_takes_the_old_one_with_it() -> None:
    cache = AnswerCache(160_000)
    cache.put(key("a"), kept("x"))

    cache.put(key("a"), kept("x" * 6_000, number=2))

    assert cache.get(key("a")) is None
    assert cache.figures.bytes == 0


def test_a_load_that_began_earlier_replaces_none_that_began_later() -> None:
    cache = AnswerCache(160_000)

    cache.put(key("a"), kept("new", number=2))
    cache.put(key("a"), kept("old", number=1))

    found = cache.get(key("a"))
    assert found is not None
    assert found.value == "new"


def test_the_same_key_again_counts_its_bytes_once() -> None:
    cache = AnswerCache(160_000)
    cache.put(key("a"), kept("x"))
    before = cache.figures

    cache.put(key("a"), kept("y", number=2))

    assert (cache.figures.bytes, cache.figures.entries) == (before.bytes, 1)


def test_a_cleared_cache_holds_nothing() -> None:
    cache = AnswerCache(160_000)
    cache.put(key("a"), kept("x"))

    cache.clear()

    assert cache.get(key("a")) is None
    assert (cache.figures.bytes, cache.figures.entries) == (0, 0)


def text(random: Random, most: int) -> str:
    return "".join(random.choices("abcdefghijklmnop éß€", k=random.randrange(most)))


def row(random: Random) -> Row:
    since = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=random.randrange(10**6))
    price = Decimal(random.randrange(10**6)) / 100
    return Row(
        UUID(int=random.getrandbits(128)), text(random, 60), price, random.randrange(10**9), since, text(random, 9)
    )


def rows(random: Random) -> Page[Row]:
    return Page(tuple(row(random) for _ in range(random.randrange(60))), random.randrange(10**6))


def loose(random: Random) -> Loose:
    return Loose(text(random, 30), tuple(random.randrange(10**12) for _ in range(random.randrange(40))))


def packed(random: Random) -> Packed:
    return Packed(text(random, 30), random.random(), frozenset(text(random, 12) for _ in range(random.randrange(9))))


@pytest.mark.parametrize("make", [row, rows, loose, packed], ids=lambda make: make.__name__)
def test_memory_stays_within_the_bound_whatever_the_answers_are(make: Callable[[Random], Any]) -> None:
    random, limit = Random(7), 4_000_000
    cache = AnswerCache(limit)
    cache.put(key("warm"), kept(make(random)))
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        number = 0
        while cache.figures.evictions < 100:
            number += 1
            cache.put(key(f"{number:020}"), kept(make(random), number))
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()

    assert 0.5 * limit < grown < 1.05 * limit
