"""Saved states in memory, in a file and in PostgreSQL keep the same promises; all but the first outlive the process."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diptych.errors import SettingsError, StoreError
from diptych.ports import SavedState, SnapshotStore
from diptych.stores.memory_snapshots import MemorySnapshots
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.snapshots import PostgresSnapshots
from diptych.stores.sqlite import snapshots as snapshots_module
from diptych.stores.sqlite.snapshots import SqliteSnapshots
from diptych.stores.urls import snapshots_beside
from diptych.testing.contracts import SnapshotsContract
from tests.clusters import Database


def size_of(path: Path, suffix: str) -> int:
    return Path(f"{path}{suffix}").stat().st_size


def break_up(path: Path) -> None:
    path.write_text("not a database, whatever it may be called\n" * 100)


class TestMemorySnapshots(SnapshotsContract):
    @pytest.fixture
    async def snapshots(self) -> AsyncIterator[SnapshotStore]:
        async with MemorySnapshots() as opened:
            yield opened


class TestSqliteSnapshots(SnapshotsContract):
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "shop-snapshots.db"

    @pytest.fixture
    async def snapshots(self, path: Path) -> AsyncIterator[SnapshotStore]:
        async with SqliteSnapshots(path) as opened:
            yield opened

    async def test_they_are_there_when_the_file_is_opened_again(self, path: Path) -> None:
        async with SqliteSnapshots(path) as first:
            await first.put([SavedState("a", "1", b"kept")])

        async with SqliteSnapshots(path) as second:
            assert await second.get("a", "1") == b"kept"

    async def test_a_write_that_fails_after_its_caller_left_is_not_told_to_the_loop(
        self, path: Path, snapshots: SnapshotStore
    ) -> None:
        told: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("drop table snapshots")
            holder.execute("begin immediate")
            leaving = asyncio.create_task(snapshots.put([SavedState("a", "1", b"lost")]))
            await asyncio.sleep(0)  # it is under way, and waits for the holder
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
            holder.execute("rollback")
        with pytest.raises(StoreError):
            await snapshots.put([SavedState("a", "1", b"lost too")])
        del leaving
        gc.collect()

        assert told == []

    async def test_two_processes_share_a_file(self, path: Path, snapshots: SnapshotStore) -> None:
        async with SqliteSnapshots(path) as other:
            await other.put([SavedState("a", "1", b"theirs")])

            assert await snapshots.get("a", "1") == b"theirs"

    async def test_the_files_are_this_users_alone(self, path: Path, snapshots: SnapshotStore) -> None:
        await snapshots.put([SavedState("a", "1", b"kept")])

        assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}

    async def test_no_write_waits_for_the_disk(self, snapshots: SqliteSnapshots) -> None:
        _, writer, _, _ = snapshots._open()

        assert writer.execute("pragma synchronous").fetchone() == (1,)
        assert writer.execute("pragma journal_mode").fetchone() == ("wal",)

    async def test_the_write_ahead_log_is_emptied_now_and_then(
        self, path: Path, snapshots: SnapshotStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshots_module, "_TIDY_BYTES", 100_000)
        for number in range(40):
            await snapshots.put([SavedState("a", str(number % 4), bytes(50_000))])

        assert size_of(path, "-wal") < 40 * 50_000

    async def test_a_batch_that_fails_leaves_everything_as_it_was(self, snapshots: SnapshotStore) -> None:
        await snapshots.put([SavedState("a", "1", b"kept")])

        with pytest.raises(StoreError):
            await snapshots.put([SavedState("a", "1", b"new"), SavedState("a", "2", None)])  # type: ignore[arg-type]  # the fault

        assert await snapshots.get("a", "1") == b"kept"
        await snapshots.put([SavedState("a", "1", b"goes on")])
        assert await snapshots.get("a", "1") == b"goes on"

    async def test_a_damaged_file_is_a_store_error(self, path: Path) -> None:
        break_up(path)

        with pytest.raises(StoreError, match="cannot be opened as an SQLite file"):
            async with SqliteSnapshots(path):
                pass

    async def test_a_table_that_is_gone_is_a_store_error(self, path: Path, snapshots: SnapshotStore) -> None:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("drop table snapshots")

        with pytest.raises(StoreError, match="no such table"):
            await snapshots.get("a", "1")
        with pytest.raises(StoreError, match="no such table"):
            await snapshots.put([SavedState("a", "1", b"")])

    async def test_a_store_that_is_not_open_says_so(self, path: Path) -> None:
        store = SqliteSnapshots(path)

        with pytest.raises(StoreError, match="are not open"):
            await store.get("a", "1")
        with pytest.raises(StoreError, match="are not open"):
            await store.put([])

    async def test_a_folder_that_is_missing_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(SettingsError):
            async with SqliteSnapshots(tmp_path / "none" / "s.db"):
                pass


def in_schema_of(database: Database) -> PostgresSnapshots:
    return PostgresSnapshots(Address.of(database.url, schema="diptych"))


class TestPostgresSnapshots(SnapshotsContract):
    @pytest.fixture
    async def snapshots(self, postgres: Database) -> AsyncIterator[SnapshotStore]:
        async with in_schema_of(postgres) as opened:
            yield opened

    async def test_they_are_there_when_they_are_opened_again(self, postgres: Database) -> None:
        async with in_schema_of(postgres) as first:
            await first.put([SavedState("a", "1", b"kept")])

        async with in_schema_of(postgres) as second:
            assert await second.get("a", "1") == b"kept"

    async def test_a_key_may_be_longer_than_an_index_takes(self, snapshots: SnapshotStore) -> None:
        tags = "\u4e2d".join(str(number) for number in range(5000))

        await snapshots.put([SavedState("a", tags, b"kept")])

        assert await snapshots.get("a", tags) == b"kept"
        assert await snapshots.get("a", tags + "0") is None

    async def test_all_that_is_asked_at_once_is_answered(self, snapshots: SnapshotStore) -> None:
        await snapshots.put([SavedState("a", str(number), b"%d" % number) for number in range(0, 200, 2)])

        found = await asyncio.gather(*[snapshots.get("a", str(number)) for number in range(200)])

        assert found == [None if number % 2 else b"%d" % number for number in range(200)]

    async def test_two_who_save_the_same_ones_wait_for_each_other_and_not_in_a_ring(
        self, postgres: Database, snapshots: SnapshotStore
    ) -> None:
        states = [SavedState("a", str(number), bytes(1000)) for number in range(200)]
        async with in_schema_of(postgres) as other:
            await asyncio.gather(
                *[snapshots.put(states) for _ in range(10)], *[other.put(states[::-1]) for _ in range(10)]
            )

        assert await snapshots.get("a", "7") == bytes(1000)

    async def test_a_lookup_that_is_left_is_nobody_elses_loss(self, snapshots: SnapshotStore) -> None:
        await snapshots.put([SavedState("a", "1", b"kept")])
        leaving, staying = (asyncio.create_task(snapshots.get("a", "1")) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()

        assert await staying == b"kept"

    async def test_a_batch_that_fails_leaves_everything_as_it_was(self, snapshots: SnapshotStore) -> None:
        await snapshots.put([SavedState("a", "1", b"kept")])

        with pytest.raises(StoreError):
            await snapshots.put([SavedState("a", "1", b"new"), SavedState("a", "2", None)])  # type: ignore[arg-type]  # the fault

        assert await snapshots.get("a", "1") == b"kept"

    async def test_a_table_that_is_gone_is_a_store_error(self, postgres: Database, snapshots: SnapshotStore) -> None:
        assert await snapshots.get("a", "1") is None
        postgres.sql("drop table diptych.snapshots")

        with pytest.raises(StoreError, match="does not exist"):
            await snapshots.get("a", "1")
        with pytest.raises(StoreError, match="does not exist"):
            await snapshots.put([SavedState("a", "1", b"")])

    async def test_no_write_waits_for_the_disk(self, snapshots: PostgresSnapshots) -> None:
        found = await snapshots._writing.run(lambda connection: connection.fetchval("show synchronous_commit"))

        assert found == "off"

    async def test_a_store_that_is_not_open_says_so(self, postgres: Database) -> None:
        with pytest.raises(StoreError, match=r"snapshots in postgresql://.* are not open"):
            await in_schema_of(postgres).put([])


def test_they_live_beside_the_log() -> None:
    assert isinstance(snapshots_beside("memory://"), MemorySnapshots)
    store = snapshots_beside("sqlite:////data/shop.db")
    assert isinstance(snapshots_beside("postgresql://shop@db/shop"), PostgresSnapshots)
    assert isinstance(store, SqliteSnapshots)
    assert store._path == Path("/data/shop-snapshots.db")
