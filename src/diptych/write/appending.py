"""Appending: the one way in which a command's events and record reach the log, and states learn of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from diptych.model.meta import Meta
from diptych.model.results import Accepted, Result
from diptych.ports import Appended, Conflicted, NewEvent, Recorded
from diptych.recorded import instant
from diptych.write.deciding import Decided
from diptych.write.entities import Entity, Known, guards_of
from diptych.write.recording import Log, Recorder, Written
from diptych.write.requests import Request
from diptych.write.snapshots import Snapshotter
from diptych.write.states import StateCache

_log = logging.getLogger("diptych")

News = tuple[Any, NewEvent, int]
"""A decided event, as it was written, and its position."""


class Appending:
    """Append what was decided on entities under their guards, and keep the states as they are after it."""

    def __init__(self, recorder: Recorder, states: StateCache, snapshots: Snapshotter) -> None:
        self._recorder, self._states, self._snapshots = recorder, states, snapshots

    async def append(
        self,
        command: Any,
        request: Request,
        entities: Sequence[Entity],
        decided: Decided,
        *,
        through: int | None = None,
        log: Log | None = None,
    ) -> Result[Any] | None:
        """Append and return the result; None means that what was read is out of date.

        `through` is the position that was read, if the entities do not tell; `log` is where to append, if elsewhere.
        """
        if through is None:  # with events, the store fills the record's position
            through = 0 if decided.events else _through(entities)
        written = self._recorder.written(decided.events, request)
        outcome = await self._recorder.append(
            command, request, written, decided.value, guards=guards_of(entities), position=through, log=log
        )
        match outcome:
            case Appended():
                if decided.events and request.withheld is None:  # would-be states are nobody else's
                    self._learn_safely(command, request, entities, (decided, written), outcome)
                return Accepted(decided.value, outcome.last, request.command_id)
            case Recorded():
                return self._recorder.answer(outcome.record, command, request)
            case Conflicted():
                return None

    def _learn_safely(
        self,
        command: Any,
        request: Request,
        entities: Sequence[Entity],
        said: tuple[Decided, Written],
        appended: Appended,
    ) -> None:
        news = [*zip(said[0].events, said[1].events, count(appended.first))]
        try:
            self._learn(request, entities, news, appended)
        except Exception:  # noqa: BLE001 (it is on disk: a wrong fold is for the next who loads the state)
            _log.exception("the events of %s are recorded, and their fold fails", type(command).__name__)

    def _learn(self, request: Request, entities: Sequence[Entity], news: Sequence[News], appended: Appended) -> None:
        """Keep the states as they are after the append: its condition held, so nothing lies between."""
        concerned = _by_tag(news) if len(news) > 1 else dict.fromkeys(("", *news[0][1].tags), news)
        for entity in entities:
            if entity.is_narrowed:  # something may lie between: nobody guarded against it
                continue
            state, version, _, unsaved = entity.known or Known(entity.fold.initial(), 0, 0)
            fold, tags = entity.fold, entity.clause.tags
            for event, written, position in concerned.get(tags[0] if tags else "", ()):
                if type(event) in fold.kinds and entity.concerns(written.name, written.tags):
                    if fold.wants_meta:
                        state = fold.evolve(state, event, _meta(request, appended, position))
                    else:
                        state = fold.evolve(state, event)
                    if state is None:
                        fold.refuse_none(event)
                    version, unsaved = position, unsaved + 1
            known = Known(state, version, appended.last, unsaved)
            if fold.snapshots is not None:
                known = self._snapshots.offer(entity, known)
            self._states.put(entity.cache_key, known)


def _through(entities: Iterable[Entity]) -> int:
    return max((entity.known.through for entity in entities if entity.known), default=0)


def _by_tag(news: Sequence[News]) -> dict[str, Sequence[News]]:
    """Group news by whom they concern: a long document has as many entities as events, and each would see them all."""
    found: dict[str, list[News]] = {"": [*news]}
    for each in news:
        for tag in each[1].tags:
            found.setdefault(tag, []).append(each)
    return {**found}


def _meta(request: Request, appended: Appended, position: int) -> Meta:
    recorded_at = instant(appended.recorded_at)
    return Meta(position, recorded_at, request.principal, request.command_id, request.correlation)
