"""The commonest appends: one event, one guard that names a tag, a record. They go without an array for each column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diptych.model.criteria import Guard
from diptych.ports import Append, NewEvent, Record
from diptych.stores.postgres.batch import text_of
from diptych.stores.postgres.hashes import id_of, ids_of, tag_ids

_TAGS = 2


def simple_arguments(append: Append) -> tuple[Any, ...] | None:
    """Return the arguments of `append_simple`; None for an append that it does not take."""
    record, events, condition = append.record, append.events, append.condition
    if record is None or len(events) != 1 or len(condition) != 1:
        return None
    event, guard = events[0], condition[0]
    tags = tuple(tag_ids(event.tags))
    if not guard.clause.tags or len(tags) > _TAGS:
        return None
    nothing = (None,) * (_TAGS - len(tags))
    return (append.now, append.metadata, *_recorded(record), *_guarded(guard), *_written(event), *tags, *nothing)


def simple_rows(appends: Sequence[Append]) -> list[tuple[Any, ...]] | None:
    """Return the rows for `append_simples`; None if it does not take one of the appends."""
    rows, latest = [], 0
    for append in appends:
        row = simple_arguments(append)
        if row is None:
            return None
        latest = max(latest, append.now)
        rows.append((latest, *row[1:]))
    return rows


def _recorded(record: Record) -> tuple[Any, ...]:
    return record.id, record.name, record.fingerprint, record.answer, record.actor


def _guarded(guard: Guard) -> tuple[Any, ...]:
    clause = guard.clause
    return guard.after, id_of(clause.tags[0]), text_of(clause.tags), ids_of(clause.types)


def _written(event: NewEvent) -> tuple[Any, ...]:
    return id_of(event.name), event.version, text_of(event.tags), event.data, event.hash
