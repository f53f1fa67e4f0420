"""Check: is a read model still the fold of its log? Every row is compared with an independent fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from diptych.codec import EventCodec
from diptych.errors import RebuildingError, UnknownRowError
from diptych.history.folder import fold_log
from diptych.model.fields import fields_of
from diptych.model.projections import Key, Projection, ReadModel
from diptych.ports import EventReader, RowStore

ROW = ""
"""The field of a difference that is about the row as a whole: missing, or too many."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Name one field of one row that is not what the log says; `field` is "" when the row is missing or too many."""

    model: str
    key: Key
    field: str
    stored: Any
    expected: Any

    def __str__(self) -> str:
        place = f"{self.model} {self.key}" + (f" {self.field}" if self.field else "")
        return f"{place}: stored {self.stored!r}, expected {self.expected!r}"


@dataclass(frozen=True, slots=True)
class Report:
    """Say how many rows of a projection were compared, at which position, and what differs."""

    projection: str
    position: int
    rows: int
    differences: tuple[Difference, ...]

    @property
    def is_right(self) -> bool:
        """Say whether nothing differs."""
        return not self.differences


async def check(
    projection: Projection,
    log: EventReader,
    rows: RowStore,
    codec: EventCodec,
    *,
    told: Callable[[int], None] = lambda _: None,
) -> Report:
    """Compare every row of a projection with the fold of the log up to the projection's checkpoint.

    Rows and checkpoint are read on one snapshot: a running projection may go on. Raises RebuildingError while the
    projection is being rebuilt, UnknownRowError where it has not begun, UnreadableEventError for an event that current
    code cannot read.
    """
    async with rows.reader() as reader:
        if projection.name not in await reader.checkpoints():
            raise _not_begun(projection.name)
        stored = await reader.snapshot(projection)
    checkpoint = stored.checkpoint
    if checkpoint.target is not None:
        raise RebuildingError(projection.name, checkpoint.position, checkpoint.target)
    expected = await fold_log(projection, log, codec, until=checkpoint.position, told=told)
    found = [
        difference
        for model in projection.models
        for difference in _differences(model, stored.rows[model.name], expected[model.name])
    ]
    count = sum(len(expected[model.name].keys() | stored.rows[model.name].keys()) for model in projection.models)
    return Report(projection.name, checkpoint.position, count, tuple(found))


def _not_begun(name: str) -> UnknownRowError:
    fix = "serve the application, or ask a query that reads them"
    return UnknownRowError(f"projection {name!r} has not begun, and has no rows to check; {fix}")


def _differences(model: ReadModel[Any], stored: Mapping[Key, Any], expected: Mapping[Key, Any]) -> Iterator[Difference]:
    names = [field.name for field in fields_of(model.row)]
    for key in stored.keys() | expected.keys():
        if key not in stored or key not in expected:
            yield Difference(model.name, key, ROW, stored.get(key), expected.get(key))
            continue
        left, right = stored[key], expected[key]
        for name in names:
            found, wanted = getattr(left, name), getattr(right, name)
            if found != wanted:
                yield Difference(model.name, key, name, found, wanted)
