"""A cached query keeps its handler's type, and a policy makes exactly one promise."""

from typing import assert_type
from uuid import UUID

from diptych import Cached, CacheFigures, Context, Module, Page, Rows
from typing_tests.public_types import app
from typing_tests.shop import FindOrders, GetOrder, OrderView

cached = Module("cached")


@cached.query(cache=Cached(ttl=300))
async def get_cached(query: GetOrder, rows: Rows[OrderView]) -> OrderView | None:
    return await rows.get(query.order)


@cached.query(cache=Cached(until_change=True, vary=lambda context: context.principal))
async def find_cached(query: FindOrders, rows: Rows[OrderView], context: Context) -> Page[OrderView]:
    return await rows.find(changed_by=context.principal)


async def a_cached_handler_keeps_its_type(rows: Rows[OrderView]) -> None:
    assert_type(await get_cached(query=GetOrder(UUID(int=1)), rows=rows), OrderView | None)
    await get_cached(GetOrder(UUID(int=1)))  # type: ignore[call-arg]  # its rows are missing
    assert_type(await app.ask(FindOrders()), Page[OrderView])
    assert_type(app.cache, CacheFigures)


def a_policy_makes_exactly_one_promise() -> None:
    Cached()  # type: ignore[call-overload]  # which one?
    Cached(ttl=5, until_change=True)  # type: ignore[call-overload]  # never old, or five seconds old?
    Cached(until_change=False)  # type: ignore[call-overload]  # then how long?
    Cached(300)  # type: ignore[call-overload]  # seconds of what?
    cached.query(cache=300)  # type: ignore[call-overload]  # a policy says what is promised
