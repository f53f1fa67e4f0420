"""The ports: what the two panels ask of a store, a clock and a source of ids. Protocols and their values, only.

A position is an opaque, totally ordered 64-bit integer from 1; only the store does arithmetic on it; 0 is "before
everything".
"""

from diptych.ports.audit import NEWEST, Attempt, AuditTrail, Listed, Noted, Trail, Wanted
from diptych.ports.bookmarks import Bookmark, Bookmarks, Failure, Skip, displaced, skipping
from diptych.ports.log import (
    Append,
    Appended,
    AppendOutcome,
    BareReader,
    Conflicted,
    EventReader,
    EventStore,
    Examined,
    Metadata,
    NewEvent,
    Record,
    Recorded,
    Slice,
    StoredEvent,
)
from diptych.ports.row_store import RowStore
from diptych.ports.rows import (
    Changes,
    Checkpoint,
    Fed,
    Opened,
    Owned,
    Owner,
    Prepared,
    Progress,
    RowReader,
    RowWriter,
    Snapshot,
    Version,
    changed_unraised,
)
from diptych.ports.snapshots import SavedState, SnapshotStore
from diptych.ports.system import Clock, Ids
from diptych.ports.text_search import TextSearch
from diptych.ports.units import Transactional, Unit
from diptych.ports.views import Computed, Materialised, ViewStore

__all__ = [
    "NEWEST",
    "Append",
    "AppendOutcome",
    "Appended",
    "Attempt",
    "AuditTrail",
    "BareReader",
    "Bookmark",
    "Bookmarks",
    "Changes",
    "Checkpoint",
    "Clock",
    "Computed",
    "Conflicted",
    "EventReader",
    "EventStore",
    "Examined",
    "Failure",
    "Fed",
    "Ids",
    "Listed",
    "Materialised",
    "Metadata",
    "NewEvent",
    "Noted",
    "Opened",
    "Owned",
    "Owner",
    "Prepared",
    "Progress",
    "Record",
    "Recorded",
    "RowReader",
    "RowStore",
    "RowWriter",
    "SavedState",
    "Skip",
    "Slice",
    "Snapshot",
    "SnapshotStore",
    "StoredEvent",
    "TextSearch",
    "Trail",
    "Transactional",
    "Unit",
    "Version",
    "ViewStore",
    "Wanted",
    "changed_unraised",
    "displaced",
    "skipping",
]
