"""JSON Schemas of types: dataclasses, Structs and pydantic models, with all that their marks say."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, get_args, get_origin

import msgspec

from diptych.model.answers import records_in, rows_in, shape_of
from diptych.model.fields import fields_of, split_marks, split_optional
from diptych.model.marks import GeneratedMark
from diptych.model.pydantic import is_model
from diptych.model.shape import INT64, is_uniform
from diptych.web.choice_schemas import Choice, Choices
from diptych.web.decimal_schemas import refine_decimal
from diptych.web.pydantic_schemas import Schema, add_bounds, schema_of_model

__all__ = ["REF", "Schema", "Schemas", "describe"]

REF = "#/components/schemas/{name}"
_NO_NAME = re.compile(r"[^a-zA-Z0-9._-]+")


class Schemas:
    """The schemas of messages and answers, made together so that equal names are told apart.

    Rows in `answers` have their computed columns. `components` holds the named ones, by name.
    """

    def __init__(self, messages: Iterable[type], answers: Iterable[Any] = (), *, ref: str = REF) -> None:
        messages, answers = tuple(messages), tuple(answers)
        types = [*messages, *answers]
        records = list(dict.fromkeys(record for tp in types for record in records_in(tp) if not _is_generic(record)))
        self._ref, self._foreign = ref, dict[str, Schema]()
        choices = Choices()
        told = [choices.described(tp) for tp in (*types, *records)]
        found, self.components = self._made([*told, *choices.members])
        self.components = {**self._foreign, **self.components}
        choices.write_out([*found, *self.components.values()], found[len(told) :])
        self.messages = dict(zip(messages, found, strict=False))
        self.answers = dict(zip(answers, found[len(messages) :], strict=False))
        for answer in answers:
            self._add_computed(rows_in(answer))
            _refine(answer, self.answers[answer])
        for record, reference in zip(records, found[len(types) : len(told)], strict=True):
            describe(record, self.component_behind(reference))
        for component in self.components.values():
            _say_plainly(component)

    def component(self, cls: type) -> Schema:
        """Return the schema of a message itself, behind its reference."""
        return self.component_behind(self.messages[cls])

    def component_behind(self, reference: Schema) -> Schema:
        """Return the schema that a reference names; an empty one where it is none."""
        found: Schema = self.components.get(reference.get("$ref", "").rpartition("/")[2], {})
        return found

    def _add_computed(self, rows: Iterable[type]) -> None:
        """Describe computed columns: they are shown beside the stored ones, and are no fields of the row."""
        for row in rows:
            shape, parts = schema_of_model(row, self._ref, shown=True) if is_model(row) else self._shape(row)
            (stored,), _ = self._made([row])
            self.components.setdefault(stored["$ref"].rpartition("/")[2], {}).update(
                properties=shape["properties"], required=shape["required"]
            )
            self.components.update({name: part for name, part in parts.items() if name not in self.components})

    def _shape(self, row: type) -> tuple[Schema, dict[str, Schema]]:
        (whole,), parts = self._made([shape_of(row)])
        return parts.pop(whole["$ref"].rpartition("/")[2]), parts

    def _made(self, types: Iterable[Any]) -> tuple[tuple[Schema, ...], dict[str, Schema]]:
        return msgspec.json.schema_components(types, schema_hook=self._foreign_schema, ref_template=self._ref)

    def _foreign_schema(self, cls: type) -> Schema:
        """Return the schema of a type that msgspec does not know."""
        if issubclass(cls, Choice):
            return cls.schema()
        if not is_model(cls):
            return {}
        schema, parts = schema_of_model(cls, self._ref)
        name = _NO_NAME.sub("_", cls.__name__).strip("_")
        self._foreign.update({**parts, name: schema})
        return {"$ref": self._ref.format(name=name)}


def describe(cls: type, schema: Schema) -> None:
    """Add what msgspec does not say: how times and exact decimals are written, what is filled, how big a number is."""
    for field in fields_of(cls):
        told = schema.get("properties", {}).get(field.name, {})
        _refine(field.hint, told, foreign=is_model(cls))
        if field.mark(GeneratedMark) is not None:
            told.pop("default", None)
            told["description"] = "Filled when absent."
        elif field.default is None:
            told["default"] = None


def _refine(hint: Any, schema: Schema, *, foreign: bool = False) -> None:
    bare, marks = split_marks(hint)
    bare, optional = split_optional(bare)
    bare, more = split_marks(bare)
    if bare is Decimal:
        refine_decimal((*marks, *more), schema)
        return
    choices = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    own = choices[0] if optional and len(choices) == 1 else schema
    if foreign:
        add_bounds((*marks, *more), own)
    _refine_one(bare, own, foreign=foreign)


def _refine_one(tp: Any, schema: Schema, *, foreign: bool) -> None:
    args = get_args(tp)
    if tp is datetime:
        schema["format"] = "date-time"
    elif tp is int:
        _refine_whole(schema)
    elif is_uniform(tp) and "items" in schema:
        _refine(args[0], schema["items"], foreign=foreign)
    elif _is_mapping(tp) and "additionalProperties" in schema:
        _refine(args[1], schema["additionalProperties"], foreign=foreign)


def _refine_whole(schema: Schema) -> None:
    """Say the bounds of 64 bits; the narrower ones of the type win."""
    schema["format"] = "int64"
    if "exclusiveMinimum" not in schema:
        schema.setdefault("minimum", -INT64)
    if "exclusiveMaximum" not in schema:
        schema.setdefault("maximum", INT64 - 1)


def _say_plainly(component: Schema) -> None:
    """Straighten a docstring, and leave out the one that a dataclass writes itself."""
    text = component.get("description")
    if isinstance(text, str):
        component["description"] = inspect.cleandoc(text)
        if text.startswith(f"{component.get('title')}("):
            del component["description"]


def _is_mapping(tp: Any) -> bool:
    origin = get_origin(tp)
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_generic(cls: type) -> bool:
    return bool(getattr(cls, "__parameters__", ()))
