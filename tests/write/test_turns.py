"""Turns are taken one after another, and forgotten."""

from __future__ import annotations

import asyncio

import pytest

from diptych.write.turns import Turns


async def test_turns_of_one_entity_are_taken_in_the_order_asked() -> None:
    turns, order = Turns(), []

    async def take(number: int) -> None:
        async with turns.of([(1, "a"), (1, "b")] if number % 2 else [(1, "b"), (1, "a")]):
            order.append(number)
            await asyncio.to_thread(lambda: None)

    await asyncio.gather(*[take(number) for number in range(8)])

    assert order == list(range(8))
    assert len(turns) == 0


async def test_who_is_cancelled_while_waiting_leaves_nothing_behind() -> None:
    turns = Turns()
    async with turns.of([(1, "a")]):
        waiting = asyncio.ensure_future(turns.of([(1, "a")]).__aenter__())
        await asyncio.to_thread(lambda: None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    assert len(turns) == 0
