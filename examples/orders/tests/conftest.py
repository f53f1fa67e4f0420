"""The application, as every test of it from end to end gets it: on each write model, and on each store that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from diptych.testing import FixedClock, SequentialIds
from orders.app import WRITE_MODELS, build
from orders.clerk import Clerk
from orders.settings import OrderSettings, WriteModel

HOMES = ["sourced-memory", *(f"{write}-sqlite" for write in get_args(WriteModel) if write in WRITE_MODELS)]


@pytest.fixture
def clock() -> FixedClock:
    """Return the clock of the application."""
    return FixedClock()


@pytest.fixture(params=HOMES)
async def clerk(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Clerk]:
    """Return a clerk of an open application."""
    write, _, store = request.param.partition("-")
    data = tmp_path if store == "sqlite" else None
    async with build(data, OrderSettings(write), clock=clock, ids=SequentialIds()) as application:
        yield Clerk(application)
