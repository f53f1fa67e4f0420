"""Foreseen rows: what events that are not in the log would make of the rows of a read model, by the runtime's folds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from diptych.errors import CorruptionError, StaleError, StoreError
from diptych.model.projections import Key, Projection, ReadModel
from diptych.model.rows import columns_of
from diptych.ports import Changes, RowReader, RowStore
from diptych.read.folding import Folding
from diptych.read.plan import Learned


@dataclass(frozen=True, slots=True)
class RowDiff:
    """Tell what becomes of one row: `before` is None for a new row, `after` for a deleted one.

    `fields` are the columns that differ, computed ones too; of a row that comes or goes, all of them.
    """

    model: str
    key: Key
    before: Any
    after: Any
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoldStop:
    """Tell that a projection would stop at an event which its fold cannot take."""

    projection: str
    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Hold what events would make of rows: every row that would change, and every projection that would stop."""

    changes: tuple[RowDiff, ...] = ()
    stops: tuple[FoldStop, ...] = ()


class ForeseenRows:
    """Be to a fold what a RowWriter is: stored rows below those that it changed before. Nothing is written.

    What was read first is kept, as the rows before.
    """

    def __init__(self, store: RowStore, reader: RowReader) -> None:
        self._store, self._reader = store, reader
        self._before: dict[str, dict[Key, Any]] = {}
        self._after: dict[str, dict[Key, Any]] = {}
        self._models: dict[str, ReadModel[Any]] = {}

    async def load(self, model: ReadModel[Any], keys: Sequence[Key]) -> Mapping[Key, Any]:
        """Return the rows that exist among these keys."""
        before, after = self._before.setdefault(model.name, {}), self._after.get(model.name, {})
        unread = [key for key in keys if key not in before]
        found = await self._reader.get(model, unread) if unread else {}
        before.update((key, found.get(key)) for key in unread)
        rows = {key: after.get(key) if key in after else before[key] for key in keys}
        return {key: row for key, row in rows.items() if row is not None}

    async def matching(
        self, model: ReadModel[Any], columns: Mapping[str, Any], *, after: Key | None, limit: int
    ) -> Mapping[Key, Any]:
        """Return all rows whose columns have these values, however many, and those changed before: all on one page."""
        del limit
        if after is not None:
            return {}
        table = self._store.table(model)
        same = [table.c[name] == value for name, value in columns.items()]
        found = (await self._reader.select((sa.select(*(table.c[name] for name in model.key)).where(*same),)))[0]
        keys = dict.fromkeys((*(tuple(each) for each in found), *self._after.get(model.name, {})))
        rows = await self.load(model, tuple(keys))
        return {
            key: row for key, row in rows.items() if all(getattr(row, name) == value for name, value in columns.items())
        }

    def take(self, changes: Iterable[Changes]) -> None:
        """Let the next events find what these changes make."""
        for each in changes:
            self._models[each.model.name] = each.model
            self._after.setdefault(each.model.name, {}).update(each.rows)

    def changed(self) -> Iterator[RowDiff]:
        """Yield every row that is not what it was."""
        for name, rows in self._after.items():
            before = self._before.get(name, {})
            for key, row in rows.items():
                fields = _differing(self._models[name].row, before.get(key), row)
                if fields:
                    yield RowDiff(name, key, before.get(key), row, fields)


async def foresee(
    projections: Sequence[Projection], events: Sequence[Learned], store: RowStore, *, wait: float
) -> Foreseen:
    """Return what these events would make of the rows as they stand.

    All rows are read between two changes, at most `wait` seconds long; StaleError when they never stood still.
    """
    if not projections:
        return Foreseen()
    # In a thread of its own, with its own reader: an event may fan out to any number of rows.
    return await asyncio.to_thread(lambda: asyncio.run(_foreseen(projections, events, store, wait)))


async def _foreseen(
    projections: Sequence[Projection], events: Sequence[Learned], store: RowStore, wait: float
) -> Foreseen:
    models = [model.name for projection in projections for model in projection.models]
    end = time.monotonic() + wait
    async with store.reader() as reader:
        while True:
            began = await reader.changed(models)
            found = [await _folded(projection, events, ForeseenRows(store, reader)) for projection in projections]
            if await reader.changed(models) == began:
                break
            if time.monotonic() >= end:
                position = events[0].stored.position
                raise StaleError(position, position - 1)
    changes = tuple(row for rows, _ in found for row in rows.changed())
    return Foreseen(changes, tuple(stop for _, stop in found if stop is not None))


async def _folded(
    projection: Projection, events: Sequence[Learned], rows: ForeseenRows
) -> tuple[ForeseenRows, FoldStop | None]:
    """Fold one event after the other, as the runtime does where one of them is poison, and stop where it would."""
    folding = Folding(projection)
    for learned in events:
        if learned.stored.name in projection.types:
            try:
                rows.take(await folding.fold((learned,), rows))
            except Exception as wrong:
                if isinstance(wrong, StoreError) and not isinstance(wrong, CorruptionError):
                    raise
                return rows, FoldStop(projection.name, learned.stored.position, f"{type(wrong).__name__}: {wrong}")
    return rows, None


def _differing(row_type: type, before: Any, after: Any) -> tuple[str, ...]:
    names = tuple(column.name for column in columns_of(row_type))
    if before is None or after is None:
        return () if before is after else names
    return tuple(name for name in names if getattr(before, name) != getattr(after, name))
