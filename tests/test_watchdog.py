"""The watchdog names who holds the loop, and nobody else."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

from diptych.watchdog import Watchdog, holder_of


def compute(seconds: float, told: Sequence[str] = ()) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not told:
        pass


async def test_who_holds_the_loop_is_named_with_its_place_while_holding_it() -> None:
    told: list[str] = []

    async with Watchdog(0.01, tell=told.append):
        await asyncio.to_thread(time.monotonic)
        compute(20, told)

    assert "compute (" in told[0]
    assert "test_watchdog.py:" in told[0]


async def test_who_waits_is_not_named() -> None:
    told: list[str] = []

    async with Watchdog(0.05, tell=told.append):
        await asyncio.to_thread(compute, 0.12)

    assert [each for each in told if "compute" in each] == []


def test_frames_of_the_framework_and_of_python_are_passed_over() -> None:
    assert holder_of(None) is None
    assert holder_of(sys._getframe()) is not None
