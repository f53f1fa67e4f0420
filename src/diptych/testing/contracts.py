"""The contracts that every adapter passes: subclass one, give it a `store` fixture, run it with pytest.

::

    class TestMyStore(EventStoreContract):
        @pytest.fixture
        async def store(self):
            async with MyStore() as store:
                yield store

Test methods are coroutines: run them with `asyncio_mode = "auto"` of pytest-asyncio.
"""

from __future__ import annotations

from diptych.testing.contract.appending import AppendingContract
from diptych.testing.contract.bookmarks import BookmarksContract
from diptych.testing.contract.boundaries import BoundariesContract
from diptych.testing.contract.conditions import ConditionsContract
from diptych.testing.contract.content import ContentContract
from diptych.testing.contract.live import LiveContract
from diptych.testing.contract.moving import MovingContract
from diptych.testing.contract.reading import ReadingContract
from diptych.testing.contract.recording import RecordingContract
from diptych.testing.contract.settling import SettlingContract
from diptych.testing.contract.snapshots import SnapshotsContract

__all__ = ["BookmarksContract", "EventStoreContract", "MovingContract", "SettlingContract", "SnapshotsContract"]


class EventStoreContract(
    BoundariesContract,
    AppendingContract,
    ConditionsContract,
    RecordingContract,
    ReadingContract,
    LiveContract,
    ContentContract,
):
    """State every promise of `ports.EventStore` as a test."""
