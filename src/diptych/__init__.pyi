# What `from diptych import ...` gives, for type checkers; `__init__.py` imports each name when it is first used.

from diptych.application import Application
from diptych.application.blocking import BlockingApplication
from diptych.describing.describe import describe
from diptych.describing.description import Description
from diptych.dispatch import Handler, Middleware
from diptych.errors import (
    BlockingError,
    ConnectionLostError,
    ContentionError,
    CopyError,
    CorruptionError,
    CostError,
    ElsewhereError,
    Error,
    FencedError,
    FieldErrors,
    FoldError,
    ForeignLogError,
    HistoryError,
    InvalidMessageError,
    KeyReusedError,
    MalformedError,
    MessageError,
    Missing,
    NoHistoryError,
    NotAllowed,
    NotDurableError,
    OutcomeUnknownError,
    OutdatedError,
    PositionError,
    ReactionError,
    RebuildingError,
    RefreshError,
    Refusal,
    SettingsError,
    StaleError,
    StaleRowError,
    StatementError,
    StorageFullError,
    StoreError,
    TurnHeldError,
    UnitError,
    UnknownCommandError,
    UnknownMessageError,
    UnknownRowError,
    UnmaterialisedError,
    UnreadableEventError,
    UntriableError,
    UnwrapError,
    WiringError,
)
from diptych.handlers import blocking
from diptych.history.blame import Blame, Diff, FieldBlame, FieldChange, RowEvent
from diptych.history.causes import Cause
from diptych.history.foreseen import FoldStop, RowDiff
from diptych.history.history import History
from diptych.history.refold import Cost
from diptych.history.sent import CommandPage, SentCommand
from diptych.history.traced import ChangedRow, ChangedRows, Heard, Trace, TracedEvent
from diptych.history.trial import Trial, TriedEvent
from diptych.injection import per_message
from diptych.model.aggregates import Aggregate, decider_of, model_of
from diptych.model.auditing import Audit
from diptych.model.caching import Cached
from diptych.model.criteria import Clause, Criteria, Guard, unless
from diptych.model.decisions import Decider, DecisionModel
from diptych.model.indexes import Index
from diptych.model.marks import NEW, Bounds, FullText, Generated, Indexed, NotBlank, Scale, Tag, Unique, hashed
from diptych.model.messages import Command, Query, event
from diptych.model.meta import Context, Meta
from diptych.model.methods import evolves, handles
from diptych.model.pages import CursorPage, Page
from diptych.model.projections import Projection, ReadModel
from diptych.model.results import Accepted, Conflict, Failure, Forbidden, Invalid, NotFound, Refused, Result
from diptych.model.rowfolds import RowChange
from diptych.model.rows import change, computed
from diptych.model.snapshots import Snapshots
from diptych.model.specifications import Specification, fields, parameter
from diptych.model.subscribers import Envelope, Subscriber
from diptych.model.views import AfterEvents, Every, OnDemand
from diptych.module import Module
from diptych.ports import Owner
from diptych.read.cache import CacheFigures
from diptych.read.ownership import Ownership
from diptych.read.panel import Answer
from diptych.read.rows import Rows
from diptych.read.views import Refreshed, ViewStanding
from diptych.threads import Threads
from diptych.write.lanes import SentOnly, TriedOnly
from diptych.write.repository import Repository
from diptych.write.requests import command_id_of
from diptych.write.units import UnitOfWork

__all__ = [
    "NEW",
    "Accepted",
    "AfterEvents",
    "Aggregate",
    "Answer",
    "Application",
    "Audit",
    "Blame",
    "BlockingApplication",
    "BlockingError",
    "Bounds",
    "CacheFigures",
    "Cached",
    "Cause",
    "ChangedRow",
    "ChangedRows",
    "Clause",
    "Command",
    "CommandPage",
    "Conflict",
    "ConnectionLostError",
    "ContentionError",
    "Context",
    "CopyError",
    "CorruptionError",
    "Cost",
    "CostError",
    "Criteria",
    "CursorPage",
    "Decider",
    "DecisionModel",
    "Description",
    "Diff",
    "ElsewhereError",
    "Envelope",
    "Error",
    "Every",
    "Failure",
    "FencedError",
    "FieldBlame",
    "FieldChange",
    "FieldErrors",
    "FoldError",
    "FoldStop",
    "Forbidden",
    "ForeignLogError",
    "FullText",
    "Generated",
    "Guard",
    "Handler",
    "Heard",
    "History",
    "HistoryError",
    "Index",
    "Indexed",
    "Invalid",
    "InvalidMessageError",
    "KeyReusedError",
    "MalformedError",
    "MessageError",
    "Meta",
    "Middleware",
    "Missing",
    "Module",
    "NoHistoryError",
    "NotAllowed",
    "NotBlank",
    "NotDurableError",
    "NotFound",
    "OnDemand",
    "OutcomeUnknownError",
    "OutdatedError",
    "Owner",
    "Ownership",
    "Page",
    "PositionError",
    "Projection",
    "Query",
    "ReactionError",
    "ReadModel",
    "RebuildingError",
    "RefreshError",
    "Refreshed",
    "Refusal",
    "Refused",
    "Repository",
    "Result",
    "RowChange",
    "RowDiff",
    "RowEvent",
    "Rows",
    "Scale",
    "SentCommand",
    "SentOnly",
    "SettingsError",
    "Snapshots",
    "Specification",
    "StaleError",
    "StaleRowError",
    "StatementError",
    "StorageFullError",
    "StoreError",
    "Subscriber",
    "Tag",
    "Threads",
    "Trace",
    "TracedEvent",
    "Trial",
    "TriedEvent",
    "TriedOnly",
    "TurnHeldError",
    "Unique",
    "UnitError",
    "UnitOfWork",
    "UnknownCommandError",
    "UnknownMessageError",
    "UnknownRowError",
    "UnmaterialisedError",
    "UnreadableEventError",
    "UntriableError",
    "UnwrapError",
    "ViewStanding",
    "WiringError",
    "blocking",
    "change",
    "command_id_of",
    "computed",
    "decider_of",
    "describe",
    "event",
    "evolves",
    "fields",
    "handles",
    "hashed",
    "model_of",
    "parameter",
    "per_message",
    "unless",
]
