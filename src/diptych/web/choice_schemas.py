"""JSON Schemas of unions that JSON does not tell apart: nobody could read one back, but answers are only shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

import msgspec

from diptych.model.fields import split_marks
from diptych.web.pydantic_schemas import Schema

_MEMBER = "x-member"


class Choice:
    """Stand for a union until the schemas of its members are made."""

    first: ClassVar[int]
    count: ClassVar[int]

    @classmethod
    def schema(cls) -> Schema:
        """Return the schema of the union, in which numbers stand for its members."""
        return {"anyOf": [{_MEMBER: cls.first + at} for at in range(cls.count)]}


class Choices:
    """Take such unions out of types that are to be described; `members` are to be described with them."""

    def __init__(self) -> None:
        self.members: list[Any] = []
        self._known: dict[Any, type[Choice]] = {}

    def described(self, tp: Any) -> Any:
        """Return a type that can be described: itself, one with choices in it, or Any where there is none."""
        if _is_describable(tp):
            return tp
        bare = split_marks(tp)[0]
        origin, args = get_origin(bare), get_args(bare)
        if origin in (Union, UnionType):
            return self._choice(args)
        if origin is None or not args:
            return Any
        made = origin[tuple(each if each is Ellipsis else self.described(each) for each in args)]
        return made if _is_describable(made) else Any

    def write_out(self, schemas: Iterable[Schema], members: Sequence[Schema]) -> None:
        """Put the schemas of members where numbers stand for them."""
        for schema in schemas:
            _write_out(schema, members)

    def _choice(self, args: tuple[Any, ...]) -> type[Choice]:
        if args not in self._known:
            told = [self.described(each) for each in args]
            first = len(self.members)
            self.members += told
            name = "_or_".join(getattr(each, "__name__", "Any") for each in told)
            self._known[args] = type(name, (Choice,), {"first": first, "count": len(told)})
        return self._known[args]


def _is_describable(tp: Any) -> bool:
    try:
        msgspec.inspect.type_info(tp)
    except TypeError:
        return False
    return True


def _write_out(schema: Any, members: Sequence[Schema]) -> None:
    if isinstance(schema, list):
        for each in schema:
            _write_out(each, members)
    elif isinstance(schema, dict):
        number = schema.pop(_MEMBER, None)
        if number is not None:
            schema.update(members[number])
        for each in schema.values():
            _write_out(each, members)
