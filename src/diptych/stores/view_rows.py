"""Rows of views: what a select returned as stored rows, and what is stored of the refresh that ran it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from diptych.model.projections import ReadModel
from diptych.model.pydantic import maker_of
from diptych.model.views import MaterialisedView
from diptych.ports import Below, Checkpoint, Materialised
from diptych.stores.tables import Encode


def below_of(
    models: Sequence[ReadModel[Any]], checkpoints: Mapping[str, Checkpoint], changes: Mapping[str, int]
) -> Below:
    """Return what checkpoints and changes say of the read models of a view."""
    names = dict.fromkeys(model.projection for model in models)
    found = {name: checkpoints[name] for name in names if name in checkpoints}
    return Below(found, sum(changes.get(model.name, 0) for model in models))


def encoded(view: MaterialisedView[Any], statement: Any, found: Iterable[Any], encode: Encode) -> list[tuple[Any, ...]]:
    """Return what a select found as stored rows, computed columns included; raise ValueError for two with one key."""
    names = tuple(column.name for column in statement.selected_columns)
    make, key_of = maker_of(view.model.row), view.model.key_of
    rows: dict[Any, tuple[Any, ...]] = {}
    for values in found:
        row = make(**dict(zip(names, values, strict=True)))
        key = key_of(row)
        if key in rows:
            raise twice(view, str(key))
        rows[key] = encode(key, row)
    return list(rows.values())


def twice(view: MaterialisedView[Any], key: str) -> ValueError:
    """Return the error of a select that returned a key twice."""
    return ValueError(f"the select returned two rows with key {key}: group by {', '.join(view.model.key)}")


def goes_back(old: Materialised | None, new: Materialised) -> bool:
    """Say whether rows of an older snapshot would replace those of a newer one of the same code."""
    return old is not None and old.is_of(new) and old.seen > new.seen


def succeeding(old: Materialised | None, new: Materialised, rows: int, seconds: float) -> Materialised:
    """Return what follows upon the stored one: what a snapshot held, a later one holds as well."""
    position = max(old.position, new.position) if old is not None and old.is_of(new) else new.position
    generation = 1 if old is None else old.generation + 1
    return msgspec.structs.replace(new, position=position, generation=generation, rows=rows, seconds=seconds)
