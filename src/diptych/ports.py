"""The ports: what the two panels ask of a store, a clock and a source of ids. Protocols and their values, only.

Stores see bytes: events arrive encoded and tagged. A position is an opaque, totally ordered 64-bit integer from 1; only
the store does arithmetic on it; 0 is "before everything".
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable
from uuid import UUID

import msgspec

from diptych.model.criteria import Condition, Criteria
from diptych.model.projections import Key, Projection, ReadModel


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to append: stored name and version, tags, canonical JSON, its hash (`codec.content_hash`)."""

    name: str
    version: int
    tags: tuple[str, ...]
    data: bytes
    hash: bytes


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An event of the log; `recorded_at` is microseconds since 1970 UTC and never falls from position to position."""

    position: int
    name: str
    version: int
    tags: tuple[str, ...]
    data: bytes
    metadata: bytes
    recorded_at: int
    hash: bytes


class Metadata(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is stored beside every event of an append, as canonical JSON."""

    command: UUID | None = None
    actor: str | None = None
    correlation: UUID | None = None
    causation: UUID | None = None


class Record(msgspec.Struct, frozen=True, gc=False):
    """The record of an accepted command: written with its events, kept as long as the log.

    `position` is that of the last event; without events, the head which the decision read. `answer` is the value as
    JSON.
    """

    id: UUID
    name: str
    fingerprint: bytes
    answer: bytes
    position: int
    recorded_at: int
    actor: str | None = None


class Append(msgspec.Struct, frozen=True):
    """One append: all of its events or none, under its condition, with the record of its command.

    `now` is microseconds of the injected clock; the store records max(now, the last event's). With events, the store
    fills `record.position` with the position of the last one. `metadata` goes with every event.
    """

    events: Sequence[NewEvent]
    condition: Condition
    record: Record | None
    metadata: bytes
    now: int


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The append is on disk: positions `first` to `last`; without events both are the record's position."""

    first: int
    last: int
    recorded_at: int


class Conflicted(msgspec.Struct, frozen=True, gc=False):
    """The condition failed: an event that it forbids lies at `position`, or later. Nothing was written."""

    position: int


class Recorded(msgspec.Struct, frozen=True):
    """The command id is taken: this is its record. Nothing was written."""

    record: Record


AppendOutcome = Appended | Conflicted | Recorded


class Slice(msgspec.Struct, frozen=True, gc=False):
    """Events in the order asked for, and `through`: the position up to which nothing that matches is missing.

    `through` was taken before, or in the same snapshot as, the events. Forwards, with `complete` False the limit cut
    the slice and `through` is its last event's position: read on after it. Backwards, read on before the last event.
    """

    events: Sequence[StoredEvent]
    through: int
    complete: bool


class EventReader(Protocol):
    """Read the log from one thread and its event loop: open and use it there."""

    async def read(
        self,
        criteria: Criteria,
        *,
        after: int = 0,
        until: int | None = None,
        limit: int = 1000,
        backwards: bool = False,
    ) -> Slice:
        """Return at most `limit` matching events with after < position <= until, ascending, or descending `backwards`.

        A reader never sees a position appear behind `through` of an earlier slice.
        """
        ...

    async def head(self) -> int:
        """Return the position of the last event that is on disk, read afresh; 0 for an empty log."""
        ...

    async def wait(self, after: int, timeout: float) -> int:  # noqa: ASYNC109 (a wake-up is a hint, silence no error)
        """Return the head as soon as it lies beyond `after`, or after `timeout` seconds whatever it is then."""
        ...

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class EventStore(EventReader, Protocol):
    """Keep the log. One conditional append decides everything that is ever written."""

    @property
    def log_id(self) -> UUID:
        """Return the identity of the log, made with it and kept with it."""
        ...

    async def append(self, append: Append) -> AppendOutcome:
        """Append atomically and durably, or not at all; each of many concurrent appends gets its own outcome.

        First the command id is looked up (Recorded), then the condition is checked under the lock that orders the log
        (Conflicted). Cancelling the caller cancels nothing: the append goes on. Raises StoreError when it surely
        failed, OutcomeUnknownError when nobody knows.
        """
        ...

    async def record(self, command_id: UUID) -> Record | None:
        """Return the record of an accepted command, or None: it never took effect, or not yet."""
        ...

    def reader(self) -> EventReader:
        """Return an unopened reader of the same log for another thread."""
        ...


