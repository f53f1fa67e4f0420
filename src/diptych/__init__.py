"""Diptych: typed commands and queries, one ordered log of events, and read models that are provably its fold.

The names below are imported when they are first used, so that the command line starts without a database library; type
checkers read them in `__init__.pyi`.
"""

import importlib
from collections.abc import Sequence
from typing import Any

_HOMES = {
    "diptych.application": "Application",
    "diptych.application.blocking": "BlockingApplication",
    "diptych.describing.describe": "describe",
    "diptych.describing.description": "Description",
    "diptych.dispatch": "Handler Middleware",
    "diptych.errors": (
        "BlockingError ConnectionLostError ContentionError CopyError CorruptionError CostError ElsewhereError Error "
        "FencedError FieldErrors FoldError ForeignLogError HistoryError InvalidMessageError KeyReusedError "
        "MalformedError MessageError Missing NoHistoryError NotAllowed NotDurableError OutcomeUnknownError "
        "OutdatedError PositionError ReactionError RebuildingError RefreshError Refusal SettingsError StaleError "
        "StaleRowError StatementError StorageFullError StoreError TurnHeldError UnitError UnknownCommandError "
        "UnknownMessageError UnknownRowError UnmaterialisedError UnreadableEventError UntriableError UnwrapError "
        "WiringError"
    ),
    "diptych.handlers": "blocking",
    "diptych.history.blame": "Blame Diff FieldBlame FieldChange RowEvent",
    "diptych.history.causes": "Cause",
    "diptych.history.foreseen": "FoldStop RowDiff",
    "diptych.history.history": "History",
    "diptych.history.refold": "Cost",
    "diptych.history.sent": "CommandPage SentCommand",
    "diptych.history.traced": "ChangedRow ChangedRows Heard Trace TracedEvent",
    "diptych.history.trial": "Trial TriedEvent",
    "diptych.injection": "per_message",
    "diptych.model.aggregates": "Aggregate decider_of model_of",
    "diptych.model.auditing": "Audit",
    "diptych.model.caching": "Cached",
    "diptych.model.criteria": "Clause Criteria Guard unless",
    "diptych.model.decisions": "Decider DecisionModel",
    "diptych.model.indexes": "Index",
    "diptych.model.marks": "Bounds FullText Generated Indexed NEW NotBlank Scale Tag Unique hashed",
    "diptych.model.messages": "Command Query event",
    "diptych.model.meta": "Context Meta",
    "diptych.model.methods": "evolves handles",
    "diptych.model.pages": "CursorPage Page",
    "diptych.model.projections": "Projection ReadModel",
    "diptych.model.results": "Accepted Conflict Failure Forbidden Invalid NotFound Refused Result",
    "diptych.model.rowfolds": "RowChange",
    "diptych.model.rows": "change computed",
    "diptych.model.snapshots": "Snapshots",
    "diptych.model.specifications": "Specification fields parameter",
    "diptych.model.subscribers": "Envelope Subscriber",
    "diptych.model.views": "AfterEvents Every OnDemand",
    "diptych.module": "Module",
    "diptych.ports": "Owner",
    "diptych.read.cache": "CacheFigures",
    "diptych.read.ownership": "Ownership",
    "diptych.read.panel": "Answer",
    "diptych.read.rows": "Rows",
    "diptych.read.views": "Refreshed ViewStanding",
    "diptych.threads": "Threads",
    "diptych.write.lanes": "SentOnly TriedOnly",
    "diptych.write.repository": "Repository",
    "diptych.write.requests": "command_id_of",
    "diptych.write.units": "UnitOfWork",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME)  # noqa: PLE0605 (of texts)


def __getattr__(name: str) -> Any:  # Any: whatever lives there
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(importlib.import_module(home), name)
    return found


def __dir__() -> Sequence[str]:
    return sorted({*globals(), *__all__})
