# What `from diptych import ...` gives, for type checkers; `__init__.py` imports each name when it is first used.

from diptych.application import Application
from diptych.dispatch import Handler, Middleware
from diptych.errors import (
    CorruptionError,
    Error,
    FencedError,
    FieldErrors,
    FoldError,
    ForeignLogError,
    InvalidMessageError,
    KeyReusedError,
    MalformedError,
    MessageError,
    Missing,
    NotAllowed,
    NotDurableError,
    OutcomeUnknownError,
    OutdatedError,
    PositionError,
    RebuildingError,
    Refusal,
    SettingsError,
    StaleError,
    StorageFullError,
    StoreError,
    UnknownMessageError,
    UnreadableEventError,
    UnwrapError,
    WiringError,
)
from diptych.injection import per_message
from diptych.model.criteria import Clause, Criteria, Guard, unless
from diptych.model.decisions import Decider, DecisionModel
from diptych.model.marks import NEW, Bounds, Generated, Indexed, NotBlank, Scale, Tag, Unique
from diptych.model.messages import Command, Query, event
from diptych.model.meta import Context, Meta
from diptych.model.pages import Page
from diptych.model.projections import Projection, ReadModel
from diptych.model.results import Accepted, Conflict, Failure, Forbidden, Invalid, NotFound, Refused, Result
from diptych.model.rows import change, computed
from diptych.module import Module
from diptych.read.panel import Answer
from diptych.read.rows import Rows

__all__ = [
    "NEW",
    "Accepted",
    "Answer",
    "Application",
    "Bounds",
    "Clause",
    "Command",
    "Conflict",
    "Context",
    "CorruptionError",
    "Criteria",
    "Decider",
    "DecisionModel",
    "Error",
    "Failure",
    "FencedError",
    "FieldErrors",
    "FoldError",
    "Forbidden",
    "ForeignLogError",
    "Generated",
    "Guard",
    "Handler",
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
    "NotAllowed",
    "NotBlank",
    "NotDurableError",
    "NotFound",
    "OutcomeUnknownError",
    "OutdatedError",
    "Page",
    "PositionError",
    "Projection",
    "Query",
    "ReadModel",
    "RebuildingError",
    "Refusal",
    "Refused",
    "Result",
    "Rows",
    "Scale",
    "SettingsError",
    "StaleError",
    "StorageFullError",
    "StoreError",
    "Tag",
    "Unique",
    "UnknownMessageError",
    "UnreadableEventError",
    "UnwrapError",
    "WiringError",
    "change",
    "computed",
    "event",
    "per_message",
    "unless",
]
