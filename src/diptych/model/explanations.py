"""Explanations: every field of a message that does not fit its type, with what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Annotated, Any, get_args

import msgspec

from diptych.model.choices import naming_choices
from diptych.model.fields import Field, fields_of, is_record, split_marks, split_optional
from diptych.model.marks import GeneratedMark, NotBlank
from diptych.model.pydantic import is_model, is_refusal, maker_of, problems_of
from diptych.model.shadows import converted, readable_fields, shadow_of
from diptych.model.shape import Errors, checks_of, is_uniform, join

_AT = re.compile(r" - at `\$\.?(.*)`$")
_WORDS = {
    f"Expected `str` matching regex {NotBlank.pattern!r}": "must not be blank",
    "Invalid RFC3339 encoded datetime": "expected a datetime such as 2026-12-01T10:00:00Z",
    "Invalid UUID": "expected a UUID",
    "Invalid decimal string": "expected a decimal number",
}
_BOUND = re.compile(r"Expected `(?:int|float)` (<=?|>=?) (\S+)")
_BOUNDS = {">=": "at least", ">": "more than", "<=": "at most", "<": "less than"}

_UNREAD: Any = object()

Found = Iterator[tuple[str, str]]


def explain(cls: type, value: Any) -> Errors:
    """Report every field of a decoded JSON value that does not fit the message type.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Line:
    ...     code: str
    ...     quantity: int
    >>> explain(Line, {"quantity": "many"})
    {'code': ('is required',), 'quantity': ('expected `int`, got `str`',)}
    """
    return grouped(_explain(value, cls, ""))


def grouped(problems: Iterable[tuple[str, str]]) -> Errors:
    """Return every path with its messages."""
    found: dict[str, list[str]] = {}
    for path, message in problems:
        found.setdefault(path, []).append(message)
    return {path: tuple(messages) for path, messages in found.items()}


def refusals(wrong: BaseException, path: str) -> Found:
    """Yield what a model's validation found wrong below this path."""
    for location, message in problems_of(wrong):
        at = path
        for part in location:
            at = f"{at}[{part}]" if isinstance(part, int) else join(at, part)
        yield at, message


def _explain(value: Any, hint: Any, path: str) -> Found:
    bare, optional = split_optional(split_marks(hint)[0])
    bare = split_marks(bare)[0]
    if value is None and optional:
        return
    if is_record(bare) and isinstance(value, Mapping):
        yield from (_explain_model if is_model(bare) else _explain_record)(value, bare, path)
    elif is_uniform(bare) and isinstance(value, list):
        yield from _explain_items(value, hint, bare, path)
    else:
        yield from _explain_leaf(value, hint, path)


def _explain_record(value: Mapping[str, Any], cls: type, path: str, unread: Collection[str] = ()) -> Found:
    for described in fields_of(cls):
        at = join(path, described.name)
        if described.name in value:
            if described.name not in unread:
                yield from _explain(value[described.name], _accepted(described), at)
        elif described.required:
            yield at, "is required"


def _explain_model(value: Mapping[str, Any], cls: type, path: str) -> Found:
    """Report what is wrong with the types of a model's fields, then what its own validators say of the others."""
    shadow = shadow_of(cls)
    known = tuple(_explain_record(value, cls, path, shadow.unread))
    yield from known
    told = {at for at, _ in known}
    for at, message in _judged(value, cls, path):
        if not any(_is_within(other, (at,)) for other in told):
            yield at, message


def _judged(value: Mapping[str, Any], cls: type, path: str) -> Found:
    hints = {field.name: _accepted(field) for field in readable_fields(cls)}
    read = {name: _read(each, hints.get(name, Any)) for name, each in value.items()}
    given = shadow_of(cls).settled({name: value[name] if each is _UNREAD else each for name, each in read.items()})
    try:
        maker_of(cls)(**{name: each for name, each in given.items() if each is not None or name not in _filled(cls)})
    except ValueError as wrong:
        if not is_refusal(wrong):
            raise
        unread = {join(path, name) for name, each in read.items() if each is _UNREAD}
        yield from ((at, said) for at, said in refusals(wrong, path) if not _is_within(at, unread))


def _read(value: Any, hint: Any) -> Any:
    try:
        return converted(value, hint)
    except msgspec.ValidationError:  # reported already; the model may say more of its other fields
        return _UNREAD


def _is_within(path: str, others: Iterable[str]) -> bool:
    return any(path == other or path.startswith((f"{other}.", f"{other}[")) for other in others)


def _filled(cls: type) -> frozenset[str]:
    return frozenset(field.name for field in fields_of(cls) if field.mark(GeneratedMark))


def _explain_items(value: list[Any], hint: Any, bare: Any, path: str) -> Found:
    for index, item in enumerate(value):
        yield from _explain(item, get_args(bare)[0], f"{path}[{index}]")
    limits = tuple(mark for mark in split_marks(hint)[1] if isinstance(mark, msgspec.Meta))
    for limit in limits:
        yield from _explain_leaf([None] * len(value), _annotated(list[Any], limit), path)


def _explain_leaf(value: Any, hint: Any, path: str) -> Found:
    try:
        found = converted(value, hint)
    except msgspec.ValidationError as wrong:
        text = str(wrong)
        at = _AT.search(text)
        inner = at.group(1) if at else ""
        place = path + inner if inner.startswith("[") else join(path, inner) if inner else path
        if wrong.__cause__ is not None and is_refusal(wrong.__cause__):
            yield from refusals(wrong.__cause__, place)
        else:
            yield place, naming_choices(_plain(_AT.sub("", text)), hint)
    else:
        check = checks_of(hint)
        if check is not None and found is not None:
            yield from check(found, path)


def _plain(text: str) -> str:
    """Return what msgspec says in the words of the other messages."""
    if text in _WORDS:
        return _WORDS[text]
    bound = _BOUND.fullmatch(text)
    if bound:
        return f"expected {_BOUNDS[bound.group(1)]} {bound.group(2)}"
    return text[:1].lower() + text[1:]


def _accepted(described: Field) -> Any:
    return described.hint | None if described.mark(GeneratedMark) else described.hint


def _annotated(tp: Any, mark: Any) -> Any:
    return Annotated[tp, mark]
