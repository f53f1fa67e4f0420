"""The ports: what the two panels ask of a store, a clock and a source of ids. Protocols and their values, only.

A position is an opaque, totally ordered 64-bit integer from 1; only the store does arithmetic on it; 0 is "before
everything".
"""

from diptych.ports.log import (
    Append,
    Appended,
    AppendOutcome,
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
from diptych.ports.rows import (
    Changes,
    Checkpoint,
    Opened,
    Progress,
    RowReader,
    RowStore,
    RowWriter,
    Snapshot,
    changed_unraised,
    Version,
)
from diptych.ports.system import Clock, Ids

__all__ = [
    "Append",
    "AppendOutcome",
    "Appended",
    "Changes",
    "Checkpoint",
    "Clock",
    "Conflicted",
    "EventReader",
    "EventStore",
    "Examined",
    "Ids",
    "Metadata",
    "NewEvent",
    "Opened",
    "Progress",
    "Record",
    "Recorded",
    "RowReader",
    "RowStore",
    "RowWriter",
    "Slice",
    "Snapshot",
    "StoredEvent",
    "changed_unraised",
]
    "Version",
    "ViewStore",
