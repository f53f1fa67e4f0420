"""The PostgreSQL event store keeps the contract, on the oldest server and on the newest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from diptych.stores.postgres.address import Address
from diptych.stores.postgres.events import PostgresEventStore
from diptych.testing.contracts import EventStoreContract
from tests.clusters import Database


def opened(database: Database) -> PostgresEventStore:
    """Return the unopened store of a database."""
    return PostgresEventStore(Address.of(database.url, schema="diptych"))


class TestPostgresEventStore(EventStoreContract):
    """Every promise of the port."""

    @pytest.fixture
    async def store(self, postgres: Database) -> AsyncIterator[PostgresEventStore]:
        """Give a store of its own for each test."""
        async with opened(postgres) as store:
            yield store
