"""Folding: a batch of events over an overlay of pending rows, in exactly the order of the log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diptych.model.projections import Key, Projection
from diptych.ports import Changes, RowWriter
from diptych.read.plan import Learned, Step, Unreadable, steps_of
from diptych.recorded import meta_of

_PORTION = 128
_TURN = 0.0005

Work = tuple[Learned, Step, Sequence[Key]]
Pending = list[dict[Key, Any]]


class MissingRowError(LookupError):
    """A fold that needs a row found none."""


class RecentRows:
    """Remember the rows that were saved last, in two halves: a full young one becomes the old one."""

    def __init__(self, size: int = 8192) -> None:
        self._size = size
        self._young: dict[Key, Any] = {}
        self._old: dict[Key, Any] = {}

    def get(self, key: Key) -> Any:
        """Return a row as last saved, or None: not known here, or deleted."""
        row = self._young.get(key)
        return self._old.get(key) if row is None and key not in self._young else row

    def keep(self, rows: Mapping[Key, Any]) -> None:
        """Take in what was saved."""
        if len(self._young) > self._size:
            self._old, self._young = self._young, {}
        self._young.update(rows)


class Folding:
    """Fold batches of events for one projection. A batch of n leaves the same rows as n batches of one."""

    def __init__(self, projection: Projection) -> None:
        self._models = projection.models
        self._steps = steps_of(projection)
        self.types = frozenset(projection.types)
        self._recent = [RecentRows() for _ in self._models]

    async def fold(self, events: Sequence[Learned], writer: RowWriter) -> list[Changes]:
        """Fold the events and return what changed; raises whatever a fold raises."""
        rows: Pending = [{} for _ in self._models]
        changed: list[dict[Key, int]] = [{} for _ in self._models]
        turn = time.perf_counter() + _TURN
        # In small portions, so that what a portion needs is gone before the garbage collector looks for it.
        for start in range(0, len(events), _PORTION):
            if time.perf_counter() >= turn:
                # This thread serves nobody but the log: it only lets go of the interpreter, for commands to be served.
                time.sleep(0)  # noqa: ASYNC251 (not the loop's thread: the projections own this one)
                turn = time.perf_counter() + _TURN
            work = self._work(events[start : start + _PORTION])
            await self._load(work, rows, writer)
            run(work, rows, changed)
        return [
            Changes(model, {key: rows[at].get(key) for key in changed[at]}, changed[at])
            for at, model in enumerate(self._models)
            if changed[at]
        ]

    def saved(self, changes: Iterable[Changes]) -> None:
        """Remember what was saved, for the next batches."""
        for each in changes:
            if not each.model.append_only:
                self._recent[self._models.index(each.model)].keep(each.rows)

    def _work(self, events: Iterable[Learned]) -> list[Work]:
        work: list[Work] = []
        steps = self._steps
        for learned in events:
            event = learned.event
            if type(event) is Unreadable:
                raise event.error
            work += [(learned, step, tuple(step.keys(event))) for step in steps.get(type(event), ())]
        return work

    async def _load(self, work: Sequence[Work], rows: Pending, writer: RowWriter) -> None:
        missing: list[list[Key]] = [[] for _ in self._models]
        for _, step, keys in work:
            if step.row is None:
                overlay, recent, absent = rows[step.at], self._recent[step.at], missing[step.at]
                for key in keys:
                    if key not in overlay:
                        overlay[key] = row = recent.get(key)
                        if row is None:
                            absent.append(key)
        for at, absent in enumerate(missing):
            if absent:
                rows[at].update(await writer.load(self._models[at], absent))


def run(work: Iterable[Work], rows: Pending, changed: list[dict[Key, int]]) -> None:
    """Fold over the overlay `rows`, in place; note the position of every key's last change in `changed`."""
    for learned, step, keys in work:
        at, function, _, must_exist, wants_meta, append_only, in_utc = step
        if append_only is not None:
            _append(learned, step, append_only, rows[at], changed[at])
            continue
        overlay, position = rows[at], learned.stored.position
        for key in keys:
            row = overlay.get(key)
            if row is None and must_exist:
                shown = key[0] if len(key) == 1 else key
                raise MissingRowError(f"{function.__qualname__} needs the row {shown}, and there is none")
            new = function(row, learned.event, meta_of(learned.stored)) if wants_meta else function(row, learned.event)
            if new is not row:
                overlay[key] = new if new is None or in_utc is None else in_utc(new)
                changed[at][key] = position


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
