"""The log: events, appends and their outcomes, the store that keeps them. Stores see bytes: encoded, tagged events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable
from uuid import UUID

import msgspec

from diptych.model.criteria import Clause, Condition, Criteria


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

    async def count(self, criteria: Criteria, *, after: int = 0, until: int | None = None) -> int:
        """Return how many matching events lie in (after, until], exactly, without reading them."""
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


@runtime_checkable
class Distant(Protocol):
    """Be a reader whose answers come over a network: there is time for other work until they are here."""

    is_distant: bool


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


class BareSlice(msgspec.Struct, frozen=True, gc=False):
    """A slice, forwards, of what folds take that ask for no Meta: of every event position, kind and data, in order.

    `kinds` tells the stored name and version of every kind that occurs: what a store uses for them, the same from slice
    to slice. `through` and `complete` are those of `Slice`.
    """

    events: Sequence[tuple[int, Any, bytes]]  # Any: what is hashable
    kinds: Mapping[Any, tuple[str, int]]
    through: int
    complete: bool


@runtime_checkable
class BareReader(Protocol):
    """Read what folds take that ask for no Meta: a store offers it where that is faster than `read`."""

    async def read_bare(self, clause: Clause, *, after: int = 0, limit: int = 1000) -> BareSlice:
        """Return of what `read` returns for a clause with tags the positions, kinds and data."""
        ...


@runtime_checkable
class Examined(Protocol):
    """Let a log be examined, beside its daily work."""

    def verify(self) -> AsyncIterator[int]:
        """Read all again and yield how far it is right; raise CorruptionError naming the first position that is not."""
        ...

    async def describe(self) -> Mapping[str, object]:
        """Return what `doctor` tells of the store, as JSON-able values.

        "durable" says whether an ack means fsynced; "types" lists stored name, version and how many there are of each.
        """
        ...