@runtime_checkable
class Examined(Protocol):
    """Let a log be examined, beside its daily work."""

    def verify(self) -> AsyncIterator[int]:
        """Read all again and yield how far it is right; raise CorruptionError naming the first position that is not."""
        ...

    def describe(self) -> Mapping[str, object]:
        """Return what `doctor` tells of the store, as JSON-able values; "durable" says whether an ack means fsynced."""
        ...


class Checkpoint(msgspec.Struct, frozen=True):
    """Where a projection stands. `target` is set while it is being rebuilt up to there; `error` says why it stopped."""

    projection: str
    position: int
    generation: int
    version: int
    fingerprint: str
    log_id: UUID
    epoch: int
    target: int | None = None
    error: str | None = None


class Changes(NamedTuple):
    """The pending rows of one read model: key -> row, None for a deletion; key -> position of its last change."""

    model: ReadModel[Any]
    rows: Mapping[Key, Any]
    positions: Mapping[Key, int]


class Snapshot(NamedTuple):
    """All rows of a projection with its checkpoint, as one transaction left them: read model name -> key -> row."""

    checkpoint: Checkpoint
    rows: Mapping[str, Mapping[Key, Any]]


class Opened(Protocol):
    """Hold something open from `async with` to its end, in the thread and event loop that entered it."""

    async def __aenter__(self: Self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class RowWriter(Opened, Protocol):
    """Write the rows of projections from the one thread in which it was opened."""

    async def lease(self, *, seconds: float) -> int | None:
        """Take or renew the ownership of the projections; return its epoch, or None while another owner is alive."""
        ...

    async def install(
        self, projections: Sequence[Projection], fingerprints: Mapping[str, str], *, log_id: UUID, head: int, mode: str
    ) -> Mapping[str, Checkpoint]:
        """Make tables and checkpoints; start a new generation where version (or, in mode dev, fingerprint) changed.

        Atomic, under the lease. Raises WiringError for a changed fingerprint under the same version in production,
        ForeignLogError for a checkpoint of another log or beyond `head`.
        """
        ...

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        ...

    async def save(self, checkpoint: Checkpoint, position: int, changes: Sequence[Changes]) -> Checkpoint:
        """Store rows, change feed and the checkpoint's new position in one transaction; return the new checkpoint.

        Compare-and-set on (position, epoch) of `checkpoint`: raises FencedError when either moved, and writes nothing.
        A rebuild ends with the save that reaches its target.
        """
        ...

    async def stop(self, checkpoint: Checkpoint, error: str) -> Checkpoint:
        """Store why the projection stopped, where it stopped; compare-and-set as in `save`."""
        ...


class RowReader(Opened, Protocol):
    """Read rows for queries from the thread and event loop in which it was opened; never waits for a writer's batch."""

    async def get(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        ...

    async def select(self, statements: Sequence[Any]) -> Sequence[Sequence[Any]]:  # Any: SQLAlchemy selects and rows
        """Run SQLAlchemy `select()`s over logical tables on one snapshot and return the rows of each."""
        ...

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return every projection's checkpoint as stored, read afresh whenever another connection committed."""
        ...

    async def changed(self, models: Sequence[str]) -> int:
        """Return the position of the last change in any of these read models, from the change feed."""
        ...

    async def snapshot(self, projection: Projection) -> Snapshot:
        """Return all rows of a projection and its checkpoint, read on one snapshot."""
        ...


class RowStore(Opened, Protocol):
    """Keep rows, change feed and checkpoints. Writer and readers are opened where they are used."""

    def table(self, model: ReadModel[Any]) -> Any:  # Any: a SQLAlchemy Core Table
        """Return the logical table of a read model, the same one every time: `select()`s over it read the live rows."""
        ...

    def reader(self) -> RowReader:
        """Return an unopened reader."""
        ...

    def writer(self) -> RowWriter:
        """Return an unopened writer."""
        ...


class Progress(Protocol):
    """Tell how far projections are, and wait for them: what both panels share."""

    async def reach(
        self,
        projections: Sequence[str],
        position: int,
        *,
        timeout: float,  # noqa: ASYNC109 (an answer that says how far it came, not a cancellation)
    ) -> None:
        """Return once every projection holds everything up to `position`.

        Raises StaleError after `timeout` seconds, RebuildingError at once for one that is rebuilding, FoldError at once
        for one that stopped.
        """
        ...


class Clock(Protocol):
    """Tell the time."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        ...

    def micros(self) -> int:
        """Return microseconds since 1970 UTC."""
        ...


class Ids(Protocol):
    """Make ids."""

    def new(self) -> UUID:
        """Return an id that nobody else has."""
        ...
