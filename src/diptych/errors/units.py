"""Errors of units of work: what ends one early, with nothing of it written."""

from __future__ import annotations

from diptych.errors.root import Error


class UnitError(Error):
    """A unit of work was used in a way that would break all or nothing; nothing of it was written."""


class TurnHeldError(UnitError):
    """A unit of work went on for `limit` seconds after its first write: it was rolled back, nothing was written."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        super().__init__(
            f"the unit of work held what others wait for for more than {limit:g} s and was rolled back; do what takes "
            "long (calls, waits, other commands) before its first flush, or pass Application(uow_limit=...)"
        )


class StaleRowError(UnitError):
    """A row that a unit of work loaded and would change was changed by somebody else since: `send` answers Conflict."""


class ContentionError(UnitError):
    """The database ended a unit of work because of others beside it, such as a deadlock: `send` answers Conflict."""
