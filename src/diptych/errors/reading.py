"""Errors of the read side: late, rebuilding, or stopped at an event."""

from __future__ import annotations

from diptych.errors.root import Error


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


class StatementError(Error):
    """The database cannot run a statement of the application, which is a bug of it; `told` are the database's words."""

    def __init__(self, told: str, *, where: str = "") -> None:
        self.told, self.where = told, where
        place = f"\n  at   {where}" if where else ""
        super().__init__(f"the database cannot run a statement that it was given: {told}{place}")


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
