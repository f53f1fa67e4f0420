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
from diptych.model.rows import in_utc as rows_in_utc
from diptych.ports import EventReader, Metadata, StoredEvent

Tables = dict[str, dict[Key, Any]]


class SequentialFolder:
    """Fold events into `tables`: read model name -> key -> row. Slow, simple, and in the order of the log."""

    def __init__(self, projection: Projection) -> None:
        self._projection = projection
        self.tables: Tables = {model.name: {} for model in projection.models}
        self._indexes: dict[tuple[str, int], int] = {}

    def fold(self, event: Any, meta: Meta) -> None:
        """Fold one event into every read model that takes it; raise FoldError where a row must exist and does not."""
        for model in self._projection.models:
            for fold in model.folds.get(type(event), ()):
                given = (event, meta) if fold.wants_meta else (event,)
                if model.append_only:
                    self._append(model, fold.function(*given), meta.position)
                else:
                    self._change(model, fold, given, meta.position)

    def _append(self, model: ReadModel[Any], made: Any, position: int) -> None:
        rows = [] if made is None else [made] if isinstance(made, model.row) else list(made)
        for row in rows:
            at = (model.name, position)
            index = self._indexes[at] = self._indexes.get(at, -1) + 1
            self.tables[model.name][position, index] = row

    def _change(self, model: ReadModel[Any], fold: RowFold, given: tuple[Any, ...], position: int) -> None:
        table, in_utc = self.tables[model.name], rows_in_utc(model.row)
        for key in fold.keys(given[0]):
            if fold.must_exist and key not in table:
                shown = key[0] if len(key) == 1 else key
                raise FoldError(self._projection.name, position, f"{model.name!r} has no row {shown}")
            row = fold.function(table.get(key), *given)
            if row is None:
                table.pop(key, None)
            else:
                table[key] = row if in_utc is None else in_utc(row)


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
        page = await log.read(Criteria.typed(*projection.types), after=after, until=until)
        for stored in page.events:
            folder.fold(codec.read(stored.name, stored.version, stored.data), _meta(stored))
        after, complete = page.through, page.complete
        told(after)
    return folder.tables


def _meta(stored: StoredEvent) -> Meta:
    known = msgspec.json.decode(stored.metadata or b"{}", type=Metadata)
    recorded_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=stored.recorded_at)
    return Meta(stored.position, recorded_at, known.actor, known.command, known.correlation)
