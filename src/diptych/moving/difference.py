"""The first difference between a log and its copy, found by reading both side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from msgspec.structs import replace

from diptych.moving.house import House
from diptych.ports import Record, StoredEvent

T = TypeVar("T", StoredEvent, Record)


async def difference(source: House, target: House, through: int) -> str:
    """Say in one sentence where a copy of the source up to a position first differs from it."""
    told = await _of_events(source, target, through) or await _of_records(source, target, through)
    return told or "a second reading found both equal: something writes one of them, or its disk is failing"


async def _of_events(source: House, target: House, through: int) -> str | None:
    theirs = _each(target.events(until=await target.log.head()))
    async for mine in _each(source.events(until=through)):
        other = await anext(theirs, None)
        where = f"the event at position {mine.position} ({mine.name} version {mine.version})"
        if other is None:
            return f"{where} is missing"
        if replace(other, position=mine.position) != mine:
            return f"{where} is another: {_fields(mine, replace(other, position=mine.position))}"
    more = await anext(theirs, None)
    return None if more is None else f"it has an event more, at position {more.position} ({more.name})"


async def _of_records(source: House, target: House, through: int) -> str | None:
    mine = {each.id: each async for each in _each(source.records(until=through))}
    async for other in _each(target.records(until=await target.log.head())):
        expected = mine.pop(other.id, None)
        where = f"the record of command {other.id} ({other.name})"
        if expected is None:
            return f"{where} is only in the copy: an application runs on it"
        expected = replace(expected, position=await target.log.located(expected.position))
        if other != expected:
            return f"{where} is another: {_fields(expected, other)}"
    missing = next(iter(mine.values()), None)
    return None if missing is None else f"the record of command {missing.id} ({missing.name}) is missing"


async def _each(pages: AsyncIterator[Sequence[T]]) -> AsyncIterator[T]:
    async for page in pages:
        for each in page:
            yield each


def _fields(mine: T, other: T) -> str:
    names = [name for name in mine.__struct_fields__ if getattr(mine, name) != getattr(other, name)]
    return f"{' and '.join(names)} differ{'s' if len(names) == 1 else ''}"
