"""Every exception of Diptych, in one tree.

::

    Exception
    ├── Refusal                    a decision said no (yours to subclass): an expected answer, never a bug
    │   ├── Missing                the thing that the command names is not there       -> NotFound
    │   ├── FieldErrors            fields that are wrong in the light of the state     -> Invalid
    │   └── NotAllowed             the principal may not do this                       -> Forbidden
    └── Error
        ├── WiringError            the application does not fit together: found at start
        ├── SettingsError          a setting or URL that cannot be used: found at start
        ├── MessageError           a message that cannot be read or written
        │   ├── InvalidMessageError    its fields break the shape (one entry per field)
        │   │   └── MalformedError         bytes that are no JSON
        │   ├── UnknownMessageError    no handler is registered for it
        │   └── UnreadableEventError   a stored event that current code cannot read
        ├── UnwrapError            .unwrap() of a result that is not Accepted
        ├── KeyReusedError         an idempotency key that came back with another request
        ├── UntriableError         a command that cannot be tried, since its handler has effects of its own
        ├── OutcomeUnknownError    the command may or may not have taken effect: look it up
        ├── RequestError           an HTTP request that cannot be served as it came
        ├── PositionError          a position that the log has not reached
        ├── HistoryError           a question about the past that cannot be answered as asked
        │   ├── UnknownRowError        no such read model, row, field or version
        │   ├── NoHistoryError         it needs a history that the read model does not keep
        │   └── CostError              answering it takes reading more events than allowed
        ├── StaleError             the read side did not reach the position in time
        ├── RebuildingError        a read model that is being rebuilt
        │   ├── OutdatedError          a read model that another process folds with other code
        │   └── UnmaterialisedError    a view whose rows are not there yet, or of other code
        ├── FoldError              a projection that stopped at an event that its fold cannot take
        │   └── RefreshError           a view whose select, or a row of it, failed
        ├── ReactionError          a subscriber that stands at an event that its handler cannot take
        └── StoreError             the store underneath
            ├── NotDurableError    the store would acknowledge what is not on disk
            ├── CorruptionError    stored bytes that do not match their hash
            ├── ForeignLogError    a checkpoint that belongs to another log
            ├── FencedError        a write by a runtime that no longer owns the projection
            └── StorageFullError   the disk is full: nothing was acknowledged
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Refusal(Exception):  # noqa: N818 (a refusal is an answer of the domain, not an error)
    """Say no to a command, with a reason.

    Subclass it for each rule of the domain. `code` is what machines read: by default the class name in kebab-case.
    `data` is what the caller may need to act, as JSON-able values.

    >>> class OutOfStock(Refusal):
    ...     '''More was asked for than there is.'''
    >>> no = OutOfStock("3 in stock, 5 asked for", available=3, asked=5)
    >>> no.code, no.message, no.data
    ('out-of-stock', '3 in stock, 5 asked for', {'available': 3, 'asked': 5})
    """

    code: ClassVar[str] = "refused"

    def __init_subclass__(cls) -> None:
        if "code" not in cls.__dict__:
            cls.code = _WORD.sub("-", cls.__name__).lower()

    def __init__(self, message: str = "", **data: Any) -> None:  # Any: JSON-able values of the domain
        if "code" in data:
            kind = type(self).__name__
            raise TypeError(f"the code of a refusal is that of its class: write code = {data['code']!r} in {kind}")
        self.message = message or self.code.replace("-", " ")
        self.data = data
        super().__init__(self.message)


class Missing(Refusal):
    """Say that the thing which the command names does not exist; `send` answers NotFound."""

    code = "not-found"


class NotAllowed(Refusal):
    """Say that this principal may not do this; `send` answers Forbidden."""

    code = "forbidden"


class FieldErrors(Refusal):
    """Report fields that are wrong in the light of the state, several at once; `send` answers Invalid.

    Paths are those of shape errors: `lines[2].product`.
    """

    code = "invalid"

    def __init__(self, errors: Mapping[str, str | Sequence[str]]) -> None:
        self.errors = {path: (found,) if isinstance(found, str) else tuple(found) for path, found in errors.items()}
        super().__init__("; ".join(f"{path}: {', '.join(found)}" for path, found in self.errors.items()))


class Error(Exception):
    """Be the root of every exception that Diptych itself raises."""


class WiringError(Error):
    """Name what does not fit together, where it is written (file and line), and the fix."""

    def __init__(self, problem: str, *, where: str = "", fix: str = "") -> None:
        self.problem, self.where, self.fix = problem, where, fix
        place = f"\n  at   {where}" if where else ""
        remedy = f"\n  fix  {fix}" if fix else ""
        super().__init__(f"{problem}{place}{remedy}")


class SettingsError(Error):
    """Name a setting that cannot be used, what was found and what is wanted."""


class MessageError(Error):
    """A message that cannot be read or written."""


class InvalidMessageError(MessageError):
    """Carry every shape error of a message: field path -> messages."""

    def __init__(self, message: str, errors: Mapping[str, Sequence[str]]) -> None:
        self.message = message
        self.errors = {path: tuple(found) for path, found in errors.items()}
        listed = "; ".join(f"{path or 'message'}: {', '.join(found)}" for path, found in self.errors.items())
        super().__init__(f"{message} is invalid: {listed}")


class MalformedError(InvalidMessageError):
    """The bytes are no JSON at all, or nested too deep to read."""


class UnknownMessageError(MessageError):
    """No handler is registered for this message."""


class UnreadableEventError(MessageError):
    """A stored event that current code cannot read: no class for its name and version, or bytes that do not fit."""


class UnwrapError(Error):
    """`.unwrap()` of a result that is not Accepted; `result` is that result."""

    def __init__(self, result: object) -> None:
        self.result = result
        super().__init__(f"the command was not accepted: {result}")


class KeyReusedError(Error):
    """An idempotency key came back with another request: nothing was done."""


class UntriableError(Error):
    """A dry run of a command whose handler has effects of its own: nothing was done."""


class OutcomeUnknownError(Error):
    """The append was sent and its answer was lost; look the command up with `outcome(command_id)`."""

    def __init__(self, command_id: UUID, reason: str) -> None:
        self.command_id = command_id
        super().__init__(
            f"the outcome of command {command_id} is unknown ({reason}); look it up: outcome({command_id})"
        )


class RequestError(Error):
    """An HTTP request that cannot be served as it came; `kind` names the problem, such as `malformed`."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.kind, self.detail, self.headers = kind, detail, headers or {}
        super().__init__(detail)


