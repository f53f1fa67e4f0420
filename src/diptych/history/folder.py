"""The independent folder: read models as plain dictionaries, one event after the other.

It shares no code with the projection runtime, so that each can be checked by the other.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from diptych.codec import EventCodec
from diptych.errors import FoldError
from diptych.model.criteria import Criteria
from diptych.model.meta import Meta
from diptych.model.projections import Key, Projection, ReadModel, RowFold
from diptych.model.rowfolds import KEY, META, RollupFold, RowChange
from diptych.model.rowkeys import sortable
from diptych.model.rows import as_stored
from diptych.ports import EventReader, Metadata, StoredEvent

Tables = dict[str, dict[Key, Any]]


class SequentialFolder:
    """Fold events into `tables`: read model name -> key -> row. Slow, simple, and in the order of the log."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self.tables: Tables = {model.name: {} for model in projection.models}
        self._changes: dict[str, list[RowChange[Any]]] = {}
        self._appended: tuple[int, dict[str, int]] = (0, {})

    def fold(self, event: Any, meta: Meta) -> None:
        """Fold one event into every read model that takes it; raise FoldError where a row must exist and does not."""
        if self._appended[0] != meta.position:  # events that an upcaster makes of one share its position
            self._appended = (meta.position, {})
        self._changes = {model.name: [] for model in self._projection.models}
        for model in self._projection.models:
            for fold in model.folds.get(type(event), ()):
                if model.append_only:
                    self._append(model, fold, event, meta)
                else:
                    for key in self._keys(model, fold, event):
                        self._change(model, fold, key, (event, *self._extras(fold, key, event, meta)), meta.position)
            for rollup in model.rollups:
                for change in list(self._changes[rollup.source.name]):
                    for key, told in rollup.changes(change):
                        given = (told, *self._extras(rollup, key, told, meta))
                        self._change(model, rollup, key, given, meta.position)

    def _keys(self, model: ReadModel[Any], fold: RowFold, event: Any) -> list[Key]:
        if not fold.where:
            return list(fold.keys(event))
        wanted = {column: getattr(event, name) for column, name in fold.where}
        if None in wanted.values():
            return []
        rows = self.tables[model.name].items()
        found = [key for key, row in rows if all(getattr(row, name) == value for name, value in wanted.items())]
        return sorted(found, key=sortable)

    def _extras(self, fold: RowFold | RollupFold, key: Key, event: Any, meta: Meta) -> list[Any]:
        known = {META: meta, KEY: key[0] if len(key) == 1 else key}
        return [known[extra] if extra in known else self._referred(fold, extra, event, meta) for extra in fold.extras]

    def _referred(self, fold: Any, index: int, event: Any, meta: Meta) -> Any:
        referred = fold.references[index]
        key = referred.key_of(event)
        row = self.tables[referred.model.name].get(key) if key is not None else None
        if row is None and referred.must_exist:
            raise self._missing(referred.model, key or (), meta.position)
        return row

    def _append(self, model: ReadModel[Any], fold: RowFold, event: Any, meta: Meta) -> None:
        made = fold.function(event, *self._extras(fold, (), event, meta))
        table, counts = self.tables[model.name], self._appended[1]
        for row in [] if made is None else [made] if isinstance(made, model.row) else list(made):
            index = counts.get(model.name, 0)
            counts[model.name] = index + 1
            self._put(model, (meta.position, index), table, row, meta.position)

    def _change(
        self, model: ReadModel[Any], fold: RowFold | RollupFold, key: Key, given: tuple[Any, ...], position: int
    ) -> None:
        table = self.tables[model.name]
        if fold.must_exist and key not in table:
            raise self._missing(model, key, position)
        row = fold.function(table.get(key), *given)
        if row is None and not fold.deletes:
            raise self._unmade(fold, key, position)
        if row is not table.get(key):
            self._put(model, key, table, row, position)

    def _put(self, model: ReadModel[Any], key: Key, table: dict[Key, Any], made: Any, position: int) -> None:
        stored = as_stored(model.row)
        before, row = table.pop(key, None), made if made is None or stored is None else stored(made, None)
        if row is not None:
            table[key] = row
        self._changes[model.name].append(RowChange(key, before, row, position))

    def _missing(self, model: ReadModel[Any], key: Key, position: int) -> FoldError:
        shown = key[0] if len(key) == 1 else key
        return FoldError(self._projection.name, position, f"{model.name!r} has no row {shown}")

    def _unmade(self, fold: RowFold | RollupFold, key: Key, position: int) -> FoldError:
        name, shown = fold.function.__qualname__, key[0] if len(key) == 1 else key
        said = f"{name} returned None for the row {shown}; return a row, or write -> ... | None where None deletes it"
        return FoldError(self._projection.name, position, said)


async def fold_log(
    projection: Projection,
    log: EventReader,
    codec: EventCodec,
    *,
    until: int,
    told: Callable[[int], None] = lambda _: None,
) -> Tables:
    """Return the rows that the events up to `until` make; `told` is called with every position reached."""
    folder, after, complete = SequentialFolder(projection), 0, not projection.types
    while not complete:
        page = await log.read(Criteria.typed(*codec.stored_names(projection.types)), after=after, until=until)
        for stored in page.events:
            for index, event in enumerate(codec.read(stored.name, stored.version, stored.data)):
                folder.fold(event, _meta(stored, index))
        after, complete = page.through, page.complete
        told(after)
    return folder.tables


def _meta(stored: StoredEvent, index: int) -> Meta:
    known = msgspec.json.decode(stored.metadata or b"{}", type=Metadata)
    recorded_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stored.recorded_at)
    return Meta(stored.position, recorded_at, known.actor, known.command, known.correlation, index)
