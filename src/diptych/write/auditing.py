"""Auditing: what becomes of a command that is not accepted, noted as it leaves the left panel."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any, get_args
from uuid import UUID

from diptych.codec import encode
from diptych.dispatch import Handler
from diptych.errors import InvalidMessageError, KeyReusedError, OutcomeUnknownError, Refusal
from diptych.model.auditing import Content
from diptych.model.results import Accepted, Failure, Invalid, Refused
from diptych.ports import Attempt, Clock
from diptych.recorded import micros_of, storable_text, text_of_error
from diptych.write.deciding import failure_of
from diptych.write.noting import Noting
from diptych.write.requests import Delivery, Request

_REASON = 500
_CONTENT = 10_000
_log = logging.getLogger("diptych.audit")


class Auditing:
    """Note every command that was sent and not accepted: answered otherwise, or ended by an exception.

    Commands that are only tried are not noted. An accepted command costs one call and one comparison.
    """

    def __init__(self, noting: Noting, content: Content | None, clock: Clock) -> None:
        self._noting, self._content, self._clock = noting, content, clock

    def around(self, handler: Handler) -> Handler:
        """Wrap a handler: outside all middleware of the user, so that it sees what the caller will."""

        async def call(command: Any, request: Any) -> Any:
            try:
                result = await handler(command, request)
            except BaseException as wrong:
                self._note(command, request, *_ended(wrong))
                raise
            if type(result) is not Accepted:
                self._note(command, request, *_answered(result))
            return result

        return call

    def misshapen(
        self, name: str, command: Any, command_id: UUID, delivery: Delivery, wrong: InvalidMessageError
    ) -> None:
        """Note a command whose shape is wrong: it never came to its handler. `command` is None for what is none."""
        if delivery.withheld is None:
            told = (delivery.principal, delivery.correlation, delivery.causation)
            self._put(name, command, command_id, self._clock.micros(), 0, "invalid", _wrong(wrong), *told)

    def _note(self, command: Any, request: Request, outcome: str, reason: str) -> None:
        if request.withheld is not None:
            return
        # The time of day may have been set back meanwhile.
        micros = max(timedelta(), self._clock.now() - request.now) // timedelta(microseconds=1)
        told = (request.principal, request.correlation, request.causation)
        name, at = type(command).__name__, micros_of(request.now)
        self._put(name, command, request.command_id, at, micros, outcome, reason, *told)

    def _put(self, name: str, command: Any, command_id: UUID, *told: Any) -> None:
        at, micros, outcome, reason, principal, correlation, causation = told
        content = None if self._content is None or command is None else self._kept(command)
        shown = (
            None if principal is None else storable_text(principal),
            storable_text(reason[:_REASON]),
            correlation,
            causation,
            content,
        )
        self._noting.note(Attempt(command_id, name, outcome, at, micros, *shown))

    def _kept(self, command: Any) -> bytes | None:
        try:
            kept = None if self._content is None else self._content(command)
            return None if kept is None else _bounded(encode(kept))
        except Exception:  # noqa: BLE001 (whatever a function of the user raises: the answer is not to suffer)
            _log.exception("what is kept of %s in the audit trail cannot be told", type(command).__name__)
            return None


def _answered(result: Any) -> tuple[str, str]:
    if isinstance(result, Refused):
        return result.status, f"{result.code}: {result.error}"
    if isinstance(result, get_args(Failure)):
        return result.status, str(result.error)
    return "failed", f"a middleware answered {type(result).__qualname__}, which is no result"


def _ended(wrong: BaseException) -> tuple[str, str]:
    match wrong:
        case asyncio.CancelledError():
            return "cancelled", "whoever sent it did not wait: it may have taken effect"
        case KeyReusedError():
            return "key_reused", text_of_error(wrong)
        case OutcomeUnknownError():
            return "unknown", text_of_error(wrong)
        case InvalidMessageError():
            return "invalid", _wrong(wrong)
        case Refusal():  # of a middleware
            return _answered(failure_of(wrong, None))
        case _:
            return "failed", f"{type(wrong).__name__}: {text_of_error(wrong)}"


def _wrong(wrong: InvalidMessageError) -> str:
    return Invalid(wrong.errors).error


def _bounded(content: bytes) -> bytes:
    if len(content) <= _CONTENT:
        return content
    return encode({"not_kept": f"{len(content)} bytes, and at most {_CONTENT} are"})
