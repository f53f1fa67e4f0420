"""The SQLite event store keeps the contract, and what only a file can promise."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contracts import EventStoreContract


class TestSqliteEventStore(EventStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
        async with SqliteEventStore(tmp_path / "log.db") as store:
            yield store
