"""Tags: the entities that an event is about, derived from the marks in its fields' types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin

from diptych.errors import WiringError
from diptych.model.fields import Field, fields_of, place_of, split_marks
from diptych.model.marks import Tag
from diptych.model.memo import memo
from diptych.model.messages import EventType

Tagger = Callable[[Any], tuple[str, ...]]


def tag_text(tag: Tag, value: object) -> str:
    """Return the stored form of a tag.

    >>> tag_text(Tag("order"), 42)
    'order:42'
    """
    return f"{tag.key}:{tag.text(value)}"


def tag_named(key: str, classes: Iterable[type]) -> Tag:
    """Return the mark by which these event classes carry a tag; raise WiringError where they do not agree on one."""
    found: dict[Tag, type] = {}
    for cls in classes:
        marks = {mark for field in fields_of(cls) if (mark := tag_of(field)) is not None and mark.key == key}
        if not marks:
            raise WiringError(
                f"no field of {cls.__qualname__} carries the tag {key!r}, by which its events are to be found; "
                f"its tags: {', '.join(sorted(tag_keys(cls))) or 'none'}",
                where=place_of(cls),
                fix=f"give the field that names it a type with Tag({key!r}), or correct the tag of who reads it",
            )
        found.update(dict.fromkeys(marks, cls))
    if len(found) > 1:
        first, second = list(found.values())[:2]
        raise WiringError(
            f"the tag {key!r} has another text in {first.__qualname__} than in {second.__qualname__}",
            where=place_of(second),
            fix=f"write Annotated[..., Tag({key!r}, text=...)] once, give the type a name and use it in both",
        )
    return next(iter(found), Tag(key))


def tag_of(field: Field) -> Tag | None:
    """Return the Tag mark of a field: its own, or that of the items of a collection."""
    own: Tag | None = field.mark(Tag)
    return own or _item_tag(field)


@memo
def tag_keys(cls: type) -> frozenset[str]:
    """Return the keys of the tags that every event stored as this class carries, unless their values are None or empty.

    A tagged field with a default is none of them where the class also takes JSON of versions that may lack the field.
    """
    stored: EventType | None = vars(cls).get("__event_type__")
    lenient = stored is not None and len(stored.versions) > 1
    found = ((field, tag_of(field)) for field in fields_of(cls))
    return frozenset(tag.key for field, tag in found if tag is not None and (field.required or not lenient))


@memo
def tagger(cls: type) -> Tagger:
    """Compile the function that returns an event's tags, sorted and without repeats.

    Fields of the event itself tag, alone or as items of a tuple; fields of nested values do not.
    """
    single = [(f.name, tag) for f in fields_of(cls) if (tag := f.mark(Tag)) is not None]
    many = [(f.name, tag) for f in fields_of(cls) if f.mark(Tag) is None and (tag := _item_tag(f)) is not None]
    if len(single) == 1 and not many and not _optional(cls, single[0][0]):
        return _one_tag(*single[0])
    return _all_tags(single, many)


def _one_tag(name: str, tag: Tag) -> Tagger:
    prefix, text = f"{tag.key}:", tag.text
    if text is str:
        return lambda event: (f"{prefix}{getattr(event, name)}",)
    return lambda event: (f"{prefix}{text(getattr(event, name))}",)


def _all_tags(single: Iterable[tuple[str, Tag]], many: Iterable[tuple[str, Tag]]) -> Tagger:
    def tags(event: Any) -> tuple[str, ...]:
        found = {tag_text(tag, value) for name, tag in single if (value := getattr(event, name)) is not None}
        for name, tag in many:
            found.update(tag_text(tag, item) for item in getattr(event, name) or ())
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
