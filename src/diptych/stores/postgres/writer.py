"""The writer: one task on the loop that owns the log; it takes appends as they come and sends them in batches."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from diptych.errors import Error, OutcomeUnknownError, StoreError
from diptych.ports import Append, Appended, AppendOutcome, Conflicted, Record, Recorded
from diptych.stores.postgres.batch import (
    Batch,
    Footprint,
    appended,
    conflict_with,
    is_new,
    one_arguments,
    written_by,
)
from diptych.stores.postgres.faults import FAILED, OF_ALL, is_demoted, is_lost, store_error
from diptych.stores.postgres.readers import refuse_other_loop
from diptych.stores.postgres.session import Session
from diptych.stores.postgres.simple import simple_arguments, simple_rows

_BATCH_APPENDS = 512
_BATCH_EVENTS = 4096
_BATCH_BYTES = 1 << 25  # a message may have 2**30, and nobody shall wait for that
_SPLIT = 16
_LOOKS = 5
_SENT = 20
_ALONE = 3  # so often sent in vain, it may be what breaks the connection, and shall not take others with it
_log = logging.getLogger("diptych")


class Request(NamedTuple):
    """An append, who waits for its outcome, and how often it was sent with no answer and surely no effect."""

    append: Append
    future: asyncio.Future[AppendOutcome]
    sent: int = 0


Answered = tuple[Request, AppendOutcome]
Judged = tuple[int, Sequence[AppendOutcome | None]]
"""Where the log ended before a batch, and the outcomes; None for one whose command id is taken."""
Keep = Callable[[Sequence[tuple[Append, Appended]]], None]
"""Take in what was written, before its head is published."""


class LogWriter:
    """Own the writing session. What is asked for while a batch is under way goes with the next one."""

    def __init__(self, session: Session, published: Callable[[int], None], keep: Keep = lambda _: None) -> None:
        self._session, self._published, self._keep = session, published, keep
        self._waiting: deque[Request] = deque()
        self._task: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._rest: Sequence[Answered] = ()
        self._known: set[str] = set()
        """Stored names of types that the database has."""

    def enter(self, append: Append) -> asyncio.Future[AppendOutcome]:
        """Take an append; return the future of its outcome. Cancelling that stops nothing."""
        loop = self._loop
        refuse_other_loop(loop)
        future: asyncio.Future[AppendOutcome] = loop.create_future()
        self._waiting.append(Request(append, future))
        if self._task is None:
            # A task begins in the next turn: what else is asked for in this one goes with it.
            self._task = loop.create_task(self._run())
        return future

    async def close(self) -> None:
        """Finish everything that was asked for, then close the session; also when nobody waits for it any more."""
        await asyncio.shield(self._ended())

    async def _ended(self) -> None:
        if self._task is not None:
            await self._task
        await self._session.close()

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = self._next()
                # Told now, they work while the server does: what is sent below goes before they have their turn.
                self._answer_rest()
                await self._serve(batch)
        finally:
            self._answer_rest()
            self._task = None

    def _next(self) -> list[Request]:
        """Take what can be judged together, in the order in which it came."""
        batch: list[Request] = []
        later: list[Request] = []
        footprint, events, waiting = Footprint(), 0, self._waiting
        while waiting and len(batch) < _BATCH_APPENDS and events < _BATCH_EVENTS and footprint.bytes < _BATCH_BYTES:
            request = waiting.popleft()
            if footprint.touches(request.append) or (batch and request.sent >= _ALONE):
                later.append(request)
                continue
            footprint.add(request.append)
            events += len(request.append.events)
            batch.append(request)
            if request.sent >= _ALONE:
                break
        waiting.extendleft(reversed(later))
        return batch

    async def _serve(self, batch: list[Request]) -> None:
        try:
            if self._session.is_lost:
                await self._reopened()
            answers = await self._judged(batch)
        except Error as wrong:  # there is no connection, so nothing was sent; or another log took it
            _refuse(batch, wrong)
        except Exception as wrong:  # noqa: BLE001 (whoever waits must hear of it)
            await (self._resolve(batch, wrong) if is_lost(wrong) else self._singly(batch, wrong))
        else:
            await self._settle(answers)

    async def _judged(self, batch: Sequence[Request]) -> list[Answered]:
        """Send a batch; return the outcomes once they are on disk, but for those that are told of a taken id."""
        appends = [request.append for request in batch]
        names = {event.name for append in appends for event in append.events}
        fresh = sorted(names - self._known) if not names <= self._known else ()
        least = self._session.least
        head, outcomes = await (self._one(appends[0], fresh) if len(appends) == 1 else self._many(appends, fresh))
        self._session.refuse_replaced(head, least)
        if fresh:  # one that was refused may not have told the names of its types
            written = (append for append, each in zip(appends, outcomes, strict=True) if isinstance(each, Appended))
            self._known.update(event.name for append in written for event in append.events)
        for request, outcome in zip(batch, outcomes, strict=True):
            if outcome is None:
                await self._tell_taken(request)
        return [(request, each) for request, each in zip(batch, outcomes, strict=True) if each is not None]

    async def _one(self, append: Append, fresh: Sequence[str]) -> Judged:
        simple = None if fresh else simple_arguments(append)
        if simple is None:
            row = await self._session.call("append_one", one_arguments(append, fresh))
        else:
            (row,) = await self._session.call("append_simple", simple)
        head, recorded_at, is_taken, conflict = row
        if is_taken:
            return head, [None]
        return head, [Conflicted(conflict) if conflict else appended(append, head, recorded_at)]

    async def _many(self, appends: Sequence[Append], fresh: Sequence[str]) -> Judged:
        batch = Batch(appends, fresh)
        simple = None if fresh else simple_rows(appends)
        if simple is None:
            row = await self._session.call("append_many", batch.arguments())
        else:
            row = await self._session.call("append_simples", (simple,))
        head, recorded_at, taken, lost, conflicts = row
        refused = dict(zip(lost or (), conflicts or (), strict=True)) | dict.fromkeys(taken or (), 0)
        return head, list(batch.outcomes(head, recorded_at, refused))

    async def _tell_taken(self, request: Request) -> None:
        """Answer with the record that is there; a failure is this one's alone, for the batch is on disk."""
        assert request.append.record is not None  # noqa: S101 (only an id can be taken)
        command_id = request.append.record.id
        try:
            found = (await self._session.settled([command_id])).get(command_id)
        except StoreError as nowhere_else:
            _refuse((request,), OutcomeUnknownError(command_id, str(nowhere_else)))
            return
        except FAILED as wrong:
            _refuse((request,), store_error(wrong))
            return
        if found is None:
            _refuse((request,), StoreError(f"the record of command {command_id} was there and is gone"))
        else:
            _answer([(request, Recorded(found))])

    async def _settle(self, answers: Sequence[Answered]) -> None:
        """Tell of outcomes: of many, half at first, so that the next batch is on its way while the others go on."""
        taken_in = [
            (request.append, outcome)
            for request, outcome in answers
            if isinstance(outcome, Appended) and request.append.events
        ]
        if taken_in:
            self._keep(taken_in)
            self._published(taken_in[-1][1].last)
        half = len(answers) // 2 if len(answers) >= _SPLIT else len(answers)
        _answer(answers[:half])
        self._rest = answers[half:]
        if self._waiting and taken_in:
            self._refuse_overtaken([(append, outcome.first) for append, outcome in taken_in])
        if self._rest:
            await asyncio.sleep(0)  # those who were told ask again

    def _answer_rest(self) -> None:
        rest, self._rest = self._rest, ()
        _answer(rest)

    def _refuse_overtaken(self, taken_in: Sequence[tuple[Append, int]]) -> None:
        """Answer those that cannot hold after what was just taken in: the database need not be asked."""
        written = written_by(taken_in)
        for request in tuple(self._waiting):
            if request.append.condition and is_new(request.append):
                position = conflict_with(written, request.append)
                if position:
                    self._waiting.remove(request)
                    if not request.future.done():
                        request.future.set_result(Conflicted(position))

    async def _singly(self, batch: Sequence[Request], wrong: Exception) -> None:
        """Send each alone: the batch was rolled back, and one of them broke it."""
        if is_demoted(wrong):
            self._session.leave()  # the next batch looks for the primary
        if len(batch) == 1 or is_demoted(wrong) or isinstance(wrong, OF_ALL):
            _refuse(batch, store_error(wrong))
            return
        for at, request in enumerate(batch, start=1):
            await self._serve([request])
            if self._session.is_lost:
                self._waiting.extendleft(reversed(batch[at:]))  # they wait together for the next connection
                return

    async def _resolve(self, batch: Sequence[Request], wrong: Exception) -> None:
        """Find out what became of a batch whose answer was lost; send again what surely was not written."""
        _log.warning("the connection to the log was lost (%s); looking up what became of %d appends", wrong, len(batch))
        try:
            found = await self._looked_up([each.append.record.id for each in batch if each.append.record])
        except (Error, *FAILED) as failed:  # type: ignore[misc]  # mypy does not look into a tuple of tuples
            for request in batch:
                _refuse((request,), _unknown(request.append, failed))
            return
        again = []
        for request in batch:
            record = request.append.record
            if record is None:
                _refuse((request,), _unknown(request.append, wrong))
            elif record.id not in found:
                again.append(request._replace(sent=request.sent + 1))
            elif not request.future.done():
                request.future.set_result(_written(request.append, found[record.id]))
        self._published(max((each.position for each in found.values()), default=0))
        for request in [each for each in again if each.sent >= _SENT]:
            _refuse((request,), StoreError(f"PostgreSQL broke off {_SENT} times ({wrong}); nothing was written"))
        self._waiting.extendleft(reversed([each for each in again if each.sent < _SENT]))

    async def _reopened(self) -> None:
        self._known.clear()  # it may be another server, which was not told everything
        try:
            await self._session.reopen()
        except Error as wrong:
            # Whoever came meanwhile has waited too: nobody shall do so once more for each of those before.
            _refuse(self._waiting, wrong)
            self._waiting.clear()
            raise

    async def _looked_up(self, ids: list[UUID]) -> dict[UUID, Record]:
        """Return the records that are there, as a new session sees them; if that is lost too, another one."""
        for _ in range(_LOOKS):
            await self._reopened()
            try:
                return await self._session.settled(ids)
            except FAILED as wrong:
                if not is_lost(wrong):
                    raise
        raise StoreError(f"{_LOOKS} connections were lost, one after the other")


def _answer(answers: Sequence[Answered]) -> None:
    for request, outcome in answers:
        if not request.future.done():
            request.future.set_result(outcome)


def _written(append: Append, record: Record) -> AppendOutcome:
    """Return what it means that the record is there: a fresh id can only be of this append."""
    if not is_new(append):
        return Recorded(record)
    first = record.position - len(append.events) + 1 if append.events else record.position
    return Appended(first, record.position, record.recorded_at)


def _unknown(append: Append, wrong: Exception) -> Exception:
    if append.record is None:
        return StoreError(f"the connection was lost and the outcome of an append without a record is unknown: {wrong}")
    command_id: UUID = append.record.id
    return OutcomeUnknownError(command_id, f"the connection to PostgreSQL was lost: {wrong}")


def _refuse(batch: Iterable[Request], wrong: Exception) -> None:
    for request in batch:
        if not request.future.done():
            request.future.set_exception(wrong)
