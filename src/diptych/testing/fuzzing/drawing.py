"""Drawing: messages of a type, made up field by field; they name what earlier commands and events named."""

from __future__ import annotations

from collections import abc
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from hypothesis import reject

from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, is_record, place_of, split_annotated, split_marks, split_optional
from diptych.model.marks import Tag
from diptych.model.pydantic import maker_of
from diptych.model.shape import is_uniform
from diptych.testing.fuzzing.draw import Draw, Strategy
from diptych.testing.fuzzing.scalars import Marks, around, identity, limit, scalar
from diptych.testing.fuzzing.seen import Seen, fitting, kind_of

Make = Callable[[Draw, Seen], Any]
Chosen = Mapping[Any, Strategy]
_ITEMS, _TRIALS = 3, 5
_COLLECTIONS: Mapping[Any, Callable[[list[Any]], Any]] = {
    list: list,
    set: set,
    frozenset: frozenset,
    abc.Set: frozenset,
}


class Drawing:
    """Make messages up from the types of their fields; what was chosen for a type or for a field goes before."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self._records: dict[type, Mapping[str, Make]] = {}

    def messages(self, cls: type) -> Make:
        """Return how a message of a class is made in the light of what a run has seen.

        Raises WiringError for a field of a type that nothing is known about.
        """
        self._fields(cls)
        return self._maker(cls, cls.__qualname__, cls)

    def _maker(self, hint: Any, path: str, owner: type) -> Make:
        chosen = self._chosen_for(hint)
        if chosen is not None:
            return _drawn(chosen)
        bare, marks = split_marks(hint)
        bare, optional = split_optional(bare)
        tp, more = split_marks(bare)
        chosen = next(
            (each for key in (split_annotated(hint)[0], bare, tp) if (each := self._chosen_for(key)) is not None), None
        )
        fresh = _drawn(chosen) if chosen is not None else self._fresh(tp, marks + more, path, owner)
        tag = next((mark.key for mark in marks + more if isinstance(mark, Tag)), None)
        make = _recalling(fresh, tp, hint, tag) if chosen is None else fresh
        return _or_none(make) if optional else make

    def _fresh(self, tp: Any, marks: Marks, path: str, owner: type) -> Make:
        plain = scalar(tp, marks)
        if plain is not None:
            return lambda draw, _: plain(draw)
        if is_record(tp):
            return self._record(tp)
        inner = [self._maker(arg, path, owner) for arg in get_args(tp) if arg is not Ellipsis]
        found = _composed(tp, marks, inner)
        if found is None:
            raise WiringError(
                f"nothing is known of {tp!r}, the type of {path}, to make values up",
                where=place_of(owner),
                fix=f"fuzz(..., strategies={{{getattr(tp, '__name__', tp)}: your strategy}})",
            )
        return found

    def _record(self, cls: Any) -> Make:
        maker = maker_of(cls)

        def make(draw: Draw, seen: Seen) -> Any:
            for _ in range(_TRIALS):
                values = {name: made(draw, seen) for name, made in self._fields(cls).items()}
                try:
                    return maker(**values)
                except ValueError:  # the class itself has a say in what fits
                    continue
            return reject()

        return make

    def _fields(self, cls: type) -> Mapping[str, Make]:
        """Return how each field is made; compiled when first asked for, since records may hold their like."""
        if cls not in self._records:
            self._records[cls] = {}
            self._records[cls] = {field.name: self._field(cls, field) for field in fields_of(cls)}
            for field in fields_of(cls):
                self._compile_within(field.type)
        return self._records[cls]

    def _compile_within(self, tp: Any) -> None:
        for each in (tp, *(split_marks(arg)[0] for arg in get_args(tp))):
            if is_record(each) and self._chosen_for(each) is None:
                self._fields(each)

    def _field(self, cls: type, field: Field) -> Make:
        chosen = self._chosen_for((cls, field.name))
        return self._maker(field.hint, f"{cls.__qualname__}.{field.name}", cls) if chosen is None else _drawn(chosen)

    def _chosen_for(self, key: Any) -> Strategy | None:
        try:
            return self._chosen.get(key)
        except TypeError:  # a hint with a mark that has no hash
            return None


def _drawn(strategy: Strategy) -> Make:
    return lambda draw, _: draw.of(strategy)


def _or_none(make: Make) -> Make:
    return lambda draw, seen: make(draw, seen) if draw.coin() else None


def _recalling(fresh: Make, tp: Any, hint: Any, tag: str | None) -> Make:
    kind = kind_of(tp, tag)
    if kind is None:
        return fresh
    fits = fitting(hint)
    few = tuple(value for value in identity(tp, tag) if fits(value)) if tag is not None else ()

    def make(draw: Draw, seen: Seen) -> Any:
        values = seen.of(kind)
        if values and draw.coin():
            value = draw.one(around(draw.early(values)))
            if value not in few and fits(value):
                return value
        return draw.one(few) if few else fresh(draw, seen)

    return make


def _composed(tp: Any, marks: Marks, inner: list[Make]) -> Make | None:
    origin = get_origin(tp)
    if is_uniform(tp):
        return _items(_COLLECTIONS.get(origin, tuple), inner[0], marks)
    if origin is tuple:
        return lambda draw, seen: tuple(make(draw, seen) for make in inner)
    if origin in (Union, UnionType):
        return lambda draw, seen: draw.one(inner)(draw, seen)
    if isinstance(origin, type) and issubclass(origin, abc.Mapping):
        pair: Make = lambda draw, seen: (inner[0](draw, seen), inner[1](draw, seen))  # noqa: E731 (it is an item)
        return _items(dict, pair, marks)
    return None


def _items(collect: Callable[[list[Any]], Any], make: Make, marks: Marks) -> Make:
    least = limit(marks, "min_length") or 0
    most = limit(marks, "max_length")
    most = least + _ITEMS if most is None else min(most, least + _ITEMS)

    def items(draw: Draw, seen: Seen) -> Any:
        found: list[Any] = []
        while len(found) < most and (len(found) < least or draw.coin()):
            found.append(make(draw, seen))
        collected = collect(found)
        return collected if len(collected) >= least else reject()

    return items
