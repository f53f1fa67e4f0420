"""Problems: what went wrong, told as RFC 9457 says, each kind under its own type."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from diptych.codec import encode
from diptych.errors import (
    CostError,
    ElsewhereError,
    FieldErrors,
    FoldError,
    InvalidMessageError,
    KeyReusedError,
    MalformedError,
    Missing,
    NoHistoryError,
    NotAllowed,
    OutcomeUnknownError,
    OutdatedError,
    PositionError,
    RebuildingError,
    RefreshError,
    Refusal,
    RequestError,
    StaleError,
    StorageFullError,
    StoreError,
    TurnHeldError,
    UnknownCommandError,
    UnknownMessageError,
    UnknownRowError,
    UntriableError,
)
from diptych.model.results import Conflict, Failure, Forbidden, Invalid, NotFound, Refused

CONTENT_TYPE = b"application/problem+json"
RETRY_SECONDS = 1


class Kind(NamedTuple):
    """One kind of problem: its status and its title, which never change from one occurrence to the next."""

    status: int
    title: str


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "malformed": Kind(400, "The request cannot be read"),
        "untriable": Kind(400, "This command cannot be tried"),
        "beyond-head": Kind(400, "The position lies beyond the head of the log"),
        "unauthenticated": Kind(401, "Say who you are"),
        "forbidden": Kind(403, "This principal may not do this"),
        "not-found": Kind(404, "What the message names is not there"),
        "unknown-message": Kind(404, "No such command or query"),
        "elsewhere": Kind(404, "Another process serves this"),
        "unknown-path": Kind(404, "Nothing lives at this path"),
        "method-not-allowed": Kind(405, "This method does not fit the path"),
        "unknown-command": Kind(404, "Nothing is known of this command"),
        "unknown-row": Kind(404, "No such read model, row or field"),
        "refused": Kind(409, "The command was refused"),
        "conflict": Kind(409, "Somebody else changed what the decision read"),
        "changed": Kind(412, "Something changed after the position in If-Match"),
        "too-large": Kind(413, "The body is too large"),
        "long-url": Kind(414, "The query string is too long"),
        "misdirected": Kind(421, "This host is not served here"),
        "invalid": Kind(422, "Fields are wrong"),
        "no-history": Kind(422, "The read model keeps no history"),
        "too-costly": Kind(422, "Answering takes reading more events than allowed"),
        "key-reused": Kind(422, "The Idempotency-Key came back with another request"),
        "too-many": Kind(429, "Too many requests"),
        "large-headers": Kind(431, "The headers are too large"),
        "bug": Kind(500, "A bug: the reference finds its traceback in the log"),
        "closed": Kind(503, "The application is not open"),
        "outdated": Kind(503, "A read model is folded by other code"),
        "rebuilding": Kind(503, "A read model is being rebuilt"),
        "stale": Kind(503, "The read models have not reached the position yet"),
        "stopped": Kind(503, "A projection stopped"),
        "store": Kind(503, "The store failed"),
        "outcome-unknown": Kind(504, "The command may or may not have taken effect"),
        "turn-held": Kind(503, "The command took too long and was rolled back"),
        "storage-full": Kind(507, "The disk is full"),
    }
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Tell one problem: its kind, what happened this time, further members and headers.

    `code` refines the kind into a type of its own: `/problems/refused/out-of-stock`. `remapped` is the status of a
    route that answers this kind otherwise.
    """

    kind: str
    detail: str
    code: str = ""
    members: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    remapped: int | None = None

    @property
    def status(self) -> int:
        """Return the HTTP status."""
        return KINDS[self.kind].status if self.remapped is None else self.remapped

    @property
    def type(self) -> str:
        """Return the type, a path that tells kinds apart."""
        return f"/problems/{self.kind}/{self.code}" if self.code else f"/problems/{self.kind}"

    def body(self) -> bytes:
        """Return the problem as JSON: what every problem has first, in the order of RFC 9457, then its members."""
        title = KINDS[self.kind].title
        known: dict[str, Any] = {"type": self.type, "title": title, "status": self.status, "detail": self.detail}
        told = {**known, **self.members, **known}  # a member overrides none of them; the codec would sort them
        return b"{%b}" % b",".join(b"%b:%b" % (encode(name), encode(value)) for name, value in told.items())


