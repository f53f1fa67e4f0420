"""Recording: append what a command decided together with its record, and answer a command that came before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from diptych.codec import EventCodec, decoder, encode
from diptych.errors import KeyReusedError, WiringError
from diptych.model.criteria import Condition
from diptych.model.fields import place_of
from diptych.model.messages import EventType, result_type
from diptych.model.results import Accepted
from diptych.model.tags import tagger
from diptych.ports import Append, Appended, AppendOutcome, Clock, EventStore, Metadata, NewEvent, Record
from diptych.recorded import writer_of
from diptych.write.deciding import Decided
from diptych.write.requests import Request

Described = tuple[Any, str, tuple[str, ...], int]
"""An appended event with its stored name, tags and position."""


class Recorder:
    """Write events and records; read records."""

    def __init__(self, store: EventStore, codec: EventCodec, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._types: dict[type, EventType] = codec.types

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

    async def append(
        self, command: Any, request: Request, decided: Decided, *, guards: Condition = (), position: int = 0
    ) -> AppendOutcome:
        """Append the events and the record of the command; `position` is what the decision read, for one without events."""
        now = self._clock.micros()
        metadata = b""
        events: Sequence[NewEvent] = ()
        if decided.events:
            metadata = encode(Metadata(request.command_id, request.principal, request.correlation, request.causation))
            events = [self._written(event, metadata) for event in decided.events]
        answer = b"null" if decided.value is None else encode(decided.value)
        name = type(command).__name__
        record = Record(request.command_id, name, request.fingerprint, answer, position, now, request.principal)
        return await self._store.append(Append(events, guards, record, metadata, now))

    def described(self, events: Sequence[Any], appended: Appended) -> list[Described]:
        """Return appended events with what decides whom they concern."""
        return list(self._described(events, appended.first))

    def _described(self, events: Sequence[Any], first: int) -> Iterator[Described]:
        for position, event in enumerate(events, first):
            cls = type(event)
            yield event, self._types[cls].name, tagger(cls)(event), position

    def _written(self, event: Any, metadata: bytes) -> NewEvent:
        cls = type(event)
        if cls not in self._types:
            raise WiringError(
                f"a decision yielded {cls.__qualname__}, which no fold and no return type names",
                where=place_of(cls),
                fix=f"name it in the decision's return type: Iterator[... | {cls.__qualname__}]",
            )
        return writer_of(cls)(event, metadata)
