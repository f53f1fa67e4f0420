"""What cannot be cached as its policy says is a start error that names the fix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from diptych.application import Application
from diptych.errors import WiringError
from diptych.injection import per_message
from diptych.model.caching import Cached
from diptych.model.messages import Query
from diptych.model.meta import Context
from diptych.model.pages import Page
from diptych.module import Module
from diptych.read.rows import Rows
from tests.read.shop import Product, shop

UNTIL_CHANGE = Cached(until_change=True)


class Session:
    pass


async def session() -> AsyncIterator[Session]:
    yield Session()


@dataclass
class Basket:
    lines: int


@dataclass(frozen=True)
class Get(Query[str | None]):
    code: str


@dataclass(frozen=True)
class Codes(Query[list[str]]):
    pass


@dataclass(frozen=True)
class Baskets(Query[Page[Basket] | None]):
    pass


@dataclass(frozen=True)
class Circle:
    size: int


@dataclass(frozen=True)
class Square:
    size: int


@dataclass(frozen=True)
class Area(Query[int]):
    shape: Circle | Square


async def get(query: Get, products: Rows[Product], context: Context) -> str | None:
    return None


async def get_by_session(query: Get, products: Rows[Product], session: Session) -> str | None:
    return None


async def codes(query: Codes, products: Rows[Product]) -> list[str]:
    return []


async def baskets(query: Baskets, products: Rows[Product]) -> Page[Basket] | None:
    return None


async def area(query: Area, products: Rows[Product]) -> int:
    return 0


async def constant(query: Get) -> str | None:
    return None


def wired(handler: Any, policy: Cached) -> Application:
    module = Module("shop")
    module.query(cache=policy)(handler)
    return Application(module, shop(), provide=[per_message(session)])


@pytest.mark.parametrize(("handler", "taken"), [(get, "context: Context"), (get_by_session, "session: Session")])
@pytest.mark.parametrize("policy", [UNTIL_CHANGE, Cached(ttl=1)])
def test_what_is_made_per_message_needs_vary(handler: Any, taken: str, policy: Cached) -> None:
    with pytest.raises(WiringError, match=f"takes {taken}, which differs from message to message") as wrong:
        wired(handler, policy)

    assert "vary=lambda context: context.principal" in wrong.value.fix
    assert "test_cacheable.py:" in wrong.value.where


@pytest.mark.parametrize("handler", [get, get_by_session])
def test_with_vary_it_may_be_taken(handler: Any) -> None:
    wired(handler, Cached(until_change=True, vary=lambda context: context.principal))


@pytest.mark.parametrize(("handler", "part"), [(codes, "answer: list"), (baskets, r"answer\[\]: Basket is not frozen")])
def test_a_mutable_answer_is_not_shared(handler: Any, part: str) -> None:
    with pytest.raises(WiringError, match=rf"are mutable \({part}\)") as wrong:
        wired(handler, UNTIL_CHANGE)

    assert "tuple" in wrong.value.fix


def test_until_change_needs_rows_that_could_change() -> None:
    with pytest.raises(WiringError, match="takes no rows that could change"):
        wired(constant, UNTIL_CHANGE)

    wired(constant, Cached(ttl=1))


def test_a_query_that_its_json_does_not_tell_from_another_is_refused() -> None:
    with pytest.raises(WiringError, match="cannot be read back from its JSON"):
        wired(area, UNTIL_CHANGE)
