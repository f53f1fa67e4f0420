"""A load under way is shared by key, and owned by none of those who wait for it."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from diptych.errors import StoreError
from diptych.read.flights import Flights, landed


async def after(gate: asyncio.Event, value: str) -> str:
    await gate.wait()
    return value


async def broken() -> str:
    raise ZeroDivisionError


async def test_the_newest_load_of_a_key_is_found_until_it_ends() -> None:
    flights, gates = Flights[str, str](), (asyncio.Event(), asyncio.Event())
    old = flights.begin("a", after(gates[0], "old"))
    new = flights.begin("a", after(gates[1], "new"))
    gates[0].set()
    assert await landed(old) == "old"

    assert flights.get("a") is new
    gates[1].set()
    assert await landed(new) == "new"
    assert flights.get("a") is None
    assert flights.get("b") is None


async def test_an_error_that_nobody_waits_for_is_not_reported_as_lost() -> None:
    flights, lost = Flights[str, str](), list[dict[str, Any]]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))

    task = flights.begin("a", broken())
    await asyncio.wait([task])
    await asyncio.sleep(0)  # the callbacks of the task
    del task
    gc.collect()

    assert lost == []


async def test_who_waits_when_all_is_closed_is_told() -> None:
    flights = Flights[str, str]()
    task = flights.begin("a", after(asyncio.Event(), "never"))

    await flights.close()

    with pytest.raises(StoreError, match="ask again"):
        await landed(task)
