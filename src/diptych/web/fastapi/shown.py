"""Answers of a route's own, shown as the HTTP face shows them: rows with computed columns, Structs, exact decimals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

import msgspec
from pydantic_core import core_schema

from diptych.codec import encode_answer
from diptych.web.fastapi.marks import Mark
from diptych.web.json_schemas import Schemas

T = TypeVar("T")

FOREIGN = "https://diptych.invalid/{name}"
"""What a reference looks like until the document tells where the schema stands; pydantic lets such ones pass."""

if TYPE_CHECKING:
    Answered: TypeAlias = Annotated[T, ...]
else:

    class Answered:
        """Say that a route returns a T, to be written and described as the HTTP face does: `-> Answered[OrderView]`.

        What pydantic could not write may be returned so, a msgspec Struct or a row with computed columns; it may also
        stand inside of other types: `-> Envelope[Answered[OrderView]]`. To type checkers it is the T itself.
        """

        def __class_getitem__(cls, tp: Any) -> Any:
            return Annotated[tp, _Shown(tp)]


def said_of_answer(tp: Any) -> dict[str, Any]:
    """Return what a mark says of an answer: its schema, and those that it names."""
    schemas = Schemas((), (tp,), ref=FOREIGN)
    return {"schema": schemas.answers[tp], "components": schemas.components}


class _Shown(Mark):
    def __init__(self, tp: Any) -> None:
        super().__init__(lambda: said_of_answer(tp))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:  # Any: of pydantic
        written = core_schema.plain_serializer_function_ser_schema(_written)
        return core_schema.any_schema(serialization=written)


def _written(value: Any) -> Any:
    return msgspec.json.decode(encode_answer(value))
