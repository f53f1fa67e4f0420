"""Keys as text: what a command line or an address names a row, a moment or a command by."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from diptych.errors import InvalidMessageError
from diptych.model.operands import kind_of, storable
from diptych.model.projections import Key, ReadModel
from diptych.model.rows import Column
from diptych.model.shape import INT64_DIGITS


def key_of_text(model: ReadModel[Any], text: str) -> Key:
    """Return the key that a text names: the value of its only column, or those of several parted by commas.

    As in CSV, a part that holds a comma stands in double quotes. Raises InvalidMessageError naming the columns whose
    values do not fit.
    """
    columns = {column.name: column for column in model.columns}
    parts = [text] if len(model.key) == 1 else _parts(text)
    if len(parts) != len(model.key):
        wanted = f"a key of {model.name!r} has {len(model.key)} parts parted by commas ({','.join(model.key)})"
        raise InvalidMessageError(f"the key of {model.name}", {"": (f"{wanted}, found {len(parts)}",)})
    errors: dict[str, tuple[str, ...]] = {}
    key = [_value(columns[name], part, errors) for name, part in zip(model.key, parts, strict=True)]
    if errors:
        raise InvalidMessageError(f"the key of {model.name}", errors)
    return tuple(key)


def text_of_key(key: Sequence[Any]) -> str:
    """Return a key as text, for people."""
    return ",".join(str(part) for part in key)


def moment_of_text(text: str) -> int | datetime:
    """Return a position, or a time in ISO 8601 with a zone; raise ValueError for neither."""
    position = number_of_text(text)
    if position is not None:
        return position
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.utcoffset() is None:
        raise ValueError(f"expected a position or a time with a zone such as 2026-01-31T12:00:00Z, found {text[:40]!r}")
    return found


def command_of_text(text: str) -> UUID | int:
    """Return the id of a command, or the position of one of its events; raise ValueError for neither."""
    position = number_of_text(text)
    if position is not None:
        return position
    try:
        return UUID(text)
    except ValueError:
        raise ValueError(f"expected a command id or a position, found {text[:40]!r}") from None


def number_of_text(text: str) -> int | None:
    """Return the whole number that a text writes in decimal digits; None for any other text, and for a longer one."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= INT64_DIGITS else None


def _parts(text: str) -> list[str]:
    try:
        return next(csv.reader([text], skipinitialspace=True), [])
    except csv.Error:  # the end of a line within it, or a part too long
        return []


def _value(column: Column, text: str, errors: dict[str, tuple[str, ...]]) -> Any:
    try:
        value = text if column.type is str else msgspec.convert(text, column.type, strict=False)
        return value if kind_of(column) is None else storable(column, value)
    except msgspec.ValidationError as wrong:
        wanted = str(wrong).partition(",")[0]
        errors[column.name] = (f"{wanted[:1].lower()}{wanted[1:]}, found {text[:40]!r}",)
    except ValueError as wrong:  # of the type, and no row can have it
        errors[column.name] = (str(wrong),)
    return None
