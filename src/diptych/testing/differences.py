"""Show what was expected and what was found, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any

from diptych.model.fields import fields_of, is_record

_WIDEST = 58


def lines_of(value: Any) -> list[str]:
    """Return a value as lines: a record with one line per field, text as it is, anything else by its repr."""
    if isinstance(value, str):
        return [value]
    if not is_record(type(value)):
        return [repr(value)]
    return [type(value).__name__, *(f"  {f.name} = {getattr(value, f.name)!r}" for f in fields_of(type(value)))]


def side_by_side(expected: Iterable[Any], found: Iterable[Any], *, reason: str) -> str:
    """Return a message with expected and found values in two columns; `!` marks the lines that differ.

    >>> print(side_by_side([1, 2], [1, 3], reason="other numbers"))
    other numbers
    <BLANKLINE>
      expected   found
      1          1
    ! 2          3
    """
    pairs = list(_pairs(list(expected), list(found)))
    width = min(_WIDEST, max((len(left) for left, _ in pairs), default=0))
    width = max(width, len("expected"))
    shown = [f"{'!' if left != right else ' '} {left:{width}}   {right}".rstrip() for left, right in pairs]
    return "\n".join([reason, "", f"  {'expected':{width}}   found", *shown])


def _pairs(expected: Sequence[Any], found: Sequence[Any]) -> Iterator[tuple[str, str]]:
    if not expected and not found:
        yield "nothing", "nothing"
    for left, right in zip_longest([lines_of(each) for each in expected], [lines_of(each) for each in found]):
        yield from zip_longest(left or ["nothing"], right or ["nothing"], fillvalue="")
