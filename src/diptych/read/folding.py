"""Folding: a batch of events over an overlay of pending rows, in exactly the order of the log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from diptych.model.projections import Key, Projection
from diptych.ports import Changes, RowWriter
from diptych.read.plan import Learned, Step, Unreadable, meta_of, steps_of

_TURN = 0.0005
_LOOK = 16

Work = tuple[Learned, Step, Sequence[Key]]
Pending = list[dict[Key, Any]]


class MissingRowError(LookupError):
    """A fold that needs a row found none."""


class Folding:
    """Fold batches of events for one projection. A batch of n leaves the same rows as n batches of one."""

    def __init__(self, projection: Projection) -> None:
        self._models = projection.models
        self._steps = steps_of(projection)
        self.types = frozenset(projection.types)

    async def fold(self, events: Iterable[Learned], writer: RowWriter) -> list[Changes]:
        """Fold the events and return what changed; raises whatever a fold raises."""
        work = self._work(events)
        rows = await self._load(work, writer)
        changed = run(work, rows)
        return [
            Changes(model, {key: (rows[at].get(key), position) for key, position in changed[at].items()})
            for at, model in enumerate(self._models)
            if changed[at]
        ]

    def _work(self, events: Iterable[Learned]) -> list[Work]:
        work: list[Work] = []
        steps = self._steps
        for learned in events:
            event = learned.event
            if type(event) is Unreadable:
                raise event.error
            work += [(learned, step, tuple(step.keys(event))) for step in steps.get(type(event), ())]
        return work

    async def _load(self, work: Sequence[Work], writer: RowWriter) -> Pending:
        wanted: list[dict[Key, None]] = [{} for _ in self._models]
        for _, step, keys in work:
            if step.row is None:
                for key in keys:
                    wanted[step.at][key] = None
        return [
            dict(await writer.load(model, tuple(keys))) if keys else {}
            for model, keys in zip(self._models, wanted, strict=True)
        ]


def run(work: Iterable[Work], rows: Pending) -> list[dict[Key, int]]:
    """Fold over the overlay `rows`, in place; return the keys that changed, with the position of their last change."""
    changed: list[dict[Key, int]] = [{} for _ in rows]
    clock, look, turn = time.perf_counter, _LOOK, time.perf_counter() + _TURN
    for learned, step, keys in work:
        at, function, _, must_exist, wants_meta, append_only = step
        if append_only is not None:
            _append(learned, step, append_only, rows[at], changed[at])
            continue
        overlay, position = rows[at], learned.stored.position
        for key in keys:
            row = overlay.get(key)
            if row is None and must_exist:
                raise MissingRowError(f"{function.__qualname__} needs the row {key}, and there is none")
            new = function(row, learned.event, meta_of(learned.stored)) if wants_meta else function(row, learned.event)
            if new is not row:
                overlay[key] = new
                changed[at][key] = position
        look -= 1
        if not look:
            look = _LOOK
            if clock() >= turn:
                # This thread has no one to wait for: it only lets go of the interpreter, for commands to be served.
                time.sleep(0)
                turn = clock() + _TURN
    return changed


def _append(learned: Learned, step: Step, kind: type, overlay: dict[Key, Any], changed: dict[Key, int]) -> None:
    made = step.function(learned.event, meta_of(learned.stored)) if step.wants_meta else step.function(learned.event)
    if made is None:
        return
    position = learned.stored.position
    index = 0
    while (position, index) in overlay:
        index += 1
    for row in (made,) if isinstance(made, kind) else made:
        overlay[position, index] = row
        changed[position, index] = position
        index += 1
