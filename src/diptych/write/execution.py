"""Execution: load, fold, decide, append, and again with only what is new when somebody was faster."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any

from diptych.model.decisions import Decision
from diptych.model.results import Conflict, Result
from diptych.write.appending import Appending
from diptych.write.deciding import Decided, Deciding, failure_of
from diptych.write.entities import Entity
from diptych.write.loading import Loader
from diptych.write.recording import Recorder
from diptych.write.requests import Request
from diptych.write.turns import Turns

ATTEMPTS = 1000
"""How often a decision is made again before the answer is Conflict: each time, somebody else got through."""


class Execution:
    """Run the decisions on one type of command."""

    def __init__(
        self, deciding: Deciding, *, recorder: Recorder, loader: Loader, appending: Appending, turns: Turns
    ) -> None:
        self._deciding, self._recorder, self._loader = deciding, recorder, loader
        self._appending, self._turns = appending, turns

    @property
    def decision(self) -> Decision:
        """Return the decision that runs here."""
        return self._deciding.decision

    async def handle(self, command: Any, request: Request) -> Result[Any]:
        """Decide on a command until the decision holds; return its result."""
        if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
            return replayed
        groups = [selection.entities(command) for selection in self._deciding.selections]
        entities = [entity for group in groups for entity in group.values()]
        unknown = self._loader.recall(entities)
        if unknown:
            await self._loader.refresh(unknown)
        result = await self._attempt(command, request, groups, entities)
        return await self._again(command, request, groups, entities) if result is None else result

    async def _again(
        self, command: Any, request: Request, groups: Sequence[dict[Any, Entity]], entities: Sequence[Entity]
    ) -> Result[Any]:
        """Decide in turn with the others that lost, on what is new."""
        async with self._turns.of(entity.cache_key for entity in entities):
            for _ in range(ATTEMPTS):
                await self._loader.refresh(entities)
                result = await self._attempt(command, request, groups, entities)
                if result is not None:
                    return result
        return Conflict(f"decided {ATTEMPTS} times, and each time somebody else was faster")

    def _attempt(
        self, command: Any, request: Request, groups: Sequence[dict[Any, Entity]], entities: Sequence[Entity]
    ) -> Awaitable[Result[Any] | None]:
        """Decide once; None means that what was read is out of date."""
        decided: Decided | None = None
        if request.expected is None or not is_beyond(entities, request.expected):
            decided = self._deciding.decide(command, groups, request)
            if decided.refusal is None:
                return self._appending.append(command, request, entities, decided)
        return self._confirmed(command, request, entities, decided)

    async def _confirmed(
        self, command: Any, request: Request, entities: Sequence[Entity], decided: Decided | None
    ) -> Result[Any] | None:
        """Answer without events, if nothing new was recorded meanwhile."""
        if await self._outdated(entities):
            return None
        position = max((entity.known.version for entity in entities if entity.known), default=0)
        if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
            return replayed
        if decided is None or decided.refusal is None:
            return unexpected(position, request)
        return failure_of(decided.refusal, position)

    async def _outdated(self, entities: Sequence[Entity]) -> bool:
        """Confirm an answer without events: read once more for what was only remembered."""
        remembered = [entity for entity in entities if entity.cached]
        return bool(remembered) and await self._loader.refresh(remembered)


def is_beyond(entities: Iterable[Entity], expected: int) -> bool:
    """Say whether something of what was read lies after the position that the sender expects."""
    return any(entity.known is not None and entity.known.version > expected for entity in entities)


def unexpected(position: int, request: Request) -> Conflict:
    """Return the conflict of a command whose sender expected less than there is."""
    return Conflict(f"changed at position {position}, after the expected {request.expected}", position)
