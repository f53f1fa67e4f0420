"""Fingerprint: what a projection's rows depend on, in a form that no new Python version changes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any

from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.messages import event_type
from diptych.model.projections import Projection, ReadModel, RowFold
from diptych.model.rows import Column, computations_of
from diptych.syntax import code_of, type_text


def fingerprint_of(projection: Projection, lineage: Lineage = UNCHANGED) -> str:
    """Return the fingerprint of a projection: its read models, their columns, the code of their folds and upcasters.

    Renamed folds, comments, docstrings, decorators and annotations leave it as it is. Functions that a fold calls are
    not part of it: raise the version when one of them changes.
    """
    parts = [part for model in projection.models for part in _model(model)]
    parts += [f"upcast {each.source} {code_of(each.function)}" for each in lineage.feeding(projection.events)]
    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _model(model: ReadModel[Any]) -> Iterator[str]:
    yield f"model {model.name} {model.key} {model.append_only} {sorted(model.indexes)}"
    if model.history:
        yield "history"
    yield from (f"index {text}" for text in sorted(map(str, model.declared)))
    for column in model.columns:
        yield _column(model, column)
    for event, folds in model.folds.items():
        for fold in folds:
            key_code = _code_behind(fold.keys, fold.key_fields)
            yield f"on {event_type(event).name} {fold.key_fields} {fold.must_exist} {key_code}"
            yield from _beside(fold)
            yield code_of(fold.function)
    for rollup in model.rollups:
        key_code = _key_of(rollup.key_of, rollup.key_fields)
        yield f"rollup {rollup.source.name} {rollup.key_fields} {rollup.must_exist} {key_code}"
        yield code_of(rollup.function)


def _beside(fold: RowFold) -> Iterator[str]:
    """Yield what only some folds have; the text of the others is what it was before there were such folds."""
    if fold.where:
        yield f"where {fold.where}"
    for each in fold.references:
        code = _key_of(each.key_of, each.key_fields)
        yield f"reference {each.parameter} {each.model.name} {each.key_fields} {each.must_exist} {code}"


def _column(model: ReadModel[Any], column: Column) -> str:
    computed = code_of(computations_of(model.row)[column.name]) if column.computed else ""
    searched = " searched" if column.weight is not None else ""  # its weight is set at every start
    return (
        f"column {column.name} {type_text(column.type)} {column.optional} {column.scale} {column.indexed} "
        f"{column.unique} {computed}{searched}"
    )


def _code_behind(key_of: Callable[..., Any], fields: tuple[str, ...]) -> str:
    """Return the code of the function given as a key, which ours has closed over; none where fields are named."""
    if fields:
        return ""
    cells = getattr(key_of, "__closure__", None) or ()
    return "".join(code_of(cell.cell_contents) for cell in cells if hasattr(cell.cell_contents, "__code__"))


def _key_of(key_of: Callable[..., Any], fields: tuple[str, ...]) -> str:
    """Return the code behind a key, or the names in an `attrgetter`, which has none and which `_code_behind` misses."""
    cells = () if fields else getattr(key_of, "__closure__", None) or ()
    getters = [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, (attrgetter, itemgetter))]
    return _code_behind(key_of, fields) + "".join(map(repr, getters))
