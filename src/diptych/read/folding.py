"""Folding: a batch of events over an overlay of pending rows, in exactly the order of the log."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import Changes
from diptych.read.overlay import Matching, Need, Overlay, Pause, Work, run
from diptych.read.plan import Fanning, Learned, Step, Unreadable, steps_of

PAGE = 1000
"""How many rows a fan-out reads at a time."""
LEAST = 8_192
"""How many rows of a read model are remembered at least."""
_MOST = 32_768
_PORTION = 128
_TURN = 0.0005


class StoredRows(Protocol):
    """Read rows as they are stored: what folding needs of a RowWriter."""

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        ...

    async def matching(
        self, model: ReadModel[Any], columns: Mapping[str, Any], *, after: Key | None, limit: int
    ) -> Mapping[Key, Any]:
        """Return at most `limit` rows whose columns have these values, in the order of keys, from beyond `after`."""
        ...


def share_of(models: int) -> int:
    """Return how many rows of each of so many read models are remembered: an application of few remembers more."""
    return max(LEAST, _MOST // max(1, models))


class RecentRows:
    """Remember the rows that were saved last, in two halves: a full young one becomes the old one."""

    def __init__(self, size: int) -> None:
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


class Turn:
    """Let go of the interpreter now and then, for commands and queries to be served: this thread serves nobody else."""

    def __init__(self) -> None:
        self._end = 0.0

    def take(self) -> None:
        """Go on, or first let others run where this has gone on for half a millisecond."""
        if time.perf_counter() >= self._end:
            time.sleep(0)
            self._end = time.perf_counter() + _TURN


class Folding:
    """Fold batches of events for one projection. A batch of n leaves the same rows as n batches of one."""

    def __init__(self, projection: Projection, *, remembered: int = LEAST) -> None:
        self._models = projection.models
        self._steps = steps_of(projection)
        self._recent = [RecentRows(remembered) for _ in self._models]
        self._turn = Turn()
        self._refers = any(step.references for steps in self._steps.values() for step in steps)
        self._fanning = {event for event, steps in self._steps.items() if any(type(each) is Fanning for each in steps)}

    def pieces(self, events: Sequence[Learned]) -> Iterator[Sequence[Learned]]:
        """Cut a batch before every event that fans out: what was folded before it is stored, and found by its index."""
        begin = 0
        for at, learned in enumerate(events if self._fanning else ()):
            if at > begin and any(type(event) in self._fanning for event in learned.events):
                yield events[begin:at]
                begin = at
        yield events[begin:]

    async def fold(self, events: Sequence[Learned], stored: StoredRows) -> list[Changes]:
        """Fold the events and return what changed; raises whatever a fold raises."""
        overlay = Overlay(self._models)
        # In small portions, so that what a portion needs is gone before the garbage collector looks for it.
        for start in range(0, len(events), _PORTION):
            self._turn.take()
            work = self._work(events[start : start + _PORTION])
            await self._load(work, overlay, stored)
            for need in run(work, overlay):
                await self._fetch(need, overlay, stored)
        return overlay.changes()

    def saved(self, changes: Iterable[Changes]) -> None:
        """Remember what was saved, for the next batches."""
        for each in changes:
            if not each.model.append_only:
                self._recent[each.model.order].keep(each.rows)

    def _work(self, events: Iterable[Learned]) -> list[Work]:
        work: list[Work] = []
        steps = self._steps
        for learned in events:
            for index, event in enumerate(learned.events):
                if type(event) is Unreadable:
                    raise event.error
                work += [
                    (learned, index, step, tuple(step.keys(event)) if type(step) is Step else ())
                    for step in steps.get(type(event), ())
                ]
        return work

    async def _load(self, work: Sequence[Work], overlay: Overlay, stored: StoredRows) -> None:
        missing: list[list[Key]] = [[] for _ in self._models]
        for _, _, step, keys in work:
            if type(step) is Step:
                rows, recent, absent = overlay.rows[step.at], self._recent[step.at], missing[step.at]
                for key in keys:
                    if key not in rows:
                        rows[key] = row = recent.get(key)
                        if row is None:
                            absent.append(key)
        if self._refers:
            self._recall(work, overlay, missing)
        for at, absent in enumerate(missing):
            if absent:
                overlay.rows[at].update(await stored.load(self._models[at], absent))

    def _recall(self, work: Sequence[Work], overlay: Overlay, missing: list[list[Key]]) -> None:
        for learned, index, step, keys in work:
            if type(step) is Step and not keys:
                continue  # it folds no row, so nobody asks where its references point
            for at, key_of, *_ in step.references:
                key = key_of(learned.events[index])
                if key is not None and key not in overlay.rows[at]:
                    overlay.rows[at][key] = row = self._recent[at].get(key)
                    if row is None:
                        missing[at].append(key)

    async def _fetch(self, need: Need, overlay: Overlay, stored: StoredRows) -> None:
        self._turn.take()
        if isinstance(need, Pause):
            return
        if isinstance(need, Matching):
            await self._select(need, overlay, stored)
            return
        at, rows = need.at, overlay.rows[need.at]
        rows[need.key] = row = self._recent[at].get(need.key)
        if row is None:
            rows.update(await stored.load(self._models[at], (need.key,)))

    async def _select(self, need: Matching, overlay: Overlay, stored: StoredRows) -> None:
        """Take every stored row that matches into the overlay; what is pending there is newer and stays."""
        rows, model, after = overlay.rows[need.at], self._models[need.at], None
        while True:
            self._turn.take()
            page = await stored.matching(model, need.columns, after=after, limit=PAGE)
            for after, row in page.items():  # the last key is where the next page begins
                rows.setdefault(after, row)
            if len(page) < PAGE:
                return
