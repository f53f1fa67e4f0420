"""Execution: load, fold, decide, append, and again with only what is new when somebody was faster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

from diptych.model.decisions import Decision
from diptych.model.folds import Fold
from diptych.model.meta import Meta
from diptych.model.results import Accepted, Conflict, Result
from diptych.ports import Appended, Conflicted, NewEvent, Recorded
from diptych.recorded import instant
from diptych.write.deciding import Decided, Deciding, failure_of
from diptych.write.entities import Entity, Known
from diptych.write.loading import Loader
from diptych.write.recording import Recorder
from diptych.write.requests import Request
from diptych.write.states import StateCache
from diptych.write.turns import Turns

_log = logging.getLogger("diptych")

News = tuple[Any, NewEvent, int]
"""A decided event, as it was written, and its position."""

ATTEMPTS = 1000
"""How often a decision is made again before the answer is Conflict: each time, somebody else got through."""


class Execution:
    """Run the decisions on one type of command."""

    def __init__(
        self, deciding: Deciding, *, recorder: Recorder, loader: Loader, states: StateCache, turns: Turns
    ) -> None:
        self._deciding, self._recorder, self._loader = deciding, recorder, loader
        self._states, self._turns = states, turns

    @property
    def decision(self) -> Decision:
        """Return the decision that runs here."""
        return self._deciding.decision

    async def handle(self, command: Any, request: Request) -> Result[Any]:
        """Decide on a command until the decision holds; return its result."""
        if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
            return replayed
        groups = [selection.entities(command) for selection in self._deciding.selections]
        entities = list(chain.from_iterable(group.values() for group in groups))
        await self._loader.load(entities)
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

    async def _attempt(
        self, command: Any, request: Request, groups: Sequence[dict[Any, Entity]], entities: Sequence[Entity]
    ) -> Result[Any] | None:
        """Decide once; None means that what was read is out of date."""
        decided: Decided | None = None
        if request.expected is None or not _beyond(entities, request.expected):
            decided = self._deciding.decide(command, groups, request)
            if decided.refusal is None:
                return await self._append(command, request, entities, decided)
        if await self._outdated(entities):
            return None
        position = max((entity.known.version for entity in entities if entity.known), default=0)
        if request.keyed and (replayed := await self._recorder.replay(command, request)) is not None:
            return replayed
        if decided is None or decided.refusal is None:
            return Conflict(f"changed at position {position}, after the expected {request.expected}", position)
        return failure_of(decided.refusal, position)

    async def _append(
        self, command: Any, request: Request, entities: Sequence[Entity], decided: Decided
    ) -> Result[Any] | None:
        guards = tuple([entity.guard() for entity in entities])
        through = max((entity.known.through for entity in entities if entity.known), default=0)
        written = self._recorder.written(decided.events, request)
        outcome = await self._recorder.append(command, request, written, decided.value, guards=guards, position=through)
        match outcome:
            case Appended():
                if decided.events and request.withheld is None:  # would-be states are nobody else's
                    news = [*zip(decided.events, written.events, range(outcome.first, outcome.last + 1), strict=True)]
                    try:
                        self._learn(request, entities, news, outcome)
                    except Exception:  # noqa: BLE001 (it is on disk: a wrong fold is for the next who loads the state)
                        _log.exception("the events of %s are recorded, and their fold fails", type(command).__name__)
                return Accepted(decided.value, outcome.last, request.command_id)
            case Recorded():
                return self._recorder.answer(outcome.record, command, request)
            case Conflicted():
                return None

    async def _outdated(self, entities: Sequence[Entity]) -> bool:
        """Confirm an answer without events: read once more for what was only remembered."""
        remembered = [entity for entity in entities if entity.cached]
        return bool(remembered) and await self._loader.refresh(remembered)

    def _learn(self, request: Request, entities: Sequence[Entity], news: Sequence[News], appended: Appended) -> None:
        """Keep the states as they are after the append: its condition held, so nothing lies between."""
        meta_at = partial(_meta, request, appended)
        concerned = _by_tag(news) if len(news) > 1 else dict.fromkeys(news[0][1].tags, news)
        for entity in entities:
            state, version, _ = entity.known or Known(entity.fold.initial(), 0, 0)
            fold, types = entity.fold, entity.clause.types
            for event, written, position in concerned.get(entity.tag, ()):
                if written.name in types:
                    state, version = _step(fold, state, event, position, meta_at), position
            self._states.put(entity.cache_key, Known(state, version, appended.last))


def _by_tag(news: Sequence[News]) -> dict[str, list[News]]:
    """Group news by whom they concern: a long document has as many entities as events, and each would see them all."""
    found: dict[str, list[News]] = {}
    for each in news:
        for tag in each[1].tags:
            found.setdefault(tag, []).append(each)
    return found


def _step(fold: Fold[Any], state: Any, event: Any, position: int, meta_at: Callable[[int], Meta]) -> Any:
    return fold.evolve(state, event, meta_at(position)) if fold.wants_meta else fold.evolve(state, event)


def _meta(request: Request, appended: Appended, position: int) -> Meta:
    recorded_at = instant(appended.recorded_at)
    return Meta(position, recorded_at, request.principal, request.command_id, request.correlation)


def _beyond(entities: Sequence[Entity], expected: int) -> bool:
    return any(entity.known is not None and entity.known.version > expected for entity in entities)
