"""Every log and its bookmarks can be copied and can become a copy, by the same rules."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from diptych.ports import MovableBookmarks
from diptych.stores.memory import MemoryEventStore
from diptych.stores.memory_bookmarks import MemoryBookmarks, Shelf
from diptych.stores.postgres.address import Address
from diptych.stores.postgres.bookmarks import PostgresBookmarks
from diptych.stores.postgres.events import PostgresEventStore
from diptych.stores.sqlite.bookmarks import SqliteBookmarks
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.testing.contracts import MovingContract, SettlingContract
from tests.clusters import Database


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


class TestPostgresMoving(MovingContract):
    @pytest.fixture
    async def store(self, postgres: Database) -> AsyncIterator[PostgresEventStore]:
        async with PostgresEventStore(Address.of(postgres.url, schema="diptych")) as store:
            yield store


class TestMemorySettling(SettlingContract):
    @pytest.fixture
    def shelf(self) -> Shelf:
        return Shelf()

    @pytest.fixture
    async def first(self, shelf: Shelf) -> AsyncIterator[MovableBookmarks]:
        async with MemoryBookmarks(shelf) as opened:
            yield opened

    @pytest.fixture
    async def second(self, shelf: Shelf) -> AsyncIterator[MovableBookmarks]:
        async with MemoryBookmarks(shelf) as opened:
            yield opened


class TestSqliteSettling(SettlingContract):
    @pytest.fixture
    async def first(self, tmp_path: Path) -> AsyncIterator[MovableBookmarks]:
        async with SqliteBookmarks(tmp_path / "subscribers.db") as opened:
            yield opened

    @pytest.fixture
    async def second(self, tmp_path: Path) -> AsyncIterator[MovableBookmarks]:
        async with SqliteBookmarks(tmp_path / "subscribers.db") as opened:
            yield opened


class TestPostgresSettling(SettlingContract):
    @pytest.fixture
    async def first(self, postgres: Database) -> AsyncIterator[MovableBookmarks]:
        async with PostgresBookmarks(Address.of(postgres.url, schema="diptych")) as opened:
            yield opened

    @pytest.fixture
    async def second(self, postgres: Database) -> AsyncIterator[MovableBookmarks]:
        async with PostgresBookmarks(Address.of(postgres.url, schema="diptych")) as opened:
            yield opened
