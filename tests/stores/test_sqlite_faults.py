"""What the errors of SQLite mean to those who write rows."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from diptych.errors import StorageFullError, StoreError
from diptych.stores.sqlite.rows_database import transaction


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as opened:
        yield opened


def test_a_disk_without_room_is_told_as_full(connection: sqlite3.Connection) -> None:
    connection.execute("pragma max_page_count = 1")

    with pytest.raises(StorageFullError), transaction(connection):
        connection.execute("create table orders (id)")


def test_a_name_with_full_in_it_is_no_full_disk(connection: sqlite3.Connection) -> None:
    with pytest.raises(StoreError) as told, transaction(connection):
        connection.execute("select * from full_orders")

    assert type(told.value) is StoreError
