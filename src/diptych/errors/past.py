"""Errors of questions about the past."""

from __future__ import annotations

from diptych.errors.root import Error


class HistoryError(Error):
    """A question about the past that cannot be answered as asked."""


class UnknownRowError(HistoryError):
    """No such read model, row or field, or not yet at that position."""


class UnknownCommandError(HistoryError):
    """Nothing is known of a command: its id never came, what was known is forgotten, or no command is meant."""


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
