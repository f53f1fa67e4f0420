"""Records of a csv or csv.gz file: one physical line each, so that what is wrong with one harms no other."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, NamedTuple, Protocol, TypeVar

R = TypeVar("R")
_NEVER_MEANT = "\x00\ufffd"
_SHOWN = 100


class Malformed(NamedTuple):
    """A line that cannot be taken, and why; the number is None where none can be made out."""

    place: int
    number: str | None
    reason: str
    text: str


class Placed(Protocol):
    """A record that knows its place in the file, the number or code that it is about, and its text."""

    @property
    def place(self) -> int:
        """Return the line, counted from 1 with the header."""

    @property
    def number(self) -> str | None:
        """Return the number of the document, or the code of the product."""

    @property
    def text(self) -> str:
        """Return the line as it stands in the file."""


class HeaderError(ValueError):
    """The file is not what is imported here."""


def format_of(file: Path, formats: Mapping[str, R]) -> R:
    """Return what the formats have under the file's header; raise HeaderError for a file that is something else."""
    with _opened(file) as text:
        found = _header(text)
    if found not in formats:
        wanted = " or ".join(map(repr, formats))
        raise HeaderError(f"{file} begins with {found[:_SHOWN]!r}; expected {wanted}")
    return formats[found]


def records(file: Path, read: Callable[[int, str], R]) -> Iterator[R | Malformed]:
    """Yield what `read` makes of the place and the text of every line after the header; a ValueError is a reason."""
    with _opened(file) as text:
        _header(text)
        for place, line in enumerate(text, 2):
            yield taken(place, line.rstrip("\r\n"), read)


def taken(place: int, text: str, read: Callable[[int, str], R]) -> R | Malformed:
    """Read one line."""
    try:
        return read(place, text)
    except (ValueError, csv.Error) as wrong:
        return Malformed(place, text.partition(",")[0].strip() or None, str(wrong), text)


def fields_of(text: str, columns: int) -> list[str]:
    """Return the fields of a line; raise ValueError, or csv.Error, for what is no text or has more or fewer."""
    if any(character in text for character in _NEVER_MEANT):
        raise ValueError("holds a character that is no text: NUL, or bytes that are not UTF-8")
    fields = next(csv.reader([text], strict=True), []) if '"' in text else text.split(",")
    if len(fields) != columns:
        raise ValueError(f"expected {columns} fields, found {len(fields)}")
    return fields


def _header(text: IO[str]) -> str:
    return next(text, "").removeprefix("\ufeff").rstrip("\r\n")


def _opened(file: Path) -> IO[str]:
    opener = gzip.open if file.suffix == ".gz" else open
    return opener(file, "rt", encoding="utf-8", errors="replace", newline="\n")