def problem_of_result(result: Failure, *, conditional: bool) -> Problem:
    """Return the problem that tells a command's failure; `conditional` says that the request carried If-Match."""
    match result:
        case Invalid():
            return Problem("invalid", result.error, members={"errors": result.errors})
        case Refused():
            members = {"code": result.code, "data": result.data}
            return Problem("refused", result.error, code=result.code, members=members)
        case NotFound():
            return Problem("not-found", result.error, members={"data": result.data})
        case Conflict():
            return Problem("changed" if conditional else "conflict", result.error)
        case Forbidden():
            return Problem("forbidden", result.error)


def problem_of_error(error: Exception) -> Problem | None:
    """Return the problem that tells an expected error; None for a bug."""
    for cls in type(error).__mro__:
        told = _TOLD.get(cls)
        if told is not None:
            return told(error)
    return None


def _requested(error: Any) -> Problem:
    return Problem(error.kind, error.detail, headers=error.headers)


def _invalid(error: Any) -> Problem:
    return Problem("invalid", str(error), members={"errors": error.errors})


def _malformed(error: Any) -> Problem:
    return Problem("malformed", "; ".join(text for texts in error.errors.values() for text in texts))


def _refused(error: Any) -> Problem:
    return Problem("refused", error.message, code=error.code, members={"code": error.code, "data": error.data})


def _missing(error: Any) -> Problem:
    return Problem("not-found", error.message, members={"data": error.data})


def _rebuilding(error: Any) -> Problem:
    members = {"projection": error.projection, "position": error.position, "target": error.target}
    return Problem("rebuilding", str(error), members=members, headers=_retry(RETRY_SECONDS))


def _outdated(error: Any) -> Problem:
    members = {"projection": error.projection, "stored": error.stored, "version": error.version}
    return Problem("outdated", str(error), members=members, headers=_retry(RETRY_SECONDS))


def _stale(error: Any) -> Problem:
    members = {"wanted": error.wanted, "reached": error.reached}
    return Problem("stale", str(error), members=members, headers=_retry(error.retry_after))


def _stopped(error: Any) -> Problem:
    members = {"projection": error.projection, "position": error.position}
    return Problem("stopped", f"projection {error.projection!r} stopped at {error.position}", members=members)


def _unrefreshed(error: Any) -> Problem:
    detail = f"view {error.projection!r} could not be refreshed at {error.position}; the log of the server says why"
    return Problem("stopped", detail, members={"view": error.projection, "position": error.position})


def _costly(error: Any) -> Problem:
    members = {"model": error.model, "events": error.events, "limit": error.limit, "scans": error.scans}
    return Problem("too-costly", str(error), members=members)


def _unknown_outcome(error: Any) -> Problem:
    detail = "look the command up by its id, or send it again with the same Idempotency-Key"
    return Problem("outcome-unknown", detail, members={"command": error.command_id})


def _store(_: Any) -> Problem:
    return Problem("store", "the store cannot serve this now; the log of the server says why", headers=_retry())


def _full(_: Any) -> Problem:
    return Problem("storage-full", "nothing was written; free space on the server", headers=_retry())


def _held(error: Any) -> Problem:
    return Problem("turn-held", str(error), headers=_retry())


def _retry(seconds: float = RETRY_SECONDS) -> dict[str, str]:
    return {"retry-after": str(max(1, math.ceil(seconds)))}


def _plain(kind: str) -> Callable[[Any], Problem]:
    return lambda error: Problem(kind, str(error))


_TOLD: Mapping[type, Callable[[Any], Problem]] = {
    RequestError: _requested,
    MalformedError: _malformed,
    InvalidMessageError: _invalid,
    UnknownMessageError: _plain("unknown-message"),
    ElsewhereError: _plain("elsewhere"),
    KeyReusedError: _plain("key-reused"),
    UntriableError: _plain("untriable"),
    PositionError: _plain("beyond-head"),
    UnknownCommandError: _plain("unknown-command"),
    UnknownRowError: _plain("unknown-row"),
    NoHistoryError: _plain("no-history"),
    CostError: _costly,
    StaleError: _stale,
    RebuildingError: _rebuilding,
    OutdatedError: _outdated,
    FoldError: _stopped,
    RefreshError: _unrefreshed,
    OutcomeUnknownError: _unknown_outcome,
    TurnHeldError: _held,
    StorageFullError: _full,
    StoreError: _store,
    NotAllowed: _plain("forbidden"),
    Missing: _missing,
    FieldErrors: _invalid,
    Refusal: _refused,
}
