"""Every log can be copied and can become a copy, by the same rules."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contracts import MovingContract


class TestMemoryMoving(MovingContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[MemoryEventStore]:
        async with MemoryEventStore() as store:
            yield store


class TestSqliteMoving(MovingContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
        async with SqliteEventStore(tmp_path / "log.db") as store:
            yield store
