"""Errors of sending and asking: what the caller has to act on."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from diptych.errors.root import Error

_SERVED = {"command": "commands", "query": "queries"}


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


class BlockingError(Error):
    """A call of `app.blocking()` that cannot be waited for: it is not open, is closed, or has no thread to wait in."""


class ElsewhereError(Error):
    """A message for another process: this one serves only commands, or only queries."""

    def __init__(self, kind: str, only: str) -> None:
        super().__init__(
            f"this process serves {only} only, and a {kind} is served by another: one that runs `diptych serve`, or "
            f"`diptych serve --only {_SERVED[kind]}`"
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
