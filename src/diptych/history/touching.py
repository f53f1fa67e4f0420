"""Touching: which rows an event of the past changed, and how.

Which rows may have changed is asked of the folds, of the change feed and of rows as they were; that they did, and in
which fields, of the past of each row.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from diptych.errors import CostError, FoldError, RebuildingError, StaleError, UnknownRowError, UnreadableEventError
from diptych.history.blame import Diff
from diptych.history.history import History
from diptych.history.traced import ChangedRow, ChangedRows
from diptych.model.projections import Key, Projection, ReadModel, RowFold
from diptych.model.rowfolds import RowChange
from diptych.ports import Checkpoint, Fed, RowStore
from diptych.read.panel import ReadPanel
from diptych.read.past import is_kept

ROWS = 50
"""So many rows of one read model are told for one event."""
LIMIT = 10_000
"""So many events may be read to know what one event did to one row."""
_PARTS = 100


class Touching:
    """Tell the rows that events changed."""

    def __init__(self, history: History, rows: RowStore, reads: ReadPanel, projections: Iterable[Projection]) -> None:
        self._history, self._rows, self._reads = history, rows, reads
        self._projections = tuple(projections)

    async def changes(self, events: Sequence[Any], position: int) -> tuple[ChangedRows, ...]:
        """Return the rows that these events, which are stored at a position, changed, by read model."""
        stored = await self._reads.checkpoints()
        found: list[ChangedRows] = []
        for projection in self._projections:
            if any(type(event) in projection.events for event in events):
                found += await self._of_projection(projection, events, position, stored)
        return tuple(found)

    async def _of_projection(
        self, projection: Projection, events: Sequence[Any], position: int, stored: Mapping[str, Checkpoint]
    ) -> list[ChangedRows]:
        checkpoint = stored.get(projection.name)
        if checkpoint is None or checkpoint.position < position or checkpoint.target is not None:
            return [ChangedRows(each.name, (), folded=False) for each in projection.models if _takes(each, events)]
        found: list[ChangedRows] = []
        changed: dict[str, list[RowChange[Any]]] = {}
        for model in projection.models:
            told = _Told()
            async for key in self._candidates(model, events, position, changed, told):
                await self._confirm(model, key, position, told)
            changed[model.name] = told.changes
            if told.rows or not told.whole:
                found.append(ChangedRows(model.name, tuple(told.rows), whole=told.whole))
        return found

    async def _confirm(self, model: ReadModel[Any], key: Key, position: int, told: _Told) -> None:
        if key in told.seen:
            return
        told.seen.add(key)
        if len(told.rows) == ROWS:
            told.whole = False
            return
        try:
            told.take(await self._history.diff(model.name, key, position - 1, position, limit=LIMIT))
        except UnknownRowError:
            return
        except (CostError, FoldError, RebuildingError, StaleError, UnreadableEventError):
            told.rows.append(ChangedRow(key, None))

    async def _candidates(
        self,
        model: ReadModel[Any],
        events: Sequence[Any],
        position: int,
        changed: Mapping[str, Sequence[RowChange[Any]]],
        told: _Told,
    ) -> AsyncIterator[Key]:
        if model.append_only:
            for key in await self._reads.reader.get(model, [(position, at) for at in range(_PARTS)]):
                yield key
            return
        for event, fold in ((each, fold) for each in events for fold in model.folds.get(type(each), ())):
            for key in await self._fanned(model, fold, event, position, told) if fold.where else fold.keys(event):
                yield key
        for rollup in model.rollups:
            for change in changed.get(rollup.source.name, ()):
                for key, _ in rollup.changes(change):
                    yield key

    async def _fanned(
        self, model: ReadModel[Any], fold: RowFold, event: Any, position: int, told: _Told
    ) -> Sequence[Key]:
        """Return the rows that a fan-out met: as they were then, or those that the feed says were last changed then."""
        if is_kept(model):
            table = self._rows.table(model)
            same = [table.c[column] == getattr(event, name) for column, name in fold.where]
            keys = sa.select(*(table.c[name] for name in model.key)).where(*same).limit(ROWS + 1)
            found = (await self._reads.reader.select((keys,), as_of=position - 1))[0]
            return [tuple(each) for each in found]
        reader = self._reads.reader
        fed = await reader.fed(model, position, limit=ROWS + 1) if isinstance(reader, Fed) else ()
        told.whole = False  # rows that were changed again since are not in the feed any more
        return fed


class _Told:
    """What is known so far of one read model and one event."""

    def __init__(self) -> None:
        self.rows: list[ChangedRow] = []
        self.changes: list[RowChange[Any]] = []
        self.seen: set[Key] = set()
        self.whole = True

    def take(self, diff: Diff) -> None:
        """Take a row, if the event did change it; one that was written as it was before is not told."""
        if diff.fields:
            gone, new = diff.after is None, diff.before is None
            self.rows.append(ChangedRow(diff.key, diff.fields, deleted=gone, added=new))
            self.changes.append(RowChange(diff.key, diff.before, diff.after, diff.end))


def _takes(model: ReadModel[Any], events: Sequence[Any]) -> bool:
    return bool(model.rollups) or any(type(event) in model.folds for event in events)
