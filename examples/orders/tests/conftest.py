"""The application, as every test of it from end to end gets it: on each write model, and on each store that has it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest

from diptych.testing import FixedClock, SequentialIds
from orders.app import build
from orders.clerk import Clerk
from orders.place import Place
from orders.settings import OrderSettings, WriteModel

STORES = ("sqlite", "postgres")
HOMES = ["sourced-memory", *(f"{write}-{store}" for write in get_args(WriteModel) for store in STORES)]


@pytest.fixture
def clock() -> FixedClock:
    """Return the clock of the application."""
    return FixedClock()


@pytest.fixture(params=HOMES)
async def clerk(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> AsyncIterator[Clerk]:
    """Return a clerk of an open application."""
    write, _, store = request.param.partition("-")
    data: Place | None = tmp_path if store == "sqlite" else None
    if store == "postgres":
        data = request.getfixturevalue("newest_postgres").url
    async with build(data, OrderSettings(write), clock=clock, ids=SequentialIds()) as application:
        yield Clerk(application)
