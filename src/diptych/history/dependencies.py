"""Dependencies: what the past of one row depends on, as far as it is known, and the criteria of its events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from uuid import UUID

from diptych.model.criteria import Clause, Criteria
from diptych.model.fields import fields_of
from diptych.model.lineage import UNCHANGED, Lineage
from diptych.model.marks import Tag
from diptych.model.memo import memo
from diptych.model.messages import event_type
from diptych.model.projections import Key, ReadModel
from diptych.model.rowfolds import RowFold
from diptych.model.tags import tag_text

Wants = tuple[tuple[str, ...], str]
"""Events of a stored name that carry all of these tags; without tags, every one of that name."""
_WRITTEN_ALIKE = (str, int, UUID)
"""Equal values of these types make equal tags; those of others, Decimals or times, may not."""


class Dependencies:
    """Hold what is wanted for one row: rows, whole read models, and values by which fan-outs reach the rows."""

    def __init__(self, model: ReadModel[Any], key: Key, lineage: Lineage = UNCHANGED) -> None:
        self.model, self.key, self._lineage = model, key, lineage
        self._keys: dict[str, dict[Key, None]] = {}
        self._models: dict[str, ReadModel[Any]] = {}
        self._whole: set[str] = set()
        self._columns: dict[str, list[str]] = {}
        self._values: set[tuple[str, str, Any]] = set()
        self.add(model, key)

    @property
    def scans(self) -> bool:
        """Say whether whole types of events are wanted."""
        return any(not tags for tags, _ in self.wants())

    def add(self, model: ReadModel[Any], key: Key) -> bool:
        """Want a row; say whether it was not wanted before."""
        if self.has(model, key):
            return False
        self._models[model.name] = model
        self._keys.setdefault(model.name, {})[key] = None
        self._columns[model.name] = [by[0] for fold in _folds(model) if (by := _tagged_pair(fold)) is not None]
        self._add_sources(model)
        return True

    def has(self, model: ReadModel[Any], key: Key) -> bool:
        """Say whether a row is wanted."""
        return model.name in self._whole or key in self._keys.get(model.name, ())

    def has_position(self, model: ReadModel[Any], position: int) -> bool:
        """Say whether an append-only row of the event at a position is wanted."""
        return model.name in self._whole or any(key[0] == position for key in self._keys.get(model.name, ()))

    def saw(self, model: ReadModel[Any], key: Key, row: Any) -> None:
        """Take note of a row as it once was: fan-outs reach it by its values."""
        if key not in self._keys.get(model.name, ()):
            return
        for column in self._columns[model.name]:
            if (value := getattr(row, column)) is not None:
                self._values.add((model.name, column, value))

    def wants(self) -> frozenset[Wants]:
        """Return which events are wanted."""
        found = {each for name, model in self._models.items() for each in self._wants_of(name, model)}
        scanned = {name for tags, name in found if not tags}
        return frozenset((tags, name) for tags, name in found if not tags or name not in scanned)

    def criteria(self, *, beside: Iterable[Wants] = ()) -> Criteria:
        """Return the criteria of the wanted events, leaving out those of `beside`."""
        types: dict[tuple[str, ...], list[str]] = {}
        for tags, name in sorted(self.wants() - frozenset(beside)):
            types.setdefault(tags, []).append(name)
        return Criteria(tuple(Clause(tuple(names), tags) for tags, names in types.items()))

    def _add_sources(self, model: ReadModel[Any]) -> None:
        for rollup in model.rollups:
            self._add_whole(rollup.source)

    def _add_whole(self, model: ReadModel[Any]) -> None:
        if model.name in self._whole:
            return
        self._models[model.name] = model
        self._whole.add(model.name)
        self._add_sources(model)
        for fold in _folds(model):
            for referred in fold.references:
                self._add_whole(referred.model)

    def _wants_of(self, name: str, model: ReadModel[Any]) -> Iterator[Wants]:
        for fold in _folds(model):
            if name in self._whole or model.append_only:
                yield from self._stored(fold.event, ())
            elif fold.where:
                yield from self._reached(name, fold)
            else:
                for key in self._keys[name]:
                    yield from self._stored(fold.event, zip(fold.key_fields, key, strict=False))

    def _reached(self, name: str, fold: RowFold) -> Iterator[Wants]:
        by = _tagged_pair(fold)
        if by is None:
            yield from self._stored(fold.event, ())
            return
        for model, column, value in self._values:
            if (model, column) == (name, by[0]):
                yield from self._stored(fold.event, [(by[1], value)])

    def _stored(self, event: type, values: Iterable[tuple[str, Any]]) -> Iterator[Wants]:
        """Yield what is stored of an event with these values, by the tags that it is sure to have been stored with."""
        tags = _tags(event, values)
        for name in self._lineage.stored_names((event_type(event).name,)):
            carried = {text for key, text in tags if self._lineage.carries(event, name, key)}
            yield tuple(sorted(carried)), name


def _folds(model: ReadModel[Any]) -> Iterator[RowFold]:
    for folds in model.folds.values():
        yield from folds


def _tagged_pair(fold: RowFold) -> tuple[str, str] | None:
    """Return the first column of a fan-out whose field is tagged, with that field."""
    tagged = _tagged_fields(fold.event)
    return next(((column, field) for column, field in fold.where if field in tagged), None)


def _tags(event: type, values: Iterable[tuple[str, Any]]) -> tuple[tuple[str, str], ...]:
    """Return the tags that every event with these field values carries, each with its key."""
    tagged = _tagged_fields(event)
    known = ((tagged[name], value) for name, value in values if name in tagged)
    return tuple((tag.key, tag_text(tag, value)) for (tag, tp), value in known if type(value) is tp)


@memo
def _tagged_fields(event: type) -> Mapping[str, tuple[Tag, type]]:
    found = ((field, field.mark(Tag)) for field in fields_of(event) if field.type in _WRITTEN_ALIKE)
    return {field.name: (tag, field.type) for field, tag in found if tag is not None}
