"""Tags: the entities that an event is about, derived from the marks in its fields' types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin

from diptych.model.fields import Field, fields_of, split_marks
from diptych.model.marks import Tag
from diptych.model.memo import memo

Tagger = Callable[[Any], tuple[str, ...]]


def tag_text(key: str, value: object) -> str:
    """Return the stored form of a tag.

    >>> tag_text("order", 42)
    'order:42'
    """
    return f"{key}:{value}"


def tag_of(field: Field) -> Tag | None:
    """Return the Tag mark of a field: its own, or that of the items of a collection."""
    own: Tag | None = field.mark(Tag)
    return own or _item_tag(field)


@memo
def tagger(cls: type) -> Tagger:
    """Compile the function that returns an event's tags, sorted and without repeats.

    Fields of the event itself tag, alone or as items of a tuple; fields of nested values do not.
    """
    single = [(f.name, tag.key) for f in fields_of(cls) if (tag := f.mark(Tag)) is not None]
    many = [(f.name, tag.key) for f in fields_of(cls) if f.mark(Tag) is None and (tag := _item_tag(f)) is not None]
    if len(single) == 1 and not many and not _optional(cls, single[0][0]):
        return _one_tag(*single[0])
    return _all_tags(single, many)


def _one_tag(name: str, key: str) -> Tagger:
    prefix = f"{key}:"

    def tags(event: Any) -> tuple[str, ...]:
        return (f"{prefix}{getattr(event, name)}",)

    return tags


def _all_tags(single: Iterable[tuple[str, str]], many: Iterable[tuple[str, str]]) -> Tagger:
    def tags(event: Any) -> tuple[str, ...]:
        found = {f"{key}:{value}" for name, key in single if (value := getattr(event, name)) is not None}
        for name, key in many:
            found.update(f"{key}:{item}" for item in getattr(event, name) or ())
        return tuple(sorted(found))

    return tags


def _optional(cls: type, name: str) -> bool:
    return next(f.optional for f in fields_of(cls) if f.name == name)


def _item_tag(field: Field) -> Tag | None:
    if get_origin(field.type) not in (tuple, list, frozenset, set):
        return None
    for item in get_args(field.type):
        for mark in split_marks(item)[1]:
            if isinstance(mark, Tag):
                return mark
    return None
