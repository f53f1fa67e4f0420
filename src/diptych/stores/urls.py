"""URLs to stores: `memory://`, `sqlite:///path`."""

from __future__ import annotations

from pathlib import Path

from diptych.errors import SettingsError
from diptych.ports import AuditTrail, Bookmarks, EventStore, RowStore, SnapshotStore
from diptych.stores.memory import MemoryEventStore
from diptych.stores.memory_audit import MemoryAuditTrail
from diptych.stores.memory_bookmarks import MemoryBookmarks
from diptych.stores.memory_snapshots import MemorySnapshots
from diptych.stores.sqlite.audit import SqliteAuditTrail
from diptych.stores.sqlite.bookmarks import SqliteBookmarks
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.sqlite.snapshots import SqliteSnapshots

MEMORY = "memory://"
_SQLITE = "sqlite:///"


def event_store(url: str) -> EventStore:
    """Return the unopened event store of a URL; raise SettingsError for one that no store answers to."""
    return MemoryEventStore() if url == MEMORY else SqliteEventStore(_path(url))


def row_store(url: str) -> RowStore:
    """Return the unopened row store of a URL; raise SettingsError for one that no store answers to."""
    return SqliteRowStore(None if url == MEMORY else _path(url))


def bookmarks_beside(events: str) -> Bookmarks:
    """Return the unopened bookmarks of a log's subscribers: `shop.db` -> `shop-subscribers.db`."""
    return MemoryBookmarks() if events == MEMORY else SqliteBookmarks(_beside(events, "subscribers"))


def audit_beside(events: str) -> AuditTrail:
    """Return the unopened audit trail of a log: `shop.db` -> `shop-audit.db`."""
    return MemoryAuditTrail() if events == MEMORY else SqliteAuditTrail(_beside(events, "audit"))


def snapshots_beside(events: str) -> SnapshotStore:
    """Return the unopened saved states of a log's entities: `shop.db` -> `shop-snapshots.db`."""
    return MemorySnapshots() if events == MEMORY else SqliteSnapshots(_beside(events, "snapshots"))


def reads_beside(events: str) -> str:
    """Return where read models go when nobody says: beside the log, `shop.db` -> `shop-reads.db`.

    >>> reads_beside("sqlite:///data/shop.db")
    'sqlite:///data/shop-reads.db'
    """
    if events == MEMORY:
        return MEMORY
    return f"{_SQLITE}{_beside(events, 'reads')}"


def _beside(events: str, what: str) -> Path:
    path = _path(events)
    return path.with_name(f"{path.stem}-{what}{path.suffix}")


def _path(url: str) -> Path:
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise SettingsError(f"no store answers to {url!r}; write memory:// or sqlite:///path/to/file.db")
    return Path(url.removeprefix(_SQLITE))
