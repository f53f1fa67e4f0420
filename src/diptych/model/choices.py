"""Choices: the values among which a field's type lets one choose."""

from __future__ import annotations

import enum
from typing import Any, Literal, get_args, get_origin

from diptych.model.fields import split_marks, split_optional

_MOST = 20


def choices_of(hint: Any) -> tuple[Any, ...]:
    """Return the values of a Literal or an Enum, as JSON writes them, or of the items of a collection; else nothing.

    >>> choices_of(tuple[Literal["name", "-name"], ...])
    ('name', '-name')
    """
    bare = split_marks(split_optional(split_marks(hint)[0])[0])[0]
    if get_origin(bare) is Literal:
        return get_args(bare)
    if isinstance(bare, type) and issubclass(bare, enum.Enum):
        return tuple(member.value for member in bare)
    return next((found for inner in get_args(bare) if (found := choices_of(inner))), ())


def naming_choices(problem: str, hint: Any) -> str:
    """Return a problem with a value that is none of a type's choices, with the choices; any other as it is."""
    choices = choices_of(hint) if "nvalid enum value" in problem else ()
    if not choices:
        return problem
    rest = f" and {len(choices) - _MOST} more" if len(choices) > _MOST else ""
    return f"{problem}; expected one of {', '.join(map(repr, choices[:_MOST]))}{rest}"
