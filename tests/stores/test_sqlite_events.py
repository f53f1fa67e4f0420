"""The SQLite event store keeps the contract, and what only a file can promise."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from diptych.errors import StoreError
from diptych.stores.sqlite import events
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.writer import LogWriter
from diptych.testing.contract.material import appending, event
from diptych.testing.contracts import EventStoreContract


class TestSqliteEventStore(EventStoreContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[SqliteEventStore]:
        async with SqliteEventStore(tmp_path / "log.db") as store:
            yield store


async def test_an_opening_that_is_cancelled_leaves_no_writer_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def held(*parts: Any) -> Any:
        writer = LogWriter(*parts)
        reached.set()
        go_on.wait()
        return writer

    monkeypatch.setattr(events, "LogWriter", held)
    opening = asyncio.create_task(SqliteEventStore(tmp_path / "log.db").__aenter__())
    await asyncio.to_thread(reached.wait)
    opening.cancel()
    await asyncio.sleep(0)  # the cancellation arrives while the writer is still opening
    go_on.set()

    await asyncio.wait([opening])

    assert opening.cancelled()
    assert "diptych log log.db" not in [thread.name for thread in threading.enumerate()]
    assert not (tmp_path / "log.db-wal").exists()


async def test_an_append_in_another_event_loop_than_the_one_that_opened_the_store_is_refused(tmp_path: Path) -> None:
    def elsewhere(store: SqliteEventStore) -> None:
        with pytest.raises(StoreError, match="another event loop"):
            asyncio.run(store.append(appending(event("made", "thing:1"))))

    async with SqliteEventStore(tmp_path / "log.db") as store:
        await asyncio.to_thread(elsewhere, store)

        assert await store.head() == 0
        await store.append(appending(event("made", "thing:1")))
