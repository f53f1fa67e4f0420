"""URLs to stores: `memory://`, `sqlite:///path`."""

from __future__ import annotations

from pathlib import Path

from diptych.errors import SettingsError
from diptych.ports import EventStore, RowStore
from diptych.stores.memory import MemoryEventStore
from diptych.stores.sqlite.events import SqliteEventStore
from diptych.stores.sqlite.rows import SqliteRowStore

MEMORY = "memory://"
_SQLITE = "sqlite:///"


def event_store(url: str) -> EventStore:
    """Return the unopened event store of a URL; raise SettingsError for one that no store answers to."""
    return MemoryEventStore() if url == MEMORY else SqliteEventStore(_path(url))


def row_store(url: str) -> RowStore:
    """Return the unopened row store of a URL; raise SettingsError for one that no store answers to."""
    return SqliteRowStore(None if url == MEMORY else _path(url))


def reads_beside(events: str) -> str:
    """Return where read models go when nobody says: beside the log, `shop.db` -> `shop-reads.db`.

    >>> reads_beside("sqlite:///data/shop.db")
    'sqlite:///data/shop-reads.db'
    """
    if events == MEMORY:
        return MEMORY
    path = _path(events)
    return f"{_SQLITE}{path.with_name(f'{path.stem}-reads{path.suffix}')}"


def _path(url: str) -> Path:
    if not url.startswith(_SQLITE) or url == _SQLITE:
        raise SettingsError(f"no store answers to {url!r}; write memory:// or sqlite:///path/to/file.db")
    return Path(url.removeprefix(_SQLITE))