class PositionError(Error):
    """`after` names a position that the log has not reached: it never came from this log."""

    def __init__(self, after: int, head: int) -> None:
        self.after, self.head = after, head
        super().__init__(f"position {after} lies beyond the head of the log ({head}); use the position of an answer")


class HistoryError(Error):
    """A question about the past that cannot be answered as asked."""


class UnknownRowError(HistoryError):
    """No such read model, row or field, or not yet at that position."""


class NoHistoryError(HistoryError):
    """The question needs a history that `model` does not keep: it is refused, never answered from the present."""

    def __init__(self, model: str, what: str, *, fix: str) -> None:
        self.model = model
        super().__init__(f"{what} cannot be answered as of a position: {fix}")


class CostError(HistoryError):
    """Answering takes reading `events` events, more than `limit`; nothing was read. `scans`: not only those of tags."""

    def __init__(self, model: str, events: int, limit: int, *, scans: bool) -> None:
        self.model, self.events, self.limit, self.scans = model, events, limit, scans
        how = "scanning whole types of events" if scans else "all of them by tags"
        super().__init__(
            f"to know the past of a row of {model!r}, which keeps no history, {events} events are read, {how}; the "
            f"limit is {limit}: raise it, or declare the read model with history=True"
        )


class StaleError(Error):
    """The read side did not reach the position within the time given; `retry_after` is in seconds."""

    def __init__(self, wanted: int, reached: int, retry_after: float = 1.0) -> None:
        self.wanted, self.reached, self.retry_after = wanted, reached, retry_after
        super().__init__(f"the read models stand at position {reached}, not yet at {wanted}; ask again")


class RebuildingError(Error):
    """The read model is being rebuilt; `position` of `target` is folded."""

    def __init__(self, projection: str, position: int, target: int) -> None:
        self.projection, self.position, self.target = projection, position, target
        super().__init__(f"projection {projection!r} is rebuilding: {position} of {target}; ask again")


class OutdatedError(RebuildingError):
    """The rows are those of other code, which another process folds; this one rebuilds them once that one ends."""

    def __init__(self, projection: str, *, stored: int, version: int, position: int, head: int) -> None:
        super().__init__(projection, position, head)
        self.stored, self.version = stored, version
        of = "changed code under it" if stored == version else f"version {version}"
        what = f"the rows of projection {projection!r} are folded at version {stored}, and this code has {of}"
        self.args = (f"{what}; they are rebuilt when it is served and no other process folds them",)


class UnmaterialisedError(RebuildingError):
    """The rows of a view are not there yet, or were made by other code: they are made anew."""

    def __init__(self, view: str, position: int, target: int, why: str = "is being computed; ask again") -> None:
        super().__init__(view, position, target)
        self.args = (f"view {view!r} {why}",)


class FoldError(Error):
    """A projection stopped: its fold cannot take an event. Nothing is skipped."""

    def __init__(self, projection: str, position: int, reason: str) -> None:
        self.projection, self.position, self.reason = projection, position, reason
        super().__init__(f"projection {projection!r} stopped at position {position}: {reason}")


class ReactionError(Error):
    """A subscriber stands at a position: the handler of an event raised, or it has not come further in time."""

    def __init__(self, subscriber: str, position: int, reason: str) -> None:
        self.subscriber, self.position, self.reason = subscriber, position, reason
        super().__init__(f"subscriber {subscriber!r} stands at position {position}: {reason}")


class RefreshError(FoldError):
    """A view could not be refreshed: its select failed, or returned what is no row. The rows before it stand."""

    def __init__(self, view: str, position: int, reason: str) -> None:
        super().__init__(view, position, reason)
        self.args = (f"view {view!r} could not be refreshed at {position}: {reason}",)


class StoreError(Error):
    """The store underneath failed."""


class NotDurableError(StoreError):
    """The store would acknowledge what is not on disk."""


class CorruptionError(StoreError):
    """Stored bytes do not match their hash."""


class ForeignLogError(StoreError):
    """A checkpoint belongs to another log than the one that is open (restored, swapped or rewound)."""


class FencedError(StoreError):
    """The write came from a runtime that no longer owns the projection; it was refused."""


class StorageFullError(StoreError):
    """The disk is full: nothing was acknowledged; free space and go on."""
