"""Bookmarks in memory, in a file and in PostgreSQL keep the same promises; all but the first outlive their process."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from diptych.errors import StoreError
from diptych.ports import Bookmark, Bookmarks, Failure
from diptych.stores.memory_bookmarks import MemoryBookmarks, Shelf
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.bookmarks import PostgresBookmarks
from diptych.stores.sqlite import bookmarks_file
from diptych.stores.sqlite.bookmarks import SqliteBookmarks
from diptych.stores.urls import bookmarks_beside
from diptych.testing.contracts import BookmarksContract
from tests.clusters import Database

LOG = UUID(int=1)


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def broken(path: Path) -> None:
    path.write_text("not a database, whatever it may be called\n" * 100)


class TestMemoryBookmarks(BookmarksContract):
    @pytest.fixture
    def shelf(self) -> Shelf:
        return Shelf()

    @pytest.fixture
    async def first(self, shelf: Shelf) -> AsyncIterator[Bookmarks]:
        async with MemoryBookmarks(shelf) as opened:
            yield opened

    @pytest.fixture
    async def second(self, shelf: Shelf) -> AsyncIterator[Bookmarks]:
        async with MemoryBookmarks(shelf) as opened:
            yield opened


class TestSqliteBookmarks(BookmarksContract):
    @pytest.fixture
    async def first(self, tmp_path: Path) -> AsyncIterator[Bookmarks]:
        async with SqliteBookmarks(tmp_path / "subscribers.db") as opened:
            yield opened

    @pytest.fixture
    async def second(self, tmp_path: Path) -> AsyncIterator[Bookmarks]:
        async with SqliteBookmarks(tmp_path / "subscribers.db") as opened:
            yield opened

    async def test_they_are_there_when_the_file_is_opened_again(self, tmp_path: Path) -> None:
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            bookmark = await bookmarks.take("mail", log_id=LOG, start=3, seconds=60)
            assert bookmark is not None
            await bookmarks.move(bookmark, 4)

        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            assert await bookmarks.all() == {"mail": Bookmark("mail", 4, LOG, 1)}
            assert await bookmarks.take("mail", log_id=LOG, start=0, seconds=60) == Bookmark("mail", 4, LOG, 2)

    async def test_looking_makes_no_file(self, tmp_path: Path) -> None:
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            assert await bookmarks.all() == {}
            assert await bookmarks.skips() == ()

        assert files(tmp_path) == {}

    async def test_the_file_is_this_users_alone(self, tmp_path: Path) -> None:
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            await bookmarks.take("mail", log_id=LOG, start=0, seconds=60)

            assert set(files(tmp_path).values()) == {0o600}

    async def test_a_lease_from_before_the_clock_was_set_back_is_over(
        self, first: Bookmarks, second: Bookmarks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = time.time_ns()
        monkeypatch.setattr(time, "time_ns", lambda: now + 3600 * 10**9)
        assert await first.take("mail", log_id=LOG, start=0, seconds=3)
        monkeypatch.setattr(time, "time_ns", lambda: now)

        assert await second.take("mail", log_id=LOG, start=0, seconds=3)

    async def test_a_move_whose_caller_is_cancelled_is_finished(self, tmp_path: Path) -> None:
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            bookmark = await bookmarks.take("mail", log_id=LOG, start=0, seconds=60)
            assert bookmark is not None
            moving = asyncio.create_task(bookmarks.move(bookmark, 1))
            await asyncio.sleep(0)
            moving.cancel()
            await asyncio.wait([moving])

            assert moving.cancelled()
            assert (await bookmarks.all())["mail"].position == 1

    async def test_a_file_that_is_no_database_is_a_store_error(self, tmp_path: Path) -> None:
        broken(tmp_path / "b.db")

        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            with pytest.raises(StoreError, match="cannot be opened as an SQLite file"):
                await bookmarks.all()

    async def test_a_write_that_fails_is_a_store_error_and_the_file_is_opened_anew(self, tmp_path: Path) -> None:
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            bookmark = await bookmarks.take("mail", log_id=LOG, start=0, seconds=60)
            assert bookmark is not None
            suspect = bookmarks._file
            with contextlib.closing(sqlite3.connect(tmp_path / "b.db")) as connection:
                connection.execute("alter table bookmarks rename to lost")
                with pytest.raises(StoreError, match=r"the bookmarks in .*b\.db failed: no such table"):
                    await bookmarks.move(bookmark, 1)
                connection.execute("alter table lost rename to bookmarks")

            assert (await bookmarks.move(bookmark, 1)).position == 1
            assert bookmarks._file is not suspect

    async def test_the_write_ahead_log_stays_short(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bookmarks_file, "_TIDY_EVERY", 20)
        async with SqliteBookmarks(tmp_path / "b.db") as bookmarks:
            bookmark = await bookmarks.take("mail", log_id=LOG, start=0, seconds=60)
            assert bookmark is not None
            for position in range(1, 201):
                bookmark = await bookmarks.move(bookmark, position)

            assert sizes(tmp_path)["b.db-wal"] < 60 * 4096


def in_schema_of(database: Database) -> PostgresBookmarks:
    return PostgresBookmarks(Address.of(database.url, schema="diptych"))


class TestPostgresBookmarks(BookmarksContract):
    @pytest.fixture
    async def first(self, postgres: Database) -> AsyncIterator[Bookmarks]:
        async with in_schema_of(postgres) as opened:
            yield opened

    @pytest.fixture
    async def second(self, postgres: Database) -> AsyncIterator[Bookmarks]:
        async with in_schema_of(postgres) as opened:
            yield opened

    async def test_they_are_there_when_they_are_opened_again(self, postgres: Database) -> None:
        async with in_schema_of(postgres) as bookmarks:
            bookmark = await bookmarks.take("mail", log_id=LOG, start=3, seconds=60)
            assert bookmark is not None
            await bookmarks.move(bookmark, 4)

        async with in_schema_of(postgres) as bookmarks:
            assert await bookmarks.all() == {"mail": Bookmark("mail", 4, LOG, 1)}
            assert await bookmarks.take("mail", log_id=LOG, start=0, seconds=60) == Bookmark("mail", 4, LOG, 2)

    async def test_ownership_goes_by_the_clock_of_the_server(
        self, first: Bookmarks, second: Bookmarks, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert await first.take("mail", log_id=LOG, start=0, seconds=60)
        later = time.time_ns() + 3600 * 10**9
        monkeypatch.setattr(time, "time_ns", lambda: later)
        monkeypatch.setattr(time, "time", lambda: later / 10**9)

        assert await second.take("mail", log_id=LOG, start=0, seconds=60) is None

    async def test_a_lease_from_before_the_clock_was_set_back_is_over(
        self, first: Bookmarks, second: Bookmarks, postgres: Database
    ) -> None:
        assert await first.take("mail", log_id=LOG, start=0, seconds=3)
        postgres.sql("update diptych.bookmarks set expires = now() + interval '1 hour'")

        assert await second.take("mail", log_id=LOG, start=0, seconds=3)

    async def test_who_stands_by_writes_nothing_and_waits_for_nobody(
        self, first: Bookmarks, second: Bookmarks, postgres: Database
    ) -> None:
        assert await first.take("mail", log_id=LOG, start=0, seconds=60)
        before = postgres.sql("select xmin, xmax, ctid from diptych.bookmarks")

        assert await second.take("mail", log_id=LOG, start=0, seconds=60) is None

        assert postgres.sql("select xmin, xmax, ctid from diptych.bookmarks") == before

    async def test_a_move_whose_caller_is_cancelled_is_finished(self, first: Bookmarks) -> None:
        bookmark = await first.take("mail", log_id=LOG, start=0, seconds=60)
        assert bookmark is not None
        moving = asyncio.create_task(first.move(bookmark, 1))
        await asyncio.sleep(0)
        moving.cancel()
        await asyncio.wait([moving])

        assert moving.cancelled()
        assert (await first.all())["mail"].position == 1

    async def test_a_connection_that_was_lost_is_opened_anew(self, first: Bookmarks, postgres: Database) -> None:
        bookmark = await first.take("mail", log_id=LOG, start=0, seconds=60)
        assert bookmark is not None
        lose(postgres)
        await lost(first)

        assert (await first.move(bookmark, 1)).position == 1

    async def test_an_error_with_what_no_text_of_postgresql_holds_is_kept(self, first: Bookmarks) -> None:
        bookmark = await first.take("mail", log_id=LOG, start=0, seconds=60)
        assert bookmark is not None

        moved = await first.move(bookmark, 1, Failure(2, 1, "a\0b\ud800"))

        assert (await first.all())["mail"] == moved
        assert moved.failure == Failure(2, 1, "a\ufffdb\ufffd")

    async def test_a_table_that_is_gone_is_a_store_error(self, first: Bookmarks, postgres: Database) -> None:
        assert await first.all() == {}
        postgres.sql("alter table diptych.bookmarks rename to gone")

        with pytest.raises(StoreError, match="PostgreSQL failed"):
            await first.all()


def lose(database: Database) -> None:
    """End every session of a database but that which says so."""
    others = "datname = current_database() and pid <> pg_backend_pid()"
    database.sql(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")  # noqa: S608 (ours)


async def lost(bookmarks: Bookmarks) -> None:
    """Wait until the store has heard that its connection is gone."""
    while bookmarks._link.is_connected:  # type: ignore[attr-defined]  # noqa: ASYNC110 (of this store; asyncpg tells nobody)
        await asyncio.sleep(0)


async def test_the_bookmarks_of_a_log_lie_beside_it(tmp_path: Path) -> None:
    async with bookmarks_beside(f"sqlite:///{tmp_path}/shop.db") as bookmarks:
        await bookmarks.take("mail", log_id=LOG, start=0, seconds=60)

    assert "shop-subscribers.db" in files(tmp_path)
