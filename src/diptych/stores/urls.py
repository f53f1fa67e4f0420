"""URLs to stores: `memory://`, `sqlite:///path`, `postgresql://user@host/database`."""

from __future__ import annotations

from pathlib import Path

from diptych.errors import SettingsError
from diptych.ports import AuditTrail, Bookmarks, EventStore, RowStore, SnapshotStore
from diptych.stores.memory import MemoryEventStore
from diptych.stores.memory_audit import MemoryAuditTrail
from diptych.stores.memory_bookmarks import MemoryBookmarks
from diptych.stores.memory_snapshots import MemorySnapshots
from diptych.stores.postgres.address import LOG_SCHEMA, ROWS_SCHEMA, SCHEMES, Address, shown
from diptych.stores.postgres.extra import needing_asyncpg
from diptych.stores.sqlite.audit import SqliteAuditTrail
from diptych.stores.sqlite.bookmarks import SqliteBookmarks
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.follower import SqliteFollowedRows, SqliteFollower
from diptych.stores.sqlite.rows import SqliteRowStore
from diptych.stores.sqlite.snapshots import SqliteSnapshots

MEMORY = "memory://"
_SQLITE = "sqlite:///"


def event_store(url: str) -> EventStore:
    """Return the unopened event store of a URL; raise SettingsError for one that no store answers to."""
    if url.startswith(SCHEMES):
        return needing_asyncpg("events").PostgresEventStore(_log(url))  # type: ignore[no-any-return]  # imported by name
    return MemoryEventStore() if url == MEMORY else SqliteEventStore(_path(url))


def row_store(url: str) -> RowStore:
    """Return the unopened row store of a URL; raise SettingsError for one that no store answers to."""
    if url.startswith(SCHEMES):
        address = Address.of(url, schema=ROWS_SCHEMA)
        return needing_asyncpg("rows").PostgresRowStore(address)  # type: ignore[no-any-return]  # imported by name
    return SqliteRowStore(None if url == MEMORY else _path(url))


def followed_log(url: str) -> EventStore:
    """Return the unopened log of a URL for who only reads what others write; raise SettingsError as `event_store`."""
    if url.startswith(SCHEMES):
        return needing_asyncpg("follower").PostgresFollower(_log(url))  # type: ignore[no-any-return]  # imported by name
    _refuse_memory(url)
    return SqliteFollower(_path(url))


def followed_rows(url: str) -> RowStore:
    """Return the unopened row store of a URL for who only reads; raise SettingsError as `row_store`."""
    if url.startswith(SCHEMES):
        address = Address.of(url, schema=ROWS_SCHEMA)
        return needing_asyncpg("follower").PostgresFollowedRows(address)  # type: ignore[no-any-return]  # the same
    _refuse_memory(url)
    return SqliteFollowedRows(_path(url))


def bookmarks_beside(events: str) -> Bookmarks:
    """Return the unopened bookmarks of a log's subscribers: `shop.db` -> `shop-subscribers.db`, or the log's schema."""
    if events.startswith(SCHEMES):
        return needing_asyncpg("bookmarks").PostgresBookmarks(_log(events))  # type: ignore[no-any-return]  # the same
    return MemoryBookmarks() if events == MEMORY else SqliteBookmarks(_beside(events, "subscribers"))


def audit_beside(events: str) -> AuditTrail:
    """Return the unopened audit trail of a log: `shop.db` -> `shop-audit.db`, or the log's schema."""
    if events.startswith(SCHEMES):
        return needing_asyncpg("audit").PostgresAuditTrail(_log(events))  # type: ignore[no-any-return]  # imported by name
    return MemoryAuditTrail() if events == MEMORY else SqliteAuditTrail(_beside(events, "audit"))


def snapshots_beside(events: str) -> SnapshotStore:
    """Return the unopened saved states of a log's entities: `shop.db` -> `shop-snapshots.db`, or the log's schema."""
    if events.startswith(SCHEMES):
        return needing_asyncpg("snapshots").PostgresSnapshots(_log(events))  # type: ignore[no-any-return]  # imported by name
    return MemorySnapshots() if events == MEMORY else SqliteSnapshots(_beside(events, "snapshots"))


def reads_beside(events: str) -> str:
    """Return where read models go when nobody says: beside the log.

    >>> reads_beside("sqlite:///data/shop.db")
    'sqlite:///data/shop-reads.db'
    >>> reads_beside("postgresql://shop@db/shop?sslmode=require")
    'postgresql://shop@db/shop?sslmode=require&schema=diptych_reads'
    """
    if events == MEMORY:
        return MEMORY
    if events.startswith(SCHEMES):
        return _log(events).url_of(f"{_log(events).schema}_reads")
    return f"{_SQLITE}{_beside(events, 'reads')}"


def _refuse_memory(url: str) -> None:
    if url == MEMORY:
        raise SettingsError(f"{MEMORY} lives in one process alone, and no other can write it; name a file or database")


def _log(url: str) -> Address:
    return Address.of(url, schema=LOG_SCHEMA)


def _beside(events: str, what: str) -> Path:
    path = _path(events)
    return path.with_name(f"{path.stem}-{what}{path.suffix}")


def _path(url: str) -> Path:
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise SettingsError(
            f"no store answers to {shown(url)!r}; write memory://, sqlite:///path/to/file.db or postgresql://user@host/database"
        )
    return Path(url.removeprefix(_SQLITE))
