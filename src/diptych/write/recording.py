"""Recording: append what a command decided together with its record, and answer a command that came before."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple, Protocol

from diptych.codec import EventCodec, decoder, encode
from diptych.errors import KeyReusedError, WiringError
from diptych.model.criteria import Condition
from diptych.model.fields import place_of
from diptych.model.messages import event_type, result_type
from diptych.model.results import Accepted
from diptych.ports import Append, AppendOutcome, Clock, EventStore, Metadata, NewEvent, Record
from diptych.recorded import writer_of
from diptych.write.requests import Request


class Written(NamedTuple):
    """Events as a store takes them, and the metadata that they share."""

    events: Sequence[NewEvent]
    metadata: bytes


NOTHING = Written((), b"")


class Log(Protocol):
    """Be where a command is appended: the event store, or what stands in its place."""

    async def append(self, append: Append) -> AppendOutcome:
        """Append all of it or nothing."""
        ...


class Recorder:
    """Write events and records; read records."""

    def __init__(self, store: EventStore, codec: EventCodec, clock: Clock) -> None:
        self._store, self._clock, self._lineage = store, clock, codec.lineage
        self._writers = {cls: writer_of(cls) for cls in codec.types}

    async def replay(self, command: Any, request: Request) -> Accepted[Any] | None:
        """Return the stored answer of a command that was accepted before, or None."""
        record = await self._store.record(request.command_id)
        return None if record is None else self.answer(record, command, request)

    def answer(self, record: Record, command: Any, request: Request) -> Accepted[Any]:
        """Return the stored answer; raise KeyReusedError when the key came back with another request."""
        if record.fingerprint != request.fingerprint:
            raise KeyReusedError(
                f"the idempotency key of this {type(command).__name__} was used before with another request "
                f"({record.name}, accepted at position {record.position}); use a new key for a new request"
            )
        value = decoder(result_type(type(command)))(record.answer)
        return Accepted(value, record.position, record.id, replayed=True)

    def written(self, events: Sequence[Any], request: Request) -> Written:
        """Turn decided events into what a store appends; raise WiringError for one that nobody could read again."""
        if not events:
            return NOTHING
        metadata = encode(Metadata(request.command_id, request.principal, request.correlation, request.causation))
        writers = self._writers
        try:
            return Written([writers[type(event)](event, metadata) for event in events], metadata)
        except KeyError:
            self._refuse_unknown(events)
            raise

    def append(
        self,
        command: Any,
        request: Request,
        written: Written,
        value: Any,
        *,
        guards: Condition = (),
        position: int = 0,
        log: Log | None = None,
    ) -> Awaitable[AppendOutcome]:
        """Append the events and the record of the command; those of one that is only tried are withheld.

        `position` is what the decision read; it is the record's where there are no events. `log` is where to append,
        if not to the store.
        """
        now = self._clock.micros()
        answer = b"null" if value is None else encode(value)
        name = type(command).__name__
        record = Record(request.command_id, name, request.fingerprint, answer, position, now, request.principal)
        return (log or request.withheld or self._store).append(
            Append(written.events, guards, record, written.metadata, now)
        )

    def _refuse_unknown(self, events: Sequence[Any]) -> None:
        for cls in map(type, events):
            if cls not in self._writers:
                event_type(cls)  # refuses what is no event at all
                self._lineage.refuse_outdated(cls, cls)
                raise WiringError(
                    f"{cls.__qualname__} was recorded, and no fold and no return type names it",
                    where=place_of(cls),
                    fix=f"name it in the return type of its decision: Iterator[... | {cls.__qualname__}]",
                )
