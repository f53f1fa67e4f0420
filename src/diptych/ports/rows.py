"""Rows: checkpoints, changes, and the store that keeps the rows of read models with them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Protocol, Self, runtime_checkable
from uuid import UUID

import msgspec

from diptych.errors import WiringError
from diptych.model.projections import Key, Projection, ReadModel

ASSURED = 0.8
"""Which share of the seconds that were asked for a lease surely lasts from then on: not every call renews it."""


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


def changed_unraised(stored: Checkpoint, projection: Projection) -> WiringError:
    """Return the error of folds or rows that changed under the version of their stored checkpoint."""
    return WiringError(
        f"the folds or rows of projection {projection.name!r} changed since its read models were built, "
        f"and its version is still {projection.version}",
        where=f"the read models of {projection.name!r}, at position {stored.position}",
        fix=f"raise it, Projection({projection.name!r}, version={projection.version + 1}), and they are "
        f"rebuilt; or take the change back; mode='dev' rebuilds by itself",
    )


class Changes(NamedTuple):
    """The pending rows of one read model: key -> row, None for a deletion; key -> position of its last change.

    For a read model with history also every version in the order of the log: key, position, row or None.
    """

    model: ReadModel[Any]
    rows: Mapping[Key, Any]
    positions: Mapping[Key, int]
    versions: Sequence[tuple[Key, int, Any]] = ()


class Version(NamedTuple):
    """A row as it was from a position on, until its next version; None: it was deleted there."""

    position: int
    row: Any


class Prepared(NamedTuple):
    """A select that was made once, and the values of its parameters this time."""

    statement: Any  # a SQLAlchemy select
    values: Mapping[str, Any]


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

    async def lease(self, projections: Mapping[str, str], *, seconds: float) -> Mapping[str, int]:
        """Take or renew the ownership of projections, each named with a mark of the code that folds it here.

        Returns the epoch of each that is owned, which grows with every new owner; what is missing has another live
        owner, was given up since that one shall have it, or is about to be taken. Owners share: one that has two more
        than another live worker of the same code gives one up. Between two calls nothing is given up, so that a batch
        is never cut; ownership lasts for ASSURED of `seconds` after a call at least, and all who ask do so for the
        same. A lease that reaches much further is from before the clock was set back.
        """
        ...

    async def install(
        self,
        projections: Sequence[Projection],
        fingerprints: Mapping[str, str],
        *,
        log_id: UUID,
        head: int,
        mode: str,
        others: Collection[str] = (),
    ) -> Mapping[str, Checkpoint]:
        """Make tables and checkpoints of owned projections; start a new generation where one is due.

        It is where the version, or in mode dev the fingerprint, changed. `others` are the names of all other
        projections that the application declares: a read model that was theirs once may be claimed, any other may not.
        Call it once for each projection that `lease` newly returned; the others go on meanwhile. Atomic. Raises
        FencedError for one that is not owned, or must claim a read model from one that another worker owns, WiringError
        for a changed fingerprint under the same version in production, ForeignLogError for a checkpoint of another log
        or beyond `head`.
        """
        ...

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        ...

    async def matching(
        self, model: ReadModel[Any], columns: Mapping[str, Any], *, after: Key | None, limit: int
    ) -> Mapping[Key, Any]:
        """Return at most `limit` rows whose columns have these values, in the order of keys, from beyond `after`."""
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

    async def get(self, model: ReadModel[Any], keys: Sequence[Key], *, as_of: int | None = None) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys; `as_of` a position, as in `select`."""
        ...

    async def select(
        self, statements: Sequence[Any], *, as_of: int | None = None
    ) -> Sequence[Sequence[Any]]:  # Any: SQLAlchemy selects and rows
        """Run SQLAlchemy `select()`s, or Prepared ones, over logical tables on one snapshot; return the rows of each.

        `as_of` a position that the projections hold, all tables read there must keep history or be append-only: they
        show the rows as they were when everything up to it was folded. Raises StatementError for one that the database
        cannot run.
        """
        ...

    async def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Return every projection's checkpoint as stored, read afresh whenever another connection committed."""
        ...

    async def changed(self, models: Sequence[str]) -> int:
        """Return the position of the last change in any of these read models, from the change feed."""
        ...

    async def versions(
        self, model: ReadModel[Any], key: Key, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> Sequence[Version]:
        """Return the versions of a row with after < position <= until, the oldest first, at most `limit`.

        The read model keeps history or is append-only.
        """
        ...

    async def snapshot(self, projection: Projection) -> Snapshot:
        """Return all rows of a projection and its checkpoint, read on one snapshot."""
        ...


class Owner(NamedTuple):
    """The live owner of a projection: an id, the machine and process by which people know it, and the epoch."""

    worker: str
    name: str
    epoch: int


@runtime_checkable
class Owned(Protocol):
    """Let it be seen who owns what, beside the daily work of a reader."""

    async def owners(self) -> Mapping[str, Owner]:
        """Return the live owner of each projection that has one."""
        ...


@runtime_checkable
class Fed(Protocol):
    """Let the change feed be read, beside its daily work."""

    async def fed(self, model: ReadModel[Any], position: int, *, limit: int) -> Sequence[Key]:
        """Return keys of rows that the event at a position was the last to change in its batch, at most `limit`.

        The feed reaches back so far, and a rebuild leaves nothing in it.
        """
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
