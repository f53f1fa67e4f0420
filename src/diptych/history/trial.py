"""Trial: a command that is decided and folded as if it were sent, of which nothing stays."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from diptych.codec import EventCodec
from diptych.history.foreseen import FoldStop, Foreseen, RowDiff, foresee
from diptych.model.projections import Projection
from diptych.model.results import Result
from diptych.ports import EventStore, Slice
from diptych.read.panel import ReadPanel
from diptych.read.plan import Learned, Unreadable, learn
from diptych.write.panel import WritePanel
from diptych.write.requests import Delivery
from diptych.write.withheld import Withheld

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TriedEvent:
    """Hold an event as the log would: where, under which stored name, version and tags, and the event itself."""

    position: int
    name: str
    version: int
    tags: tuple[str, ...]
    event: Any


@dataclass(frozen=True, slots=True)
class Trial(Generic[R]):
    """Tell what a command would do: its result, its events, and every row of a read model that would change.

    It was decided on what the log holds up to `head`; positions beyond that are foretold, and hold if nothing else
    comes before the command is sent. `stops` names projections that could not fold the events: do not send it.
    """

    result: Result[R]
    head: int
    events: tuple[TriedEvent, ...] = ()
    changes: tuple[RowDiff, ...] = ()
    stops: tuple[FoldStop, ...] = ()


class Trials:
    """Try commands: down the left panel with the append withheld, then through the folds of the right panel."""

    def __init__(
        self, write: WritePanel, read: ReadPanel, log: EventStore, codec: EventCodec, projections: Iterable[Projection]
    ) -> None:
        self._write, self._read, self._log, self._codec = write, read, log, codec
        self._projections = tuple(projections)

    async def send(self, command: Any, delivery: Delivery, *, wait: float) -> Trial[Any]:
        """Try a command; raises what `WritePanel.send` does, UntriableError, and what a query that waits does."""
        withheld = Withheld(self._log)
        result = await self._write.send(command, delivery._replace(withheld=withheld))
        return await self._trial(result, withheld, wait)

    async def receive(self, name: str, body: bytes, delivery: Delivery, *, wait: float) -> Trial[Any]:
        """Try the command of this name whose JSON is `body`; as `send`, and MalformedError for what is no JSON."""
        withheld = Withheld(self._log)
        result = await self._write.receive(name, body, delivery._replace(withheld=withheld))
        return await self._trial(result, withheld, wait)

    async def _trial(self, result: Result[Any], withheld: Withheld, wait: float) -> Trial[Any]:
        head = await self._log.head() if withheld.head is None else withheld.head
        if not withheld.events:
            return Trial(result, head)
        # As the folds will read them: from their JSON.
        learned = learn(self._codec, Slice(withheld.events, head, complete=True))
        foreseen = await self._foreseen(learned, head, wait)
        return Trial(result, head, tuple(_tried(each) for each in learned), foreseen.changes, foreseen.stops)

    async def _foreseen(self, events: list[Learned], head: int, wait: float) -> Foreseen:
        names = {learned.stored.name for learned in events}
        concerned = [each for each in self._projections if not names.isdisjoint(each.types)]
        await self._read.reach.reach([each.name for each in concerned], head, timeout=wait)
        return await foresee(concerned, events, self._read.rows, wait=wait)


def _tried(learned: Learned) -> TriedEvent:
    stored, event = learned.stored, learned.events[0]  # written just now, in its current form
    if isinstance(event, Unreadable):
        raise event.error
    return TriedEvent(stored.position, stored.name, stored.version, stored.tags, event)


def told(trial: Trial[Any]) -> dict[str, Any]:
    """Return the trial of a command that would be accepted as a value that JSON can hold, `codec.encode_answer` first.

    `stops` is there only when a projection would stop.
    """
    events = [
        {"name": e.name, "version": e.version, "position": e.position, "tags": e.tags, "data": e.event}
        for e in trial.events
    ]
    changes = [
        {"model": c.model, "key": list(c.key), "before": c.before, "after": c.after, "fields": list(c.fields)}
        for c in trial.changes
    ]
    stops = [{"projection": s.projection, "position": s.position, "reason": s.reason} for s in trial.stops]
    found = {"dry_run": True, "position": trial.result.position, "result": trial.result.value}
    return found | {"events": events, "changes": changes} | ({"stops": stops} if stops else {})
