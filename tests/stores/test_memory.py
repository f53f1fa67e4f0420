"""The memory store keeps the contract, and is short enough to be read."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from diptych.model.criteria import Criteria
from diptych.ports import Append, NewEvent
from diptych.stores.memory import MemoryEventStore
from diptych.testing.contracts import EventStoreContract


class TestMemoryEventStore(EventStoreContract):
    @pytest.fixture
    async def store(self) -> AsyncIterator[MemoryEventStore]:
        async with MemoryEventStore() as store:
            yield store


async def test_a_reader_is_not_disturbed_by_a_type_that_another_thread_appends_meanwhile() -> None:
    class Busy(dict[Any, Any]):
        def get(self, key: Any, default: Any = None) -> Any:
            store._names[f"other.{len(store._names)}"] = None
            return super().get(key, default)

    store = MemoryEventStore()
    await store.append(Append((NewEvent("shop.opened", 1, (), b"{}", b""),), (), None, b"", 0))
    store._index = Busy(store._index)

    found = await store.read(Criteria.all())

    assert [each.name for each in found.events] == ["shop.opened"]
