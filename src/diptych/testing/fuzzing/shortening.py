"""Shortening: the shortest commands that still break the law, by leaving out and by simpler values.

A course is replayed in well under a millisecond, so this tries many more than a general shrinker would; what it returns
is short in the sense that no command can be left out, and no value made simpler by one step.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from diptych.errors import InvalidMessageError
from diptych.model.fields import fields_of, is_record
from diptych.model.marks import Tag
from diptych.model.meta import Context
from diptych.model.rows import change
from diptych.testing.clock import NOON
from diptych.write.requests import canonical

_PARTS = 6
_MOST = 3000
_STEPPED = 12


class Sent(NamedTuple):
    """A command and how it came."""

    command: Any
    context: Context


Course = tuple[Sent, ...]
Key = tuple[tuple[type, bytes, datetime, str | None], ...]
Breaks = Callable[[Course], bool]
Held = Callable[[Course, type], Iterable[Any]]


def shortened(course: Course, breaks: Breaks, held: Held, fixed: Collection[Any]) -> Course:
    """Return the shortest course found that still breaks; `fixed` types and fields keep their values.

    `held` tells the numbers that the states hold after some commands: where leaving one out makes a later amount wrong,
    such as what is due, a number of the state takes its place, or one.
    """
    tried: set[Key] = set()
    found = True
    while found and len(tried) < _MOST:
        candidates = itertools.chain(_shorter(course), _repaired(course, held), _plainer(course, fixed))
        shorter = next((each for each in candidates if _is_new(each, tried) and breaks(each)), None)
        found, course = shorter is not None, shorter or course
    return course


def _is_new(course: Course, tried: set[Key]) -> bool:
    """Say whether a course can be sent and was not tried before."""
    try:
        key = tuple((type(each), canonical(each)[0], context.now, context.principal) for each, context in course)
    except InvalidMessageError:
        return False
    if key in tried or len(tried) >= _MOST:
        return False
    tried.add(key)
    return True


def _shorter(course: Course) -> Iterator[Course]:
    yield from _without(course, (4, 2, 1))
    plain = tuple(Sent(sent.command, Context(NOON, sent.context.command_id)) for sent in course)
    if plain != course:
        yield plain
    for first, second in itertools.combinations(range(len(course)), 2):
        for command in _both(course[first].command, course[second].command):
            rest = (*course[:first], *course[first + 1 : second])
            yield (*rest, Sent(command, course[second].context), *course[second + 1 :])


def _plainer(course: Course, fixed: Collection[Any]) -> Iterator[Course]:
    for index, sent in enumerate(course):
        for command in _simpler(sent.command, fixed):
            yield _with(course, index, command)


def _repaired(course: Course, held: Held) -> Iterator[Course]:
    for shorter in _without(course, (1,)):
        for index, sent in enumerate(shorter):
            for field in fields_of(type(sent.command)):
                value = getattr(sent.command, field.name)
                if isinstance(value, (int, Decimal)) and field.mark(Tag) is None:
                    for number in dict.fromkeys((type(value)(1), *held(shorter[:index], type(value)))):
                        for command in _changed(sent.command, field.name, number):
                            yield _with(shorter, index, command)


def _without(course: Course, sizes: Sequence[int]) -> Iterator[Course]:
    for size in sizes:
        for start in range(len(course) - size, -1, -1):
            yield course[:start] + course[start + size :]


def _with(course: Course, index: int, command: Any) -> Course:
    return (*course[:index], Sent(command, course[index].context), *course[index + 1 :])


def _both(first: Any, second: Any) -> Iterator[Any]:
    """Yield the command that does at once what two do: of their class, alike but for one number, with the sum of it."""
    if type(first) is type(second):
        names = [field.name for field in fields_of(type(first))]
        other = [name for name in names if getattr(first, name) != getattr(second, name)]
        one: Any = getattr(first, other[0]) if len(other) == 1 else None
        two: Any = getattr(second, other[0]) if len(other) == 1 else None
        if isinstance(one, (int, Decimal)):
            yield from _changed(second, other[0], one + two)
        elif is_record(type(one)):
            yield from (found for each in _both(one, two) for found in _changed(second, other[0], each))
        elif not other:
            whole = [name for name in names if isinstance(getattr(first, name), Decimal)]
            yield from (found for name in whole for found in _changed(second, name, 2 * getattr(second, name)))


def _simpler(value: Any, fixed: Collection[Any]) -> Iterator[Any]:
    """Yield values that are simpler by one step, the simplest first."""
    if type(value) in fixed or isinstance(value, bool):
        return
    if is_record(type(value)):
        yield from _simpler_records(value, fixed)
    elif isinstance(value, tuple):
        yield from (value[:index] + value[index + 1 :] for index in range(len(value)))
        for index, each in enumerate(value[:_PARTS]):
            yield from ((*value[:index], simpler, *value[index + 1 :]) for simpler in _simpler(each, fixed))
    elif isinstance(value, (int, Decimal)):
        yield from _simpler_numbers(value)
    elif isinstance(value, str) and value != "a" and len(value) <= _PARTS:
        yield "a"


def _simpler_records(record: Any, fixed: Collection[Any]) -> Iterator[Any]:
    for field in fields_of(type(record)):
        if (type(record), field.name) not in fixed and field.hint not in fixed and field.mark(Tag) is None:
            for simpler in _simpler(getattr(record, field.name), fixed):
                yield from _changed(record, field.name, simpler)


def _changed(record: Any, name: str, value: Any) -> Iterator[Any]:
    """Yield the record with another value, unless its class, which has a say in what fits, refuses it."""
    with contextlib.suppress(ValueError):
        yield change(record, **{name: value})


def _simpler_numbers(value: Any) -> Iterator[Any]:
    kind = type(value)
    candidates = [kind(0), kind(1), kind(2), kind(int(value)), kind(int(value) // 2)]
    candidates += [value - 1] if abs(value) <= _STEPPED else []
    yield from (each for each in dict.fromkeys(candidates) if abs(each) < abs(value) and each != value)
