"""Working: handlers that read and record for themselves, run once, and what they did appended as one."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, cast, get_args

import msgspec

from diptych.dispatch import Handler
from diptych.errors import Refusal, UntriableError, WiringError
from diptych.model.results import Accepted, Conflict, Failure, Result
from diptych.ports import Appended, EventReader, Recorded
from diptych.write.appending import Appending
from diptych.write.deciding import Decided, failure_of
from diptych.write.execution import is_beyond, unexpected
from diptych.write.loading import Loader
from diptych.write.recording import NOTHING, Log, Recorder
from diptych.write.requests import Request
from diptych.write.work import Refresh, Work

_FAILURES: tuple[type, ...] = (*get_args(Failure), Refusal)


class Working:
    """Wrap handlers: a command that came before is answered from its record, one that comes anew is appended.

    A handler may have effects, so it is not run again when somebody else was faster: the answer is Conflict.
    """

    def __init__(self, recorder: Recorder, loader: Loader, appending: Appending, log: EventReader) -> None:
        self._recorder, self._appending, self._log = recorder, appending, log
        self.refresh: Refresh = loader.afresh

    def around(self, handler: Handler) -> Handler:
        """Wrap a handler; what it returns is the value of the result, or the failure that it says."""

        async def attempt(command: Any, request: Any) -> Result[Any]:
            return await self.run(handler, command, request, Work(self.refresh))

        return self.once(attempt)

    def once(self, attempt: Handler) -> Handler:
        """Wrap an attempt: a command that came before is answered from its record.

        So is one that failed while the same one, delivered twice, was accepted.
        """

        async def handle(command: Any, request: Any) -> Result[Any]:
            replayed = await self._replay(command, request)
            if replayed is not None:
                return replayed
            try:
                result: Result[Any] = await attempt(command, request)
            except Exception:
                if (replayed := await self._meanwhile(command, request)) is not None:
                    return replayed
                raise
            return result if isinstance(result, Accepted) else await self._meanwhile(command, request) or result

        return handle

    def plain(self, handler: Handler) -> Handler:
        """Wrap a handler that neither loads nor records anything: what it returns is recorded as the answer."""

        async def attempt(command: Any, request: Any) -> Result[Any]:
            if request.expected is not None:
                return _uncompared(type(command))
            try:
                value = await handler(command, request)
            except Refusal as refusal:
                return failure_of(refusal, None)
            if isinstance(value, _FAILURES):
                return _failure(command, value)
            return await self._answer(command, request, value)

        once = self.once(attempt)

        def handle(command: Any, request: Any) -> Awaitable[Result[Any]]:
            return once(command, request) if request.keyed or request.withheld else attempt(command, request)

        return handle

    async def run(
        self, handler: Handler, command: Any, request: Request, work: Work, *, log: Log | None = None
    ) -> Result[Any]:
        """Run a handler and append its work, to the log or to what stands in its place."""
        try:
            value = await handler(command, msgspec.structs.replace(request, work=work))
        except Refusal as refusal:
            return failure_of(refusal, work.position or None)
        finally:
            work.end()
        if isinstance(value, _FAILURES):
            return _failure(command, value)
        return await self._save(command, request, work, value, log)

    async def _answer(self, command: Any, request: Request, value: Any) -> Result[Any]:
        head = await self._log.head()
        outcome = await self._recorder.append(command, request, NOTHING, value, position=head)
        if isinstance(outcome, Recorded):
            return self._recorder.answer(outcome.record, command, request)
        last = outcome.last if isinstance(outcome, Appended) else head
        return Accepted(value, last, request.command_id)

    async def _replay(self, command: Any, request: Request) -> Result[Any] | None:
        """Return the stored answer of a command that came before; raise UntriableError for one that is only tried."""
        if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
            return replayed
        if request.withheld is not None:
            raise _untriable(type(command))
        return None

    async def _meanwhile(self, command: Any, request: Request) -> Accepted[Any] | None:
        """Look a command up again: the same one, delivered twice, may have been faster."""
        return await self._recorder.replay(command, request) if request.keyed else None

    async def _save(self, command: Any, request: Request, work: Work, value: Any, log: Log | None) -> Result[Any]:
        if request.expected is not None:
            if not work.compares:
                return _uncompared(type(command))
            if is_beyond(work.entities, request.expected):
                return unexpected(work.position, request)
        if work.doubled is not None:
            return work.doubled
        decided = Decided(work.events, value)
        through = None if work.events or work.entities else await self._log.head()
        saved = await self._appending.append(command, request, work.entities, decided, through=through, log=log)
        return saved or Conflict("somebody else was faster, and a handler is not run again; send the command again")


def _untriable(command: type) -> UntriableError:
    return UntriableError(
        f"{command.__qualname__} cannot be tried: its handler has effects of its own, which nothing could take back; "
        "only commands that a decision answers with events can be"
    )


def _failure(command: Any, returned: Any) -> Failure:  # Any: what a handler returned
    if isinstance(returned, Refusal):
        raise WiringError(
            f"the handler of {type(command).__qualname__} returned the refusal {returned!r:.60}",
            fix="raise it, or return Refused(code, text)",
        )
    return cast("Failure", returned)


def _uncompared(command: type) -> Conflict:
    """Return the conflict of a command whose handler has nothing that an expected position could be about."""
    return Conflict(
        f"{command.__qualname__} compares nothing with an expected position: send it without, or let its handler load "
        "an aggregate, or say work.expect(criteria) in its unit of work"
    )
