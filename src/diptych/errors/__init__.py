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
        ├── UnitError              a unit of work used in a way that would break all or nothing
        │   ├── TurnHeldError          it held what others wait for for too long: rolled back
        │   ├── StaleRowError          it would change a row that somebody else changed       -> Conflict
        │   └── ContentionError        others were in its way: a deadlock, a lock not free    -> Conflict
        ├── OutcomeUnknownError    the command may or may not have taken effect: look it up
        ├── BlockingError          a call without async that cannot be waited for
        ├── ElsewhereError         a command or query that another process serves
        ├── RequestError           an HTTP request that cannot be served as it came
        ├── PositionError          a position that the log has not reached
        ├── HistoryError           a question about the past that cannot be answered as asked
        │   ├── UnknownRowError        no such read model, row, field or version
        │   ├── UnknownCommandError    no such command, or nothing is known of it any more
        │   ├── NoHistoryError         it needs a history that the read model does not keep
        │   └── CostError              answering it takes reading more events than allowed
        ├── StaleError             the read side did not reach the position in time
        ├── RebuildingError        a read model that is being rebuilt
        │   ├── OutdatedError          a read model that another process folds with other code
        │   └── UnmaterialisedError    a view whose rows are not there yet, or of other code
        ├── FoldError              a projection that stopped at an event that its fold cannot take
        │   └── RefreshError           a view whose select, or a row of it, failed
        ├── StatementError         a statement of the application that no database can run: a bug
        ├── ReactionError          a subscriber that stands at an event that its handler cannot take
        └── StoreError             the store underneath
            ├── ConnectionLostError    what was not answered can be asked again
            ├── NotDurableError    the store would acknowledge what is not on disk
            ├── CorruptionError    stored bytes that do not match their hash
            ├── ForeignLogError    a checkpoint that belongs to another log
            ├── FencedError        a write by a runtime that no longer owns the projection
            ├── CopyError          a log that cannot be copied there, or a copy that is not equal
            └── StorageFullError   the disk is full: nothing was acknowledged
"""

from diptych.errors.messages import (
    InvalidMessageError,
    MalformedError,
    MessageError,
    UnknownMessageError,
    UnreadableEventError,
)
from diptych.errors.past import CostError, HistoryError, NoHistoryError, UnknownCommandError, UnknownRowError
from diptych.errors.reading import (
    FoldError,
    OutdatedError,
    ReactionError,
    RebuildingError,
    RefreshError,
    StaleError,
    StatementError,
    UnmaterialisedError,
)
from diptych.errors.refusals import FieldErrors, Missing, NotAllowed, Refusal
from diptych.errors.root import Error
from diptych.errors.sending import (
    BlockingError,
    ElsewhereError,
    KeyReusedError,
    OutcomeUnknownError,
    PositionError,
    RequestError,
    UntriableError,
    UnwrapError,
)
from diptych.errors.stores import (
    ConnectionLostError,
    CopyError,
    CorruptionError,
    FencedError,
    ForeignLogError,
    NotDurableError,
    StorageFullError,
    StoreError,
)
from diptych.errors.units import ContentionError, StaleRowError, TurnHeldError, UnitError
from diptych.errors.wiring import SettingsError, WiringError

__all__ = [
    "BlockingError",
    "ConnectionLostError",
    "ContentionError",
    "CopyError",
    "CorruptionError",
    "CostError",
    "ElsewhereError",
    "Error",
    "FencedError",
    "FieldErrors",
    "FoldError",
    "ForeignLogError",
    "HistoryError",
    "InvalidMessageError",
    "KeyReusedError",
    "MalformedError",
    "MessageError",
    "Missing",
    "NoHistoryError",
    "NotAllowed",
    "NotDurableError",
    "OutcomeUnknownError",
    "OutdatedError",
    "PositionError",
    "ReactionError",
    "RebuildingError",
    "RefreshError",
    "Refusal",
    "RequestError",
    "SettingsError",
    "StaleError",
    "StaleRowError",
    "StatementError",
    "StorageFullError",
    "StoreError",
    "TurnHeldError",
    "UnitError",
    "UnknownCommandError",
    "UnknownMessageError",
    "UnknownRowError",
    "UnmaterialisedError",
    "UnreadableEventError",
    "UntriableError",
    "UnwrapError",
    "WiringError",
]
