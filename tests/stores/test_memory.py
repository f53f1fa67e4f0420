"""The memory store keeps the contract, and is short enough to be read."""

from collections.abc import AsyncIterator

import pytest

from diptych.stores.memory import MemoryEventStore
from diptych.testing.contracts import EventStoreContract


class TestMemoryEventStore(EventStoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[MemoryEventStore]:
        async with MemoryEventStore() as store:
            yield store
