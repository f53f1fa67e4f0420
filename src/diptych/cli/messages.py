"""A message from the words of a command line: `Name --field value ...`, or its JSON."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import click
import msgspec

from diptych.codec import encode
from diptych.model.fields import Field, fields_of, is_record, split_marks, split_optional

_COLLECTIONS = (tuple, list, set, frozenset)
_LITERAL = (bool, int, float)


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the words as split: the application and the message that they name, fields with their texts, and JSON."""

    app: str | None
    name: str
    fields: tuple[tuple[str, str | None], ...]
    json: str | None


def split(words: Sequence[str], json: str | None) -> Words:
    """Split the words of `[APP] Name --field value ...`; `json` is the option's value, "" without one.

    A value follows its field after a space or `=`; a field without a value is a flag.
    """
    plain: list[str] = []
    if json and not json.startswith(("{", "[", '"', "-")):  # `--json Name`: a flag that took the next word
        plain, json = [json], ""
    rest = list(words)
    fields: list[tuple[str, str | None]] = []
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            plain.append(word)
            continue
        name, equals, value = word[2:].partition("=")
        given = value if equals else rest.pop(0) if rest and not rest[0].startswith("--") else None
        fields.append((name.replace("-", "_"), given))
    apps = [word for word in plain if ":" in word]
    names = [word for word in plain if ":" not in word]
    if len(names) > 1 or len(apps) > 1:
        raise click.UsageError(f"name one message; found {' '.join(plain)}")
    return Words(apps[0] if apps else None, names[0] if names else "", tuple(fields), _payload(json))


def find(name: str, known: Mapping[str, type], kind: str, others: Container[str] = ()) -> type:
    """Return the message class of this name; raise UsageError naming those that there are.

    `others` are the names of the other kind.
    """
    found = known.get(name)
    if found is not None:
        return found
    if name in others:
        what = "a command: diptych send" if kind == "query" else "a query: diptych ask"
        raise click.UsageError(f"{name} is {what} {name}")
    if not name:
        raise click.UsageError(f"name a {kind}; the application has: {', '.join(sorted(known)) or 'none'}")
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"it has: {', '.join(sorted(known)) or 'none'}"
    raise click.UsageError(f"the application has no {kind} {name!r}; {hint}")


def body(cls: type, words: Words) -> bytes:
    """Return the message as JSON; raise UsageError for a field that it does not have."""
    if words.json is not None:
        if words.fields:
            raise click.UsageError("give the message as --json or as fields, not both")
        return words.json.encode("utf-8", "surrogateescape")
    return encode(_values(cls, words.fields))


def _values(cls: type, given: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    described = {field.name: field for field in fields_of(cls)}
    values: dict[str, Any] = {}
    for name, text in given:
        if name not in described:
            raise click.UsageError(
                f"{cls.__name__} has no field {name!r}; its fields: {', '.join(described) or 'none'}"
            )
        field = described[name]
        if _repeats(field) and not (text or "").startswith("["):
            values.setdefault(name, []).append(_value(_item(field), name, text))
        elif name in values:
            raise click.UsageError(f"--{name} is given twice; {cls.__name__} takes one")
        else:
            values[name] = _value(field.type, name, text)
    return values


def _value(tp: Any, name: str, text: str | None) -> Any:
    if text is None:
        if tp is bool:
            return True
        raise click.UsageError(f"--{name} needs a value; one that begins with -- is written --{name}=--...")
    if tp in _LITERAL:
        try:
            return msgspec.convert(text, tp, strict=False)
        except msgspec.ValidationError:
            return text  # the shape check names the field and what it wants
    if tp is not str and text.startswith(("{", "[")):
        try:
            return msgspec.Raw(msgspec.json.format(text.encode(), indent=-1))
        except msgspec.DecodeError as wrong:
            raise click.UsageError(f"--{name} is no JSON: {wrong}") from wrong
    return _chosen(tp, text)


def _chosen(tp: Any, text: str) -> Any:
    """Return the member of a union or a Literal that the text means, where it is not a text."""
    if tp is str or is_record(tp) or not get_args(tp):
        return text
    try:
        return msgspec.convert(text, tp, strict=False)
    except (msgspec.ValidationError, TypeError):
        return text


def _repeats(field: Field) -> bool:
    return get_origin(field.type) in _COLLECTIONS


def _item(field: Field) -> Any:
    return split_optional(split_marks(get_args(field.type)[0])[0])[0]


def _payload(json: str | None) -> str | None:
    if json == "-":
        return sys.stdin.read()
    return json or None
