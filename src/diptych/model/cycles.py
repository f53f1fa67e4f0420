"""Cycles: records that hold others of their own type, such as the nodes of a tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from diptych.model.fields import fields_of, is_record
from diptych.model.memo import memo


@memo
def is_cyclic(cls: type) -> bool:
    """Say whether a record may hold another of its own type, at any depth."""
    met: set[type] = set()
    waiting = [cls]
    while waiting:
        found = {each for field in fields_of(waiting.pop()) for each in _records_in(field.hint)}
        if cls in found:
            return True
        waiting += found - met
        met |= found
    return False


def _records_in(hint: Any) -> Iterator[type]:
    for each in (hint, get_origin(hint)):  # Box, and Box[int]
        if is_record(each):
            yield each
    for each in get_args(hint):
        yield from _records_in(each)
